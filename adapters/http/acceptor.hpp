// The one place that listens: accepts, and gives each client to the server that has the fewest.
//
// One thread: the one that runs its loop. Owned by the app; the servers outlive it, and may be on other loops. Promises
// that no more sockets are open, all servers together, than limits.connections and kExtraConnections, and of those that
// are served no more from one address than limits.connections_per_address.
//
// Not SO_REUSEPORT: it deals few clients unevenly, and a second process of the same user could bind without an error.
#pragma once

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "adapters/http/addresses.hpp"
#include "adapters/http/server.hpp"
#include "gateway/counters.hpp"
#include "gateway/limits.hpp"

namespace fieldcast::http {

// Clients accepted before the loop's other work has its turn: a storm of clients that come back together must not hold
// up those that are there.
inline constexpr int kAcceptedAtOnce = 16;

struct ListenAddress {
  std::string host;        // an IP address, without brackets
  std::uint16_t port = 0;  // 0: any that is free, see Acceptor::endpoints()
  // A socket that listens already, in the place of both: it is taken over, and listens on for its other owner when the
  // acceptor has stopped. Whoever connects then waits.
  int inherited = -1;
};

class Acceptor {
 public:
  /// Binds and listens; begins to accept when the loop runs. Limits that a client reaches here are counted in
  /// `counters`. Throws std::runtime_error ("cannot listen on 127.0.0.1:8080: Address already in use").
  Acceptor(asio::io_context& loop, const std::vector<ListenAddress>& addresses, std::vector<Server*> servers,
           const Limits& limits, Counters& counters);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  /// What is listened on, in the order of the addresses.
  std::vector<asio::ip::tcp::endpoint> endpoints() const;

  /// Listens no more; what servers were given before is theirs. May be called twice.
  void stop();

 private:
  struct Listener;

  void wait(Listener& listener);
  void accept(Listener& listener);
  void hand_over(Socket socket, const asio::ip::address& from, Server& server);

  const std::vector<Server*> servers_;
  const std::size_t connections_;
  Addresses addresses_;
  Counters& counters_;
  std::vector<std::unique_ptr<Listener>> listeners_;
};

}  // namespace fieldcast::http

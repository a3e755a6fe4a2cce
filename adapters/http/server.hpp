// The door out of one shard: listens, accepts, and holds the connections. Sessions take their streams from
// the shard's hub.
//
// One thread: the one that runs the loop. Owned by the app, with everything it is given by reference outliving
// it; the loop must not run any more once the server is destroyed. Promises that no more sockets are open than
// limits.connections and kExtraConnections.
#pragma once

#include <asio/basic_waitable_timer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "adapters/http/routes.hpp"
#include "adapters/http/upgrade.hpp"
#include "gateway/hub.hpp"

namespace fieldcast::http {

// Sockets over limits.connections that are told so, at once; more are closed without a word. They serve health
// checks and metrics too, which must work when the gateway is full.
inline constexpr std::size_t kExtraConnections = 64;

struct ListenAddress {
  std::string host;        // an IP address, without brackets
  std::uint16_t port = 0;  // 0: any that is free, see Server::endpoints()
};

struct Settings {
  std::vector<ListenAddress> listen{{"127.0.0.1", 8080}};
  std::vector<std::string> hosts;    // names that `Host` may have besides addresses, localhost and this machine's own
  std::vector<std::string> origins;  // that may ask besides our own: `https://example.com`
  std::chrono::milliseconds stalled = std::chrono::minutes(5);  // a socket that took no byte for so long is closed
};

struct Shared;
class Connection;

class Server {
 public:
  /// Binds and listens; begins to accept when the loop runs. Throws std::runtime_error ("cannot listen on
  /// 127.0.0.1:8080: Address already in use").
  Server(asio::io_context& loop, Hub& hub, const Settings& settings, Routes routes, UpgradeFactory upgrade);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// What is listened on, in the order of the settings.
  std::vector<asio::ip::tcp::endpoint> endpoints() const;

  /// No new connections, no new streams; idle connections are closed and sessions told. `gone` is called once, from the
  /// loop, when the last connection is closed. To be called once.
  void stop(std::function<void()> gone);

  /// Closes what is left.
  void abort_all();

 private:
  using Timer = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>,
                                           asio::io_context::executor_type>;
  struct Listener;

  void accept(Listener& listener);
  void admit(asio::basic_stream_socket<asio::ip::tcp, asio::io_context::executor_type> socket);
  template <class Visit>
  void each_connection(Visit visit);
  void remove(Connection& connection);
  void tick();
  void tell_if_gone();

  asio::io_context& loop_;
  Hub& hub_;
  std::unique_ptr<Shared> shared_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<std::shared_ptr<Connection>> connections_;
  std::size_t extra_ = 0;  // of them, over the limit
  Timer timer_;
  std::function<void()> gone_;
};

}  // namespace fieldcast::http

// The door out of one shard: holds the connections that the acceptor gives it. Sessions take their streams from the
// shard's hub, and hand commands to its publications.
//
// One thread, the one that runs the loop, but where another is named. Owned by the app, with everything it is given by
// reference outliving it; the loop must not run any more once the server is destroyed.
#pragma once

#include <asio/basic_waitable_timer.hpp>
#include <asio/io_context.hpp>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/http/routes.hpp"
#include "adapters/http/socket.hpp"
#include "adapters/http/upgrade.hpp"
#include "gateway/hub.hpp"
#include "gateway/limit.hpp"
#include "gateway/limits.hpp"
#include "gateway/publications.hpp"

namespace fieldcast::http {

class Certificate;

struct Settings {
  std::vector<std::string> hosts;    // names that `Host` may have besides addresses, localhost and this machine's own
  std::vector<std::string> origins;  // that may ask besides our own: `https://example.com`
  std::chrono::milliseconds stalled = std::chrono::minutes(5);  // a socket that took no byte for so long is closed
  std::size_t crowd = 5'000;                 // clients of one server from which on idle ones are let go sooner
  const Certificate* certificate = nullptr;  // TLS is spoken with it, and nothing else; outlives the server
  bool websocket_everywhere = false;         // a WebSocket is served at each path that is no other's
};

struct Shared;
class Connection;

class Server {
 public:
  Server(asio::io_context& loop, Hub& hub, Publications& publications, const Settings& settings, Routes routes,
         UpgradeFactory upgrade);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  asio::io_context& loop() { return loop_; }

  /// Takes over a client whose socket is on loop(), and counts it from here until it is gone. One that comes after
  /// stop(), or when the loop runs no more, is closed. `over`: the limit that it is over, which it is told.
  /// `of_address` is held until it is gone. Any thread.
  void take(Socket socket, std::optional<Limit> over, std::shared_ptr<const void> of_address = nullptr);

  /// Clients taken and not gone yet, those that are over no limit, and the others. Any thread.
  std::size_t clients() const { return clients_->load(std::memory_order_relaxed); }
  std::size_t extra_clients() const { return extra_clients_->load(std::memory_order_relaxed); }

  /// No new connections, no new streams; sessions are told, and idle connections closed, each without a reset: what its
  /// client sent is read, and the first request of a new one is waited for a moment. `gone` is called once, from the
  /// loop, when the last connection is closed. To be called once.
  void stop(std::function<void()> gone);

  /// Closes what is left.
  void abort_all();

 private:
  using Timer = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>,
                                           asio::io_context::executor_type>;
  using Count = std::atomic<std::size_t>;

  void admit(Socket socket, std::optional<Limit> over, std::shared_ptr<const void> place);
  template <class Visit>
  void each_connection(Visit visit);
  void remove(Connection& connection);
  void tick();
  void sweep(std::size_t before);
  void tell_if_gone();

  asio::io_context& loop_;
  Hub& hub_;
  const Certificate* const certificate_;
  const std::size_t crowd_;
  std::unique_ptr<Shared> shared_;
  std::vector<std::shared_ptr<Connection>> connections_;
  // Shared with the places of clients: one whose loop ended before it came may be the last to go.
  const std::shared_ptr<Count> clients_ = std::make_shared<Count>(), extra_clients_ = std::make_shared<Count>();
  Timer timer_;
  std::function<void()> gone_;
};

}  // namespace fieldcast::http

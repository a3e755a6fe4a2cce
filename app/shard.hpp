// One event loop with all that lives on it: a hub, the sockets of its clients, and their sessions.
//
// run() is its thread; the log wakes it from any other. Owned by the Program, which keeps log, clock, limits and
// counters alive for longer.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <atomic>
#include <functional>

#include "adapters/http/server.hpp"
#include "gateway/clock.hpp"
#include "gateway/counters.hpp"
#include "gateway/hub.hpp"
#include "gateway/limits.hpp"
#include "gateway/log.hpp"

namespace fieldcast {

class Shard final : private Log::Wakeup {
 public:
  /// Registers with the log, binds and listens. Throws std::runtime_error where an address cannot be had.
  Shard(Log& log, const Clock& clock, const Limits& limits, Counters& counters, const http::Settings& settings,
        http::Routes routes);

  asio::io_context& loop() { return loop_; }
  const http::Server& server() const { return server_; }

  /// Until stop() is through. What a handler throws comes out here: it is a fault of ours.
  void run();

  /// Tells every client and waits for it to go, no longer than `patience`; then run() returns. On the loop's thread.
  void stop(std::chrono::milliseconds patience);

 private:
  void wake() noexcept override;
  void tick();

  asio::io_context loop_{1};
  std::atomic<bool> run_posted_{false};
  Hub hub_;
  http::Server server_;
  asio::steady_timer tick_timer_;
  asio::steady_timer patience_timer_;
};

}  // namespace fieldcast

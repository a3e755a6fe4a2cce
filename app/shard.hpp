// One event loop with all that lives on it: a hub, the commands of its clients, their sockets and their sessions.
//
// run() is its thread; log and publisher wake it from any other, and so does stop(). Owned by Shards; the log, the
// publisher and the clock outlive it.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <atomic>
#include <chrono>

#include "adapters/http/server.hpp"
#include "adapters/websocket/endpoint.hpp"
#include "app/loop_lag.hpp"
#include "gateway/clock.hpp"
#include "gateway/counters.hpp"
#include "gateway/hub.hpp"
#include "gateway/limits.hpp"
#include "gateway/log.hpp"
#include "gateway/publications.hpp"

namespace fieldcast {

class Shard final : private Wakeup {
 public:
  /// Registers with the log. `limits` are this shard's own. `may_publish`: whether its clients may.
  Shard(Log& log, Publisher& publisher, bool may_publish, const Clock& clock, const Limits& limits,
        const http::Settings& settings, http::Routes routes);

  asio::io_context& loop() { return loop_; }
  http::Server& server() { return server_; }
  Counters& counters() { return counters_; }
  /// Any thread.
  const LoopLag& lag() const { return lag_; }

  /// When the loop last turned. Any thread.
  Instant turned() const { return Instant(turned_.load(std::memory_order_relaxed)); }

  /// Until stop() is through. What a handler throws comes out here: it is a fault of ours.
  void run();

  /// Tells every client and waits for it to go, no longer than `patience`; then run() returns. Once, from any thread.
  void stop(std::chrono::milliseconds patience);

 private:
  void wake() noexcept override;
  void tick();
  void note_lag();

  const Clock& clock_;
  std::atomic<Instant::rep> turned_;
  Counters counters_;
  const Limits limits_;
  asio::io_context loop_{1};
  std::atomic<bool> run_posted_{false};
  Hub hub_;
  Publications publications_;
  websocket::IncompleteMessages incomplete_messages_;
  http::Server server_;
  asio::steady_timer tick_timer_;
  Instant tick_due_{};
  LoopLag lag_;
  asio::steady_timer patience_timer_;
};

}  // namespace fieldcast

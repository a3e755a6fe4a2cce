// All shards of the program and the acceptor before them: the first runs on the thread that calls run(), with the
// acceptor on its loop; each other one on a thread of its own. They share log and publisher, and nothing else.
//
// Owned by the program; log, publisher and clock outlive it, and have stopped when it is destroyed.
#pragma once

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <vector>

#include "adapters/http/acceptor.hpp"
#include "app/shard.hpp"

namespace fieldcast {

class Shards {
 public:
  struct Options {
    std::size_t threads = 1;  // one shard each; at least 1
    std::vector<http::ListenAddress> listen;
    http::Settings http;
    bool may_publish = false;            // clients, whoever they are
    Limits limits;                       // of all shards together: each gets its part of views, view_bytes and polls
    std::chrono::milliseconds patience;  // with clients, at a stop
  };

  /// Binds and listens. The handlers of the routes are called by any of the threads, several at the same time. Throws
  /// std::runtime_error where an address cannot be had.
  Shards(Log& log, Publisher& publisher, const Clock& clock, const Options& options, const http::Routes& routes);

  /// The loop of the thread that calls run().
  asio::io_context& loop() { return shards_.front()->loop(); }
  std::vector<asio::ip::tcp::endpoint> endpoints() const { return acceptor_->endpoints(); }
  /// Of each shard, in seconds. Any thread.
  std::vector<double> loop_lags() const;
  /// One set of each shard.
  std::vector<const Counters*> counters() const;

  /// Up to when all of them have turned. Any thread.
  Instant turned() const;

  /// Until all shards are through. Where a handler threw on any of the threads, which is a fault of ours, all are
  /// stopped, and the first such exception is thrown here.
  void run();

  /// Listens no more, and tells all clients, at the same time. On the thread of run(); may be called again.
  void stop();

 private:
  void run_thread(std::size_t number) noexcept;

  const std::chrono::milliseconds patience_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<std::exception_ptr> faults_;  // one place for each shard, its thread's own until that is joined
  std::optional<http::Acceptor> acceptor_;
  bool stopping_ = false;
};

}  // namespace fieldcast

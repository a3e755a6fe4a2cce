// Many clients of one stream each, read by one thread with one epoll set. It reads whole batches and looks for nothing
// but our own payloads in them (load.hpp), so that it costs less than any server.
//
// Owned by the main thread, which calls everything; the reading thread runs from start() to finish() or the end of the
// object. Promises that finish() returns only where each client has seen the readings 0, 1, 2, … to the last, once and
// in order, but for those that a gap stood for.
#pragma once

#include <atomic>
#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/wire.hpp"
#include "tests/support/deadline.hpp"

namespace fieldcast::bench {

/// One delivered reading.
struct Receipt {
  std::uint32_t client, n;
  std::uint32_t microseconds;  // since it was published
};

/// Some bytes of a stream with their framing: one batch.
struct Frame {
  std::string bytes;
  std::uint32_t readings = 0;
};

class Clients {
 public:
  /// Not for polls.
  explicit Clients(Wire wire);
  ~Clients();
  Clients(const Clients&) = delete;
  Clients& operator=(const Clients&) = delete;

  /// Connects `count` more to 127.0.0.1 and waits for the first batch of each. `receive_buffer` (bytes) makes the
  /// kernel's small, 0 leaves it.
  void open(std::uint16_t port, const std::string& filter, std::size_t count, int receive_buffer = 0);

  /// Begins to read; `total` readings are to come. Once only. `keep_frames`: frames() is wanted.
  void start(std::uint32_t total, bool keep_frames = false);
  /// The first `count` clients read no more; with 0 all read again.
  void pause(std::size_t count) { paused_wanted_ = count; }
  /// Waits until each client has seen the last reading. Throws where one is missing, comes twice or out of order,
  /// where a connection ends, and TimedOut.
  void finish(test::Deadline deadline = {});

  // After finish():
  const std::vector<Receipt>& receipts() const { return receipts_; }
  /// The frames with readings that the first client got, where they were to be kept.
  const std::vector<Frame>& frames() const { return frames_; }
  std::uint64_t gaps() const { return gaps_; }
  /// CPU time that the reading thread took.
  double cpu_seconds() const { return cpu_seconds_; }

 private:
  struct Client {
    int fd = -1;
    std::string rest{};      // of a frame that has not come whole
    std::uint32_t next = 0;  // reading that is to come
    bool gap = false;        // stated since the last reading
  };

  void run();
  void watch(int operation, std::size_t client) const;
  void read(std::size_t index);
  std::size_t take_frame(std::size_t index, std::string_view bytes);
  std::uint32_t take_batch(std::size_t index, std::string_view batch);

  const Wire wire_;
  const int epoll_;
  std::vector<Client> clients_;
  std::uint32_t total_ = 0;
  bool keep_frames_ = false;
  std::size_t unfinished_ = 0, paused_ = 0;
  std::atomic<std::size_t> paused_wanted_{0};
  std::atomic<bool> stop_{false};
  std::uint64_t now_ = 0;  // when the bytes came that are looked at
  std::vector<char> buffer_;
  std::vector<Receipt> receipts_;
  std::vector<Frame> frames_;
  std::uint64_t gaps_ = 0;
  double cpu_seconds_ = 0;
  std::future<void> reader_;
};

}  // namespace fieldcast::bench

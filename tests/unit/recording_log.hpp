// A log's writer that remembers what was appended and lets a test wait for it. Written by the thread that appends, read
// by the test's; outlives the writer.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "gateway/log.hpp"
#include "tests/support/deadline.hpp"

namespace fieldcast::test {

class RecordingLog final : public LogWriter {
 public:
  /// What was appended; strings of its own.
  struct Kept {
    Kind kind;
    std::string topic, payload;
    bool retained = false, redelivered = false, session_resumed = false;
    LinkState state = LinkState::down;
    std::uint64_t size = 0;
    bool operator==(const Kept&) const = default;
  };

  /// Remembers what `next` takes.
  explicit RecordingLog(LogWriter& next) : next_(next) {}

  bool append(const NewEntry& e) noexcept override {
    if (!next_.append(e)) return false;
    const std::lock_guard lock(mutex_);
    entries_.push_back({e.kind, std::string(e.topic), std::string(e.payload), e.retained, e.redelivered,
                        e.session_resumed, e.state, e.size});
    changed_.notify_all();
    return true;
  }

  std::vector<Kept> entries() const {
    const std::lock_guard lock(mutex_);
    return entries_;
  }

  /// Waits until there are that many entries and returns all. Throws TimedOut.
  std::vector<Kept> wait_for(std::size_t count, Deadline deadline = {}) const {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_until(lock, deadline.at(), [&] { return entries_.size() >= count; }))
      throw TimedOut(std::to_string(entries_.size()) + " of " + std::to_string(count) + " entries");
    return entries_;
  }

 private:
  LogWriter& next_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<Kept> entries_;
};

}  // namespace fieldcast::test

// A log that only remembers what was appended, and lets a test wait for it. It leaves out nothing. Written by the
// thread that appends, read by the test's; outlives the writer.
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
    std::string broker, topic, payload;
    bool retained = false, redelivered = false, session_resumed = false;
    LinkState state = LinkState::down;
    std::uint64_t size = 0;
    std::uint8_t qos = 0;
    bool operator==(const Kept&) const = default;
  };

  bool append(const NewEntry& e) noexcept override {
    const std::lock_guard lock(mutex_);
    entries_.push_back({e.kind, std::string(e.broker), std::string(e.topic), std::string(e.payload), e.retained,
                        e.redelivered, e.session_resumed, e.state, e.size, e.qos});
    packet_ids_.push_back(e.packet_id);
    changed_.notify_all();
    return true;
  }

  std::vector<Kept> entries() const {
    const std::lock_guard lock(mutex_);
    return entries_;
  }

  /// Those of the entries, in the same order: apart, since a real broker chooses them.
  std::vector<std::uint16_t> packet_ids() const {
    const std::lock_guard lock(mutex_);
    return packet_ids_;
  }

  /// Waits until there are that many entries and returns all. Throws TimedOut.
  std::vector<Kept> wait_for(std::size_t count, Deadline deadline = {}) const {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_until(lock, deadline.at(), [&] { return entries_.size() >= count; }))
      throw TimedOut(std::to_string(entries_.size()) + " of " + std::to_string(count) + " entries");
    return entries_;
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<Kept> entries_;
  std::vector<std::uint16_t> packet_ids_;
};

}  // namespace fieldcast::test

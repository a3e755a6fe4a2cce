// The log in memory: the ring of recent entries, and the latest reading of every topic. Nothing of it
// survives the process: each start is a log of its own, with a tag of its own.
//
//   records_:  one array of bytes, used as a ring; a record never wraps, so the end of the array may stay unused
//
//   record  = | Header | topic | payload |            begins on 8 bytes
//   entries_: where each record kept begins, oldest first; seq = floor + 1 + its place
//
// Any thread; one mutex, held for as long as it takes to copy at most one read's bytes. Owned by the app,
// outlives brokers and hubs.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "gateway/clock.hpp"
#include "gateway/counters.hpp"
#include "gateway/limits.hpp"
#include "gateway/log.hpp"

namespace fieldcast {

class MemoryLog final : public Log {
 public:
  struct Options {
    std::size_t bytes = 16u << 20;  // of the ring, allocated page by page as it fills; at least smallest_ring()
    std::size_t entries = 100'000;  // at most this many are kept, at least 1
  };

  /// A ring that holds the largest reading that the limits allow.
  static std::size_t smallest_ring(const Limits& limits);

  /// Clock, limits and counters outlive the log. Throws std::bad_alloc, or std::invalid_argument for a ring
  /// below smallest_ring().
  MemoryLog(const Clock& clock, const Limits& limits, Options options, Counters& counters);
  ~MemoryLog() override;

  bool append(const NewEntry& entry) noexcept override;
  std::uint64_t tag() const noexcept override { return tag_; }
  std::uint64_t head() const noexcept override { return head_.load(std::memory_order_acquire); }
  std::uint64_t floor() const noexcept override;
  std::uint64_t read(std::uint64_t after, std::uint64_t until, std::size_t max_bytes, Chunk& chunk) const override;
  std::uint64_t before(std::int64_t time) const override;
  std::uint64_t latest(std::uint64_t after, std::uint64_t until, const std::function<bool(std::string_view)>& wanted,
                       std::size_t max_entries, std::size_t max_bytes, Chunk& chunk) const override;
  bool forgot_topics() const noexcept override { return forgot_topics_.load(std::memory_order_relaxed); }
  void add_wakeup(Wakeup& wakeup) override;

 private:
  struct Header;
  struct Kept {
    std::size_t offset;
    std::int64_t time;
  };
  struct Latest {
    std::string topic, payload;
    Entry entry;  // its strings are those above
    std::size_t bytes() const;
  };
  using BySeq = std::map<std::uint64_t, std::unique_ptr<Latest>>;

  void put(const Entry& entry);
  void drop_oldest();
  void remember(const Entry& entry);
  void forget_longest_silent();

  const Clock& clock_;
  const Limits& limits_;
  const Options options_;
  Counters& counters_;
  const std::uint64_t tag_;
  std::vector<Wakeup*> wakeups_;
  std::atomic<std::uint64_t> head_{0};
  std::atomic<bool> forgot_topics_{false};

  mutable std::mutex mutex_;  // all below
  char* records_;
  std::size_t write_at_ = 0;
  std::deque<Kept> entries_;
  BySeq latest_;  // by the seq of the latest reading: the topic that is silent longest comes first
  std::unordered_map<std::string_view, BySeq::iterator> topics_;  // keys are the topics in latest_
  std::size_t latest_bytes_ = 0;
};

}  // namespace fieldcast

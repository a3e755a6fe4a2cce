// The latest reading of every topic, by the topic and in log order. Bounded: the topic that is silent longest is
// forgotten first. Not safe for threads by itself: the log guards it. Owned by the log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "gateway/counters.hpp"
#include "gateway/limits.hpp"
#include "gateway/log.hpp"

namespace fieldcast {

class LatestReadings {
 public:
  /// Both outlive it.
  LatestReadings(const Limits& limits, Counters& counters) : limits_(limits), counters_(counters) {}

  /// It replaces its topic's, unless that is newer.
  void remember(const Entry& reading);

  /// Null where there is none. Good until the next remember().
  const Entry* find(std::string_view topic) const;

  /// As Log::latest.
  std::uint64_t step(std::uint64_t after, std::uint64_t until, const std::function<bool(std::string_view)>& wanted,
                     std::size_t max_entries, std::size_t max_bytes, Chunk& chunk) const;

  bool empty() const { return by_seq_.empty(); }
  bool forgot() const { return forgot_; }
  void set_forgot() { forgot_ = true; }

 private:
  struct Latest {
    std::string broker, topic, payload;
    Entry entry;  // its strings are those above
    std::size_t bytes() const;
  };
  using BySeq = std::map<std::uint64_t, std::unique_ptr<Latest>>;

  void forget_longest_silent();

  const Limits& limits_;
  Counters& counters_;
  BySeq by_seq_;  // of the latest reading: the topic that is silent longest comes first
  std::unordered_map<std::string_view, BySeq::iterator> topics_;  // keys are the topics in by_seq_
  std::size_t bytes_ = 0;
  bool forgot_ = false;
};

}  // namespace fieldcast

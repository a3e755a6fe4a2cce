// The latest reading of every topic and the count of its readings, by the topic, by its name and in log order. Bounded:
// the topic that is silent longest is forgotten first. Not safe for threads by itself: the log guards it. Owned by the
// log.
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

  /// Whether take_over() is to bring it again.
  enum class Counted : bool { for_good, provisionally };

  /// It replaces its topic's and counts, unless that is newer or the same.
  void remember(const Entry& reading, Counted counted = Counted::for_good);

  /// It replaces its topic's with this count, unless that is newer or the same.
  void restore(const Entry& reading, std::uint64_t count);

  /// What `former` knows of up to `max_topics` topics, all from before this one began, is added to what came since, and
  /// takes the place of what was counted provisionally; `former` forgets it.
  void take_over(LatestReadings& former, std::size_t max_topics);

  /// Null where there is none. Good until the next change.
  const Entry* find(std::string_view topic) const;

  /// As Log::latest.
  std::uint64_t step(std::uint64_t after, std::uint64_t until, const std::function<bool(std::string_view)>& wanted,
                     std::size_t max_entries, std::size_t max_bytes, Chunk& chunk) const;

  /// As Log::topics.
  bool step_by_name(std::string& after, const FilterSet& filters, std::size_t max_entries, std::size_t max_bytes,
                    Chunk& chunk) const;

  bool empty() const { return by_seq_.empty(); }
  bool forgot() const { return forgot_; }
  void set_forgot() { forgot_ = true; }

 private:
  struct Count {
    std::uint64_t all = 0, provisional = 0;
  };
  struct Latest {
    std::string broker, topic, payload;
    Entry entry;  // its strings are those above
    Count count;
    std::size_t bytes() const;
  };
  using BySeq = std::map<std::uint64_t, std::unique_ptr<Latest>>;
  using Topics = std::unordered_map<std::string_view, BySeq::iterator>;
  using ByName = std::map<std::string_view, const Latest*>;

  void replace(Topics::iterator known, const Entry& reading, Count count);
  void add_former(const Latest& former);
  void erase_longest_silent();

  const Limits& limits_;
  Counters& counters_;
  BySeq by_seq_;    // of the latest reading: the topic that is silent longest comes first
  Topics topics_;   // keys are the topics in by_seq_, here and below
  ByName by_name_;  // changes only when a topic is first seen or forgotten, so that it costs other readings nothing
  std::size_t bytes_ = 0;
  bool forgot_ = false;
};

}  // namespace fieldcast

// The fan-out of one shard: reads the log once, matches each entry against the filters of all views,
// encodes it once, and wakes the streams that wait. Shares nothing with other shards but the log.
// One thread: its shard's.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gateway/clock.hpp"
#include "gateway/counters.hpp"
#include "gateway/filter_tree.hpp"
#include "gateway/limits.hpp"
#include "gateway/log.hpp"
#include "gateway/log_reader.hpp"
#include "gateway/result.hpp"
#include "gateway/stream.hpp"
#include "gateway/view.hpp"

namespace fieldcast {

class Hub {
 public:
  /// All of them outlive the hub, and the hub its readers. A woken shard calls run(), later and from its loop;
  /// woken several times before that, once is enough.
  Hub(Log& log, const Clock& clock, const Limits& limits, Counters& counters, Wakeup& shard);
  ~Hub();
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  /// One turn: a chunk of new entries goes to the views, and the streams that have something are told. To be
  /// called after each wake-up of the log.
  void run();

  /// Forgets views that no client has used for kViewKept, and notes how far the log is now. About every kTick.
  void tick();

  /// Every view has what matches up to here.
  std::uint64_t position() const { return position_; }

  const Clock& clock() const { return clock_; }
  const Limits& limits() const { return limits_; }
  Counters& counters() { return counters_; }
  /// Whether readings are told with their broker's name.
  bool names_brokers() const { return names_brokers_; }
  /// Counts a page among what is not yet in a socket, until it is gone.
  template <class Page>
  std::shared_ptr<const Page> counted(std::shared_ptr<const Page> page, std::size_t bytes) {
    counters_.pages_bytes.add(bytes);
    const Page* const at = page.get();
    return {at,
            [page = std::move(page), bytes, &counters = counters_](const Page*) { counters.pages_bytes.sub(bytes); }};
  }

 private:
  friend class HistoryPageReader;
  friend class Stream;
  friend class TopicPageReader;

  struct ByFilters {
    using is_transparent = void;
    static const FilterSet& key(const FilterSet& filters) { return filters; }
    static const FilterSet& key(const std::unique_ptr<View>& view) { return view->filters(); }
    bool operator()(const auto& a, const auto& b) const { return key(a) < key(b); }
  };
  using Views = std::set<std::unique_ptr<View>, ByFilters>;

  // For all that reads the log.
  void catch_up();  // to the head as it is now; streams that have something are told later
  void tell_later(LogReader& reader);
  void ask_history(LogReader& reader);                   // it is told when it has the answer
  void forget(LogReader& reader, View* view = nullptr);  // it is told nothing any more, by its view neither

  // What the readings of a page may take now, as JSON.
  std::size_t page_room() const {
    return counters_.pages_bytes.value() <= kPagesBytes ? limits_.batch_bytes
                                                        : std::min(limits_.batch_bytes, kSmallPageBytes);
  }
  // The page is full without one that is so long.
  bool overfull(std::size_t bytes);

  // For streams.
  Result<View*> take_view(const FilterSet& filters);  // counts one more client; too_many
  void release_view(View& view);
  // Filters that wait beside a view's own, bounded with those; it lives no longer than the hub. too_many
  Result<std::shared_ptr<const FilterSet>> hold(const FilterSet& filters);
  Cursor cursor(std::uint64_t position) const { return {log_.tag(), position, std::nullopt}; }
  std::shared_ptr<const Batch> empty_batch(std::uint64_t position);
  const std::string& present_links() const { return present_links_; }
  std::uint64_t lag_floor() const { return lag_floor_; }  // entries up to here have waited for limits.client_lag
  void encode(std::string& out, const Entry& entry) const { append_entry(out, entry, names_brokers_); }

  void ask_more_history();
  void take_answers();
  void load_links();
  bool read_chunk();
  void deliver(const Entry& entry);
  void add_to(View& view, const Entry& entry);
  void seal(View& view, std::uint64_t position);
  void note_link(const Entry& link);
  void fell_behind(std::uint64_t floor);
  void forget_view(Views::iterator view);
  bool forget_longest_unused();
  bool make_room_for_filters(std::size_t bytes);

  void mark_lag(Instant now);

  struct Mark {
    Instant at;
    std::uint64_t position;
  };
  struct Reading {
    LogReader* reader;  // null where it has gone
    std::shared_ptr<HistoryRead> read;
  };

  Log& log_;
  const Clock& clock_;
  const Limits& limits_;
  Counters& counters_;
  Wakeup& shard_;

  const bool names_brokers_;
  std::uint64_t position_;
  std::deque<Mark> marks_;  // how far the log was, oldest first; none is older than limits.client_lag
  std::uint64_t lag_floor_ = 0;
  Chunk chunk_;          // what run() reads
  Chunk replay_;         // what its readers read from memory, one at a time
  std::string encoded_;  // one entry
  std::vector<View*> matched_;
  std::vector<View*> touched_;  // those with something pending
  FilterTree<View*> tree_;
  BatchOrder order_;
  Views views_;
  std::size_t view_bytes_ = 0;
  const std::size_t most_filter_bytes_;
  std::vector<LogReader*> ready_;      // live ones that have something, to be told in the next turn
  std::deque<LogReader*> reading_on_;  // those that read the log: kReadersPerTurn are told in each turn
  std::vector<LogReader*> telling_;    // being told in this one; null where one has gone meanwhile
  std::deque<LogReader*> asking_;      // to read from disk when it is their turn
  std::vector<Reading> reading_;       // at most kHistoryReads
  std::map<std::string, std::string, std::less<>> links_;  // by broker: its last link entry as a snapshot
  std::string present_links_;                              // all of them, comma-joined
  std::shared_ptr<const Batch> empty_;                     // the last empty batch made
};

}  // namespace fieldcast

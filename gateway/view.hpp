// All clients with the same set of filters: a bounded ring of batches that were encoded once, and the
// streams that wait for the next. Filled by the hub, read by the streams; one thread: its shard's.
//
//   | batch n | batch n+1 | … | batch m |      a live stream holds the number of its next batch;
//                                             one whose number is no longer in the ring replays the log
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "gateway/batch.hpp"
#include "gateway/clock.hpp"
#include "gateway/encoding.hpp"
#include "gateway/topic_filter.hpp"

namespace fieldcast {

class LogReader;
class View;

/// How many readings a view has matched up to some position. Two counts of one view are apart by what lies between,
/// where both are of the same `series`.
struct Matched {
  std::uint64_t series = 0;
  std::uint64_t readings = 0;
};

/// All batches of all views of a hub, oldest first.
using BatchOrder = std::list<View*>;

class View {
 public:
  /// `position`: the view is to get everything that matches after it. The order outlives the view.
  View(FilterSet filters, std::uint64_t position, BatchOrder& order);
  ~View();
  View(const View&) = delete;
  View& operator=(const View&) = delete;

  const FilterSet& filters() const { return filters_; }

  /// Numbers of the batches in the ring: [first, end). They only grow.
  std::uint64_t first() const { return first_; }
  std::uint64_t end() const { return first_ + ring_.size(); }
  const std::shared_ptr<const Batch>& batch(std::uint64_t number) const { return ring_[number - first_].batch; }
  /// What was matched before this batch, or before the next one: [first, end].
  Matched matched_before(std::uint64_t number) const {
    return {series_, number == end() ? matched_ : ring_[number - first_].before};
  }
  /// What was matched up to the hub's position.
  Matched matched() const { return {series_, matched_}; }
  /// Memory that the ring's batches take.
  std::size_t bytes() const { return bytes_; }

  void push(std::shared_ptr<const Batch> batch);
  void drop_oldest();
  /// The log went on to `position` without this view: every live stream has to look into the log.
  void restart(std::uint64_t position);

  /// The number of the batch from which the ring holds all that follows the position; none where the
  /// position lies inside a batch or before what the ring covers.
  std::optional<std::uint64_t> number_at(std::uint64_t position) const;

  /// The batches [from, end) as one, with the cursor of `tag` and `position`. Polls that come back
  /// together get the same one.
  std::shared_ptr<const Batch> joined(std::uint64_t from, const Cursor& cursor);

  BatchBuilder pending;             // what the hub has matched since the last batch
  std::vector<LogReader*> waiting;  // streams to be told of the next batch
  std::size_t clients = 0;          // streams that hold this view
  Instant unused_since{};           // since when there are none
  std::uint64_t last_seq = 0;       // of the last entry it got: it comes once, by however many filters

 private:
  struct Held {
    std::shared_ptr<const Batch> batch;
    BatchOrder::iterator order;
    std::uint64_t before;  // readings matched
  };

  const FilterSet filters_;
  BatchOrder& order_;
  std::deque<Held> ring_;
  std::uint64_t first_ = 0;
  std::uint64_t covered_from_;  // nothing between here and the ring's first batch matched
  std::size_t bytes_ = 0;
  std::uint64_t series_ = 0, matched_ = 0;
  std::shared_ptr<const Batch> joined_;
  std::uint64_t joined_from_ = 0;
};

}  // namespace fieldcast

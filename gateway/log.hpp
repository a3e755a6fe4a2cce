// Port: the one ordered log, as its writers and its readers see it. Implemented in storage/.
//
//     | lost or expired |      on disk       |   in memory   |
//                       floor                               head
//
// Positions follow each other without a hole, but where entries were lost: so whoever reads the log in order and finds
// a seq missing knows that there may have been something. Every function may be called from any thread; none waits for
// a disk, but append() where the configuration asks for that.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/encoding.hpp"
#include "gateway/entry.hpp"
#include "gateway/topic_filter.hpp"
#include "gateway/wakeup.hpp"

namespace fieldcast {

/// Entries copied out of the log; their strings live in the chunk until it is filled again.
struct Chunk {
  std::vector<Entry> entries;
  std::string bytes;
  std::vector<std::uint64_t> counts;  // latest readings: of the readings of each entry's topic; else empty

  void clear() {
    entries.clear();
    bytes.clear();
    counts.clear();
  }
};

enum class Order : std::uint8_t { ascending, descending };

/// Unix ms, `start` included, `end` not; one that is empty is no bound. Clocks jump, so the log is not in the order of
/// its times, and each entry is judged by its own.
struct TimeRange {
  std::optional<std::int64_t> start, end;

  bool holds(std::int64_t time) const { return overlaps(time, time); }
  /// Whether it holds some time in [first, last].
  bool overlaps(std::int64_t first, std::int64_t last) const {
    return !(start && last < *start) && !(end && first >= *end);
  }
};

/// One step through the part of the log that is on disk. The asker fills in the first half; the second is the log's
/// until `done`, and the asker's again from then on.
///
///   ascending    after ──► reached        until        descending    after        reached ◄── until
struct HistoryRead {
  std::uint64_t after = 0, until = 0;  // entries in (after, until], not empty
  Order order = Order::ascending;
  std::optional<std::int64_t> since;  // ascending only: all before the first entry of that time (Unix ms) is passed
                                      // over; then cleared
  FilterSet filters;                  // readings that match one
  TimeRange times;                    // entries of another time do not come
  bool links = true;                  // link entries come, whatever the filters
  std::size_t max_entries = 0, max_bytes = 0;

  Chunk chunk;                // in the order asked for; max_bytes is exceeded by less than one entry
  std::uint64_t reached = 0;  // nothing else is in (after, reached], more than `after`; descending: in (reached, until]
  bool lost = false;          // what was there is not any more, and the chunk is empty
  std::atomic<bool> done{false};
  std::atomic<bool> cancelled{false};  // set by an asker that has gone
};

class LogWriter {
 public:
  virtual ~LogWriter() = default;

  /// Gives the entry its seq and time and makes it visible to readers; when this returns it is in the log.
  /// A retained reading that equals the latest one of its topic is counted and left out: then false. So is a message
  /// that the broker sent again, where it is proved to be in the log. The topic must be without fault and the payload
  /// at most `limits.payload`.
  virtual bool append(const NewEntry& entry) noexcept = 0;
};

class Log : public LogWriter {
 public:
  /// Tag of the epoch that is being written.
  virtual std::uint64_t tag() const noexcept = 0;

  /// The last position of an epoch, the head for the one being written; empty where the tag is not known.
  virtual std::optional<std::uint64_t> end_of(std::uint64_t tag) const = 0;

  /// Newest position; everything up to it can be read.
  virtual std::uint64_t head() const noexcept = 0;

  /// The position before the oldest entry kept, in memory or on disk.
  virtual std::uint64_t floor() const noexcept = 0;

  /// Why what came behind this position, which is before floor(), is not kept: expired, or storage.
  virtual GapReason gone(std::uint64_t position) const noexcept = 0;

  /// Copies entries in memory with seq in (after, until], oldest first, until about `max_bytes` are copied, at
  /// least one where there is one. Returns the position before the oldest in memory, as it was under the same
  /// lock: where that is more than `after`, what lies between is for read_history() or gone.
  virtual std::uint64_t read(std::uint64_t after, std::uint64_t until, std::size_t max_bytes, Chunk& chunk) const = 0;

  /// Where to begin to look for the first reading kept with that time (Unix ms) or a later one: a position
  /// before it, and where it is in memory for certain the one just before it; the head where there is none.
  virtual std::uint64_t before(std::int64_t time) const = 0;

  /// One step through the latest readings of all topics, in log order: looks at those with seq in
  /// (after, until], copies the ones that `wanted` takes, and stops after `max_entries`, about `max_bytes`,
  /// or kSnapshotScan looked at. Returns the position reached: `until` when there are no more.
  virtual std::uint64_t latest(std::uint64_t after, std::uint64_t until,
                               const std::function<bool(std::string_view)>& wanted, std::size_t max_entries,
                               std::size_t max_bytes, Chunk& chunk) const = 0;

  /// One step through the topics that are remembered, by the bytes of their names: looks at those behind `after`,
  /// copies the latest readings of the ones that a filter matches (of all where there are no filters), with their
  /// counts, and stops after `max_entries`, about `max_bytes`, or kSnapshotScan looked at. `after` becomes the name
  /// reached; false where there are no more behind it.
  ///
  /// A topic's count: its readings that were taken into the log since the topic is remembered, whether they are kept
  /// or not. Until the database was read, those that the journal has.
  virtual bool topics(std::string& after, const FilterSet& filters, std::size_t max_entries, std::size_t max_bytes,
                      Chunk& chunk) const = 0;

  /// Why the latest readings of some topics may be missing, and their counts too small: `expired` once any had to be
  /// forgotten, `storage` until the database was read; empty where all are there.
  virtual std::optional<GapReason> latest_gap() const noexcept = 0;

  /// Whether readings are told with their broker's name: several are configured.
  virtual bool names_brokers() const noexcept = 0;

  /// The last link entry of each broker.
  virtual void links(Chunk& chunk) const = 0;

  /// Woken after each append. Registered before the first one, and alive as long as the log is appended to.
  virtual void add_wakeup(Wakeup& wakeup) = 0;

  /// Answers from a thread of the log, soon: `asker` is woken when it is done. Reads that wait are served in turn.
  /// The asker lives until the log's threads have stopped.
  virtual void read_history(std::shared_ptr<HistoryRead> read, Wakeup& asker) = 0;
};

}  // namespace fieldcast

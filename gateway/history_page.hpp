// One page of history: the readings of a range of the log, and of time, in either order, taken from memory and from
// disk. Unlike a stream it ends: behind it the client has a cursor for the next page, and one from which to stream on.
//
//   ascending    cursor ──► readings behind it …  ──► head      the next page's cursor: behind the last reading
//   descending   floor ◄── … readings up to it ◄── cursor       the next page's cursor: before the last reading
//
// A hole in the log lies between two pages: one that has readings ends before it, the next begins with the gap.
//
// Belongs to one session, on its shard's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "gateway/cursor.hpp"
#include "gateway/encoding.hpp"
#include "gateway/from.hpp"
#include "gateway/limits.hpp"
#include "gateway/log.hpp"
#include "gateway/log_reader.hpp"
#include "gateway/topic_filter.hpp"

namespace fieldcast {

class Hub;

struct HistoryPageRequest {
  FilterSet filters;         // not empty
  std::optional<From> from;  // a cursor; ascending also a time or `oldest`. Empty: the oldest reading, or the newest
  std::optional<std::int64_t> start, end;  // Unix ms: readings of `start` or later, and before `end`
  std::size_t limit = kPageEntries;        // 1 to kMaxPageEntries readings
  Order order = Order::ascending;
};

/// `bad_from` where a page cannot begin there: at `now` or `latest`, and in descending order anywhere but at a cursor.
std::optional<Problem> fault(const HistoryPageRequest& request);

struct HistoryPage {
  Chunk chunk;             // readings only, in the order asked for: as JSON limits.batch_bytes at most, or one
  std::optional<Gap> gap;  // between the page before, or `from`, and this one
  bool more = false;       // there are further readings in the range, or a gap is to be told
  Cursor cursor;           // the next page's `from`
  Cursor head;             // of the log when the page was begun: from there a stream joins without a seam
};

/// Told, on the shard's thread, that a page is there. May destroy its reader.
class HistoryPageOwner {
 public:
  virtual void on_page_ready() = 0;

 protected:
  ~HistoryPageOwner() = default;
};

/// Makes one page, pulled like a stream. Whoever destroys it before is told nothing any more.
class HistoryPageReader final : public LogReader {
 public:
  /// Begins at the head as it is now. The request is without fault(). Hub and owner outlive the reader.
  HistoryPageReader(Hub& hub, HistoryPageOwner& owner, HistoryPageRequest request);
  ~HistoryPageReader() override;

  /// The page, once; null while its readings are on their way: then the owner is told once when it is there.
  std::unique_ptr<HistoryPage> take();

 private:
  void on_turn() override;
  std::shared_ptr<HistoryRead> history_read() const override;
  void take_history(HistoryRead& read) override;

  bool ascending() const { return request_.order == Order::ascending; }
  void begin();
  void begin_at(const Cursor& cursor);
  void begin_since(std::int64_t time);
  void go_on();
  void read_up();
  void read_down();
  void ask_disk(std::uint64_t end);
  bool take_entry(const Entry& entry);
  bool wanted(const Entry& entry);
  bool is_full_without(const Entry& entry);
  bool state_gap(GapReason reason);
  void finish(bool more);

  Hub& hub_;
  HistoryPageOwner& owner_;
  const HistoryPageRequest request_;
  std::unique_ptr<HistoryPage> page_ = std::make_unique<HistoryPage>();
  bool begun_ = false;
  bool reading_ = false;               // it is waiting for an answer from disk
  bool done_ = false;                  // the page is there, or was taken
  std::uint64_t head_ = 0;             // when it was begun
  std::uint64_t position_ = 0;         // ascending: all up to here was looked at; descending: all behind it
  std::uint64_t memory_floor_ = 0;     // of the log, as it was when it was last looked at
  std::uint64_t disk_end_ = 0;         // while reading_: how far
  std::uint64_t window_;               // descending: positions in memory that are read at once
  std::optional<std::int64_t> since_;  // what comes before the first entry of that time is passed over
  std::size_t bytes_ = 0;              // of the page's readings as JSON
};

}  // namespace fieldcast

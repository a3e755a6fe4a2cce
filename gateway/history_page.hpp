// One page of history: the readings of a range of the log, and of time, in either order, taken from memory and from
// disk. Unlike a stream it ends: behind it the client has a cursor for the next page, and one from which to stream on.
//
//   ascending    cursor ──► readings behind it …            the next page's cursor: behind the last reading looked at
//   descending   … readings up to it ◄── cursor             the next page's cursor: before the last reading looked at
//
// Belongs to one session, on its shard's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "gateway/cursor.hpp"
#include "gateway/encoding.hpp"
#include "gateway/from.hpp"
#include "gateway/limits.hpp"
#include "gateway/log.hpp"
#include "gateway/topic_filter.hpp"

namespace fieldcast {

enum class Order : std::uint8_t { ascending, descending };

struct HistoryPageRequest {
  FilterSet filters;         // not empty
  std::optional<From> from;  // a cursor, a time or `oldest`; empty: the oldest reading, descending: the newest
  std::optional<std::int64_t> start, end;  // Unix ms: readings of `start` or later, and before `end`
  std::size_t limit = kPageEntries;        // 1 to kMaxPageEntries readings
  Order order = Order::ascending;
};

struct HistoryPage {
  Chunk chunk;             // readings only, in the order asked for; limits.batch_bytes is exceeded by less than one
  std::optional<Gap> gap;  // between the page before, or `from`, and this one
  bool more = false;       // there are further readings in the range, or a gap is to be told
  Cursor cursor;           // the next page's `from`
  Cursor head;             // of the log when the page was begun: from there a stream joins without a seam
};

}  // namespace fieldcast

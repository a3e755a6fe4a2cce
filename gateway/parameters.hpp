// What a client asks for in the query of a URL, checked. Pure, any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/from.hpp"
#include "gateway/history_page.hpp"
#include "gateway/limits.hpp"
#include "gateway/result.hpp"
#include "gateway/topic_filter.hpp"
#include "gateway/topic_page.hpp"

namespace fieldcast {

/// One `name=value` of a query, decoded (percent-encoding and `+` by the contract's rules).
struct Parameter {
  std::string name;
  std::string value;
  bool cut = false;  // the value as written ended with an unencoded '/': the '#' after it was probably cut off
};

/// Which parameters an endpoint takes besides `topic` and `from`.
enum class StreamKind : unsigned char { websocket, events, poll };

struct StreamRequest {
  FilterSet filters;  // may be empty for a WebSocket only
  From from;
  bool from_given = false;
  std::chrono::seconds heartbeat{15};  // websocket, events: 1 to 60
  std::chrono::seconds timeout{25};    // poll: 0 to 60
  std::size_t limit = kPageEntries;    // poll: 1 to kMaxPageEntries
};

/// Unknown, empty, repeated (but `topic`) or out of range: `bad_request` that names the parameter;
/// a faulty topic `bad_filter`, a faulty from `bad_from`.
Result<StreamRequest> parse_stream_request(std::span<const Parameter> parameters, StreamKind kind,
                                           const Limits& limits);

/// The same for a page of history: `topic`, `from`, `start`, `end`, `limit` and `order`. Spans in `start` and `end`
/// count back from `now` (Unix ms). A `from` that no page can begin at in its order is a `bad_from`.
Result<HistoryPageRequest> parse_history_request(std::span<const Parameter> parameters, const Limits& limits,
                                                 std::int64_t now);

/// The same for a page of the list of topics: `topic`, which may be left out, `after` and `limit`.
Result<TopicPageRequest> parse_topics_request(std::span<const Parameter> parameters, const Limits& limits);

}  // namespace fieldcast

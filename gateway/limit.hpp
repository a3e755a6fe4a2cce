// The table of limits: each bound that a client, a publisher or a broker can reach while the gateway runs, under the
// one name that it has in metrics, in docs/limits.md and in tests. The bounds themselves are in gateway/limits.hpp.
// Pure values, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fieldcast {

enum class Limit : std::uint8_t {
  // connections
  connections,
  connections_per_address,
  extra_connections,
  idle_time,
  request_time,
  unanswered_pings,
  stalled,
  // what a client sends
  head_bytes,
  head_fields,
  parameters,
  body_bytes,
  bodies_bytes,
  message_bytes,
  messages_bytes,
  message_time,
  replies_bytes,
  // streams
  filters,
  filter_bytes,
  filter_levels,
  changes,
  views,
  view_bytes,
  polls,
  replays,
  client_lag,
  // commands
  publishes,
  shard_publishes,
  shard_publish_bytes,
  broker_publishes,
  // readings
  payload,
  topics,
  latest_bytes,
  memory_bytes,
};
inline constexpr std::size_t kLimits = 33;

/// One row of the table.
struct LimitInfo {
  std::string_view word;   // the metric's label
  std::string_view bound;  // the key that an operator turns (`limits.views`), or the constant (`kHeadBytes`)
};

const LimitInfo& info(Limit limit);

}  // namespace fieldcast

// The table of limits: each bound that a client, a publisher or a broker can reach while the gateway runs, under the
// one name that it has in metrics, in docs/limits.md and in tests. The bounds themselves are in gateway/limits.hpp,
// with others that only cut work into pieces. Pure values, any thread.
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
  linger_bytes,
  stalled,
  // requests
  head_bytes,
  head_fields,
  heads_bytes,
  parameters,
  body_bytes,
  publish_bytes,
  bodies_bytes,
  // WebSockets
  message_bytes,
  messages_bytes,
  message_time,
  id_bytes,
  replies_bytes,
  unanswered_pings,
  // streams
  filters,
  filter_bytes,
  filter_levels,
  topic_bytes,
  changes,
  views,
  view_bytes,
  view_filter_bytes,
  polls,
  replays,
  pages_bytes,
  client_lag,
  // commands
  publishes,
  shard_publishes,
  shard_publish_bytes,
  broker_publishes,
  broker_publish_bytes,
  publish_time,
  // readings
  payload,
  topics,
  latest_bytes,
  memory_bytes,
};
inline constexpr std::size_t kLimits = static_cast<std::size_t>(Limit::memory_bytes) + 1;  // the last one

/// One row of the table.
struct LimitInfo {
  std::string_view word;   // the metric's label
  std::string_view bound;  // the key that an operator turns (`limits.views`), or the constant (`kHeadBytes`)
};

const LimitInfo& info(Limit limit);

}  // namespace fieldcast

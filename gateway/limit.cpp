#include "gateway/limit.hpp"

#include <array>

namespace fieldcast {
namespace {

// In the order of Limit.
constexpr std::array<LimitInfo, kLimits> kTable{{
    {"connections", "limits.connections"},
    {"connections_per_address", "limits.connections_per_address"},
    {"extra_connections", "kExtraConnections"},
    {"idle_time", "kIdleTime"},
    {"request_time", "kRequestTime"},
    {"unanswered_pings", "kUnansweredPings"},
    {"stalled", "limits.stalled"},
    {"head_bytes", "kHeadBytes"},
    {"head_fields", "kHeadFields"},
    {"parameters", "kParameters"},
    {"body_bytes", "kBodyBytes"},
    {"bodies_bytes", "kBodiesBytes"},
    {"message_bytes", "kMessageBytes"},
    {"messages_bytes", "kMessagesBytes"},
    {"message_time", "kMessageTime"},
    {"replies_bytes", "kReplyBytes"},
    {"filters", "limits.filters"},
    {"filter_bytes", "kStreamFilterBytes"},
    {"filter_levels", "kFilterLevels"},
    {"changes", "kPendingChanges"},
    {"views", "limits.views"},
    {"view_bytes", "limits.view_bytes"},
    {"polls", "limits.polls"},
    {"replays", "kHistoryReads"},
    {"client_lag", "limits.client_lag"},
    {"publishes", "kPendingPublishes"},
    {"shard_publishes", "kShardPublishes"},
    {"shard_publish_bytes", "kShardPublishBytes"},
    {"broker_publishes", "kOpenCommands"},
    {"payload", "limits.payload"},
    {"topics", "limits.topics"},
    {"latest_bytes", "limits.latest_bytes"},
    {"memory_bytes", "storage.memory_bytes"},
}};

}  // namespace

const LimitInfo& info(Limit limit) {
  return kTable[static_cast<std::size_t>(limit)];
}

}  // namespace fieldcast

#include "gateway/limit.hpp"

#include <array>

namespace fieldcast {
namespace {

// In the order of Limit.
constexpr std::array kLimitTable{
    LimitInfo{"connections", "limits.connections"},
    LimitInfo{"connections_per_address", "limits.connections_per_address"},
    LimitInfo{"extra_connections", "kExtraConnections"},
    LimitInfo{"idle_time", "kIdleTime"},
    LimitInfo{"request_time", "kRequestTime"},
    LimitInfo{"linger_bytes", "kLingerBytes"},
    LimitInfo{"stalled", "limits.stalled"},
    LimitInfo{"head_bytes", "kHeadBytes"},
    LimitInfo{"head_fields", "kHeadFields"},
    LimitInfo{"heads_bytes", "kHeadsBytes"},
    LimitInfo{"parameters", "kParameters"},
    LimitInfo{"body_bytes", "kBodyBytes"},
    LimitInfo{"publish_bytes", "kPublishBytes"},
    LimitInfo{"bodies_bytes", "kBodiesBytes"},
    LimitInfo{"message_bytes", "kMessageBytes"},
    LimitInfo{"messages_bytes", "kMessagesBytes"},
    LimitInfo{"message_time", "kMessageTime"},
    LimitInfo{"id_bytes", "kIdBytes"},
    LimitInfo{"replies_bytes", "kReplyBytes"},
    LimitInfo{"unanswered_pings", "kUnansweredPings"},
    LimitInfo{"filters", "limits.filters"},
    LimitInfo{"filter_bytes", "kStreamFilterBytes"},
    LimitInfo{"filter_levels", "kFilterLevels"},
    LimitInfo{"topic_bytes", "kTopicBytes"},
    LimitInfo{"changes", "kPendingChanges"},
    LimitInfo{"views", "limits.views"},
    LimitInfo{"view_bytes", "limits.view_bytes"},
    LimitInfo{"view_filter_bytes", "kViewFilterBytes"},
    LimitInfo{"polls", "limits.polls"},
    LimitInfo{"replays", "kHistoryReads"},
    LimitInfo{"pages_bytes", "kPagesBytes"},
    LimitInfo{"client_lag", "limits.client_lag"},
    LimitInfo{"publishes", "kPendingPublishes"},
    LimitInfo{"shard_publishes", "kShardPublishes"},
    LimitInfo{"shard_publish_bytes", "kShardPublishBytes"},
    LimitInfo{"broker_publishes", "kOpenCommands"},
    LimitInfo{"broker_publish_bytes", "kOpenCommandBytes"},
    LimitInfo{"publish_time", "kPublishTime"},
    LimitInfo{"payload", "limits.payload"},
    LimitInfo{"topics", "limits.topics"},
    LimitInfo{"latest_bytes", "limits.latest_bytes"},
    LimitInfo{"memory_bytes", "storage.memory_bytes"},
};
static_assert(kLimitTable.size() == kLimits);

}  // namespace

const LimitInfo& info(Limit limit) {
  return kLimitTable[static_cast<std::size_t>(limit)];
}

}  // namespace fieldcast

#include "storage/recent_packets.hpp"

#include <algorithm>
#include <limits>

namespace fieldcast {
namespace {

std::uint16_t next(std::uint16_t id) {
  return id == std::numeric_limits<std::uint16_t>::max() ? std::uint16_t{1} : static_cast<std::uint16_t>(id + 1);
}

}  // namespace

void RecentPackets::note(std::uint16_t id, std::uint64_t seq) {
  packets_.push_back({id, seq});
  if (packets_.size() > receive_maximum_) packets_.pop_front();
}

void RecentPackets::connected(bool session_resumed) {
  former_.clear();
  if (!session_resumed) packets_.clear();
  // The newest that follow each other.
  auto first = packets_.end();
  while (first != packets_.begin() && (first == packets_.end() || next(std::prev(first)->id) == first->id)) {
    --first;
  }
  const bool counts_up =
      std::any_of(first, packets_.end(), [this](const Packet& packet) { return packet.id > receive_maximum_; });
  for (auto packet = packets_.begin(); packet != packets_.end(); ++packet) {
    former_[packet->id] = {packet->seq, counts_up && packet >= first};
  }
}

std::optional<RecentPackets::Former> RecentPackets::take(std::uint16_t id) {
  const auto found = former_.find(id);
  if (found == former_.end()) return std::nullopt;
  const Former former = found->second;
  former_.erase(found);
  return former;
}

}  // namespace fieldcast

#include "storage/latest_readings.hpp"

#include "gateway/entry_copies.hpp"

namespace fieldcast {

std::size_t LatestReadings::Latest::bytes() const {
  // Its nodes in the two indexes and the allocations' overhead come to about this much.
  constexpr std::size_t kNodes = 160;
  return sizeof(Latest) + broker.size() + topic.size() + payload.size() + kNodes;
}

void LatestReadings::remember(const Entry& reading) {
  BySeq::node_type node;
  if (const auto known = topics_.find(reading.topic); known != topics_.end()) {
    if (known->second->first >= reading.seq) return;
    node = by_seq_.extract(known->second);
    bytes_ -= node.mapped()->bytes();
    node.key() = reading.seq;
  } else {
    BySeq fresh;
    fresh.emplace(reading.seq, std::make_unique<Latest>());
    node = fresh.extract(fresh.begin());
    node.mapped()->topic = reading.topic;
  }
  Latest& latest = *node.mapped();
  latest.broker = reading.broker;
  latest.payload = reading.payload;
  latest.entry = reading;
  latest.entry.broker = latest.broker;
  latest.entry.topic = latest.topic;
  latest.entry.payload = latest.payload;
  bytes_ += latest.bytes();
  topics_[latest.topic] = by_seq_.insert(by_seq_.end(), std::move(node));
  while (by_seq_.size() > 1 && (by_seq_.size() > limits_.topics || bytes_ > limits_.latest_bytes)) {
    forget_longest_silent();
  }
  counters_.topics.set(by_seq_.size());
}

void LatestReadings::forget_longest_silent() {
  const auto oldest = by_seq_.begin();
  bytes_ -= oldest->second->bytes();
  topics_.erase(oldest->second->topic);
  by_seq_.erase(oldest);
  counters_.topics_forgotten.add();
  forgot_ = true;
}

const Entry* LatestReadings::find(std::string_view topic) const {
  const auto known = topics_.find(topic);
  return known == topics_.end() ? nullptr : &known->second->second->entry;
}

std::uint64_t LatestReadings::step(std::uint64_t after, std::uint64_t until,
                                   const std::function<bool(std::string_view)>& wanted, std::size_t max_entries,
                                   std::size_t max_bytes, Chunk& chunk) const {
  chunk.entries.clear();
  chunk.bytes.clear();
  std::size_t looked_at = 0;
  std::uint64_t reached = after;
  auto next = by_seq_.upper_bound(after);
  for (; next != by_seq_.end() && next->first <= until; ++next) {
    if (looked_at++ == kSnapshotScan || chunk.entries.size() == max_entries || chunk.bytes.size() >= max_bytes) break;
    reached = next->first;
    const Entry& latest = next->second->entry;
    if (wanted(latest.topic)) copy_entry(latest, chunk);
  }
  const bool more = next != by_seq_.end() && next->first <= until;
  settle_strings(chunk);
  return more ? reached : until;
}

}  // namespace fieldcast

#include "storage/latest_readings.hpp"

#include "gateway/entry_copies.hpp"

namespace fieldcast {

std::size_t LatestReadings::Latest::bytes() const {
  // Its nodes in the three indexes and the allocations' overhead come to about this much.
  constexpr std::size_t kNodes = 224;
  return sizeof(Latest) + broker.size() + topic.size() + payload.size() + kNodes;
}

void LatestReadings::remember(const Entry& reading, Counted counted) {
  const auto known = topics_.find(reading.topic);
  if (known != topics_.end() && known->second->first >= reading.seq) return;
  Count count = known == topics_.end() ? Count{} : known->second->second->count;
  ++count.all;
  if (counted == Counted::provisionally) ++count.provisional;
  replace(known, reading, count);
}

void LatestReadings::restore(const Entry& reading, std::uint64_t count) {
  const auto known = topics_.find(reading.topic);
  if (known != topics_.end() && known->second->first >= reading.seq) return;
  replace(known, reading, {count, 0});
}

void LatestReadings::take_over(LatestReadings& former, std::size_t max_topics) {
  forgot_ = forgot_ || former.forgot_;
  for (; max_topics != 0 && !former.empty(); --max_topics) {
    add_former(*former.by_seq_.begin()->second);
    former.erase_longest_silent();
  }
}

void LatestReadings::add_former(const Latest& former) {
  const auto known = topics_.find(former.topic);
  if (known == topics_.end()) return replace(known, former.entry, {former.count.all, 0});
  Latest& latest = *known->second->second;
  latest.count = {latest.count.all - latest.count.provisional + former.count.all, 0};
  if (latest.entry.seq < former.entry.seq) replace(known, former.entry, latest.count);
}

void LatestReadings::replace(Topics::iterator known, const Entry& reading, Count count) {
  BySeq::node_type node;
  if (known != topics_.end()) {
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
  latest.count = count;
  bytes_ += latest.bytes();
  const auto place = by_seq_.insert(by_seq_.end(), std::move(node));
  if (known != topics_.end()) {
    known->second = place;
  } else {
    topics_.emplace(latest.topic, place);
    by_name_.emplace(latest.topic, &latest);
  }
  while (by_seq_.size() > 1 && (by_seq_.size() > limits_.topics || bytes_ > limits_.latest_bytes)) {
    counters_.reached(by_seq_.size() > limits_.topics ? Limit::topics : Limit::latest_bytes);
    erase_longest_silent();
    counters_.topics_forgotten.add();
    forgot_ = true;
  }
  counters_.topics.set(by_seq_.size());
  counters_.latest_bytes.set(bytes_);
}

void LatestReadings::erase_longest_silent() {
  const auto oldest = by_seq_.begin();
  bytes_ -= oldest->second->bytes();
  topics_.erase(oldest->second->topic);
  by_name_.erase(oldest->second->topic);
  by_seq_.erase(oldest);
}

const Entry* LatestReadings::find(std::string_view topic) const {
  const auto known = topics_.find(topic);
  return known == topics_.end() ? nullptr : &known->second->second->entry;
}

std::uint64_t LatestReadings::step(std::uint64_t after, std::uint64_t until,
                                   const std::function<bool(std::string_view)>& wanted, std::size_t max_entries,
                                   std::size_t max_bytes, Chunk& chunk) const {
  chunk.clear();
  std::size_t looked_at = 0;
  std::uint64_t reached = after;
  auto next = by_seq_.upper_bound(after);
  for (; next != by_seq_.end() && next->first <= until; ++next) {
    if (looked_at++ == kSnapshotScan || chunk.entries.size() == max_entries || chunk.bytes.size() >= max_bytes) break;
    reached = next->first;
    const Latest& latest = *next->second;
    if (!wanted(latest.topic)) continue;
    copy_entry(latest.entry, chunk);
    chunk.counts.push_back(latest.count.all);
  }
  const bool more = next != by_seq_.end() && next->first <= until;
  settle_strings(chunk);
  return more ? reached : until;
}

bool LatestReadings::step_by_name(std::string& after, const FilterSet& filters, std::size_t max_entries,
                                  std::size_t max_bytes, Chunk& chunk) const {
  // Over the names that no filter can match.
  const auto wanted_from = [&](ByName::const_iterator next) {
    if (filters.empty() || next == by_name_.end()) return next;
    const auto from = filters.seek(next->first);
    if (!from) return by_name_.end();
    return *from == next->first ? next : by_name_.lower_bound(*from);
  };
  chunk.clear();
  std::size_t looked_at = 0;
  std::string_view reached = after;
  auto next = wanted_from(by_name_.upper_bound(after));
  for (; next != by_name_.end(); next = wanted_from(std::next(next))) {
    if (looked_at++ == kSnapshotScan || chunk.entries.size() == max_entries || chunk.bytes.size() >= max_bytes) break;
    reached = next->first;
    if (!filters.empty() && !filters.matches(reached)) continue;
    copy_entry(next->second->entry, chunk);
    chunk.counts.push_back(next->second->count.all);
  }
  settle_strings(chunk);
  after = std::string(reached);
  return next != by_name_.end();
}

}  // namespace fieldcast

#include "tests/simulation/checker.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace checker {
namespace {

std::vector<std::string> levels(const std::string& text) {
  std::vector<std::string> result(1);
  for (const char c : text) {
    if (c == '/') {
      result.emplace_back();
    } else {
      result.back() += c;
    }
  }
  return result;
}

std::string place(std::uint64_t seq) {
  return "seq " + std::to_string(seq);
}

}  // namespace

bool matches(const std::string& filter, const std::string& topic) {
  const auto wanted = levels(filter), have = levels(topic);
  if (topic[0] == '$' && (wanted[0] == "+" || wanted[0] == "#")) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == "#") return true;
    if (i >= have.size()) return false;
    if (wanted[i] != "+" && wanted[i] != have[i]) return false;
    if (i + 1 == have.size() && i + 2 == wanted.size() && wanted[i + 1] == "#") return true;
  }
  return wanted.size() == have.size();
}

bool matches(const Filters& filters, const std::string& topic) {
  return std::any_of(filters.begin(), filters.end(), [&](const std::string& f) { return matches(f, topic); });
}

void Client::begin(const Filters& filters, std::uint64_t position) {
  filters_ = filters;
  position_ = position;
  changes_.clear();
  snapshot_.reset();
}

void Client::begin_latest(const Filters& filters, std::uint64_t head) {
  begin(filters, head);
  snapshot_ = Snapshot{filters, head, {}, 0, false};
}

void Client::change(const Filters& filters, std::uint64_t head, const Filters& snapshot_of) {
  changes_.push_back({head, filters, snapshot_of});
}

const Published* Client::expected() {
  for (; position_ < history_.entries.size(); ++position_) {
    const Published& next = history_.entries[position_];
    if (!changes_.empty() && next.seq > changes_.front().head) return nullptr;  // only behind the answer
    const bool link = next.topic.empty();
    if (link ? !filters_.empty() : matches(filters_, next.topic)) return &next;
  }
  return nullptr;
}

std::string Client::answer() {
  if (changes_.empty()) return "an answer to no question";
  if (const Published* next = expected()) return "an answer before " + place(next->seq) + " had come";
  if (snapshot_) return "an answer inside a snapshot";
  Change& change = changes_.front();
  if (!change.snapshot_of.empty()) {  // it was a snapshot of no topic at all
    snapshot_ = Snapshot{change.snapshot_of, change.head, {}, 0, true};
    if (auto fault = end_snapshot(); !fault.empty()) return fault;
  }
  filters_ = change.filters;
  position_ = std::max(position_, change.head);
  changes_.erase(changes_.begin());
  return "";
}

std::string Client::batch(const std::string& text) {
  const auto json = nlohmann::json::parse(text);
  cursor = json.at("cursor");
  ++batches;
  std::vector<Published> got;
  for (const auto& reading : json.at("readings")) got.push_back({reading.at("seq"), reading.at("topic")});
  readings += got.size();
  const bool snapshot = json.value("snapshot", false);
  for (const auto& link : json.value("links", nlohmann::json::array())) {
    if (!link.value("snapshot", false)) got.push_back({link.at("seq"), ""});
  }
  std::sort(got.begin(), got.end(), [](const Published& a, const Published& b) { return a.seq < b.seq; });
  if (snapshot) return snapshot_batch(got);
  if (snapshot_) {
    if (auto fault = end_snapshot(); !fault.empty()) return fault;
  }

  if (json.contains("gap")) {
    ++gaps;
    if (json["gap"].at("reason") != "expired") return "a gap for no reason: " + json["gap"].dump();
    while (expected() != nullptr && expected()->seq <= history_.floor) ++position_;
  }
  for (const Published& entry : got) {
    const Published* next = expected();
    if (next == nullptr) return place(entry.seq) + " came, but nothing was left to come";
    if (entry.seq != next->seq) return place(entry.seq) + " came where " + place(next->seq) + " had to come";
    if (entry.topic != next->topic) return place(entry.seq) + " has another topic than it was published on";
    ++position_;
  }
  return "";
}

std::string Client::snapshot_batch(const std::vector<Published>& got) {
  ++snapshots;
  if (!snapshot_) {
    if (changes_.empty() || changes_.front().snapshot_of.empty()) return "a snapshot that nobody asked for";
    if (const Published* next = expected()) return "a snapshot before " + place(next->seq) + " had come";
    snapshot_ = Snapshot{changes_.front().snapshot_of, changes_.front().head, {}, 0, true};
  }
  for (const Published& reading : got) {
    if (reading.seq <= snapshot_->last || reading.seq > snapshot_->head)
      return place(reading.seq) + " is out of order in a snapshot";
    snapshot_->last = reading.seq;
    if (!matches(snapshot_->of, reading.topic)) return place(reading.seq) + " does not match in a snapshot";
    snapshot_->seen.insert(reading.topic);
    for (std::uint64_t seq = reading.seq + 1; seq <= snapshot_->head; ++seq) {
      if (history_.entries[seq - 1].topic == reading.topic)
        return place(reading.seq) + " is not the latest of its topic";
    }
  }
  return "";
}

// Each topic came, unless a newer reading of it comes behind the snapshot.
std::string Client::end_snapshot() {
  const Snapshot snapshot = *std::exchange(snapshot_, std::nullopt);
  std::set<std::string> due;
  for (const Published& entry : history_.entries) {
    if (entry.topic.empty() || !matches(snapshot.of, entry.topic)) continue;
    if (entry.seq <= snapshot.head) {
      due.insert(entry.topic);
    } else {
      due.erase(entry.topic);
    }
  }
  for (const std::string& topic : due) {
    if (!snapshot.seen.contains(topic)) return "the snapshot left out " + topic;
  }
  if (snapshot.of_change) changes_.front().snapshot_of.clear();
  return "";
}

std::string Client::finish() {
  if (snapshot_) return "the snapshot never ended";
  if (!changes_.empty()) return "an answer never came";
  if (const Published* next = expected()) return place(next->seq) + " never came";
  return "";
}

}  // namespace checker

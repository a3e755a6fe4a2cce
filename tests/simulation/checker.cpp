#include "tests/simulation/checker.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace checker {
namespace {

using nlohmann::json;

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

std::uint64_t id_of_link(const json& link) {
  const std::string& gateway = link.at("gateway").get_ref<const std::string&>();
  const std::string& broker = link.at("broker").get_ref<const std::string&>();
  return std::stoull(gateway.substr(gateway.find('-') + 1)) + std::stoull(broker.substr(broker.find('-') + 1));
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

void Client::connect() {
  caught_up_ = counts_ = false;
  asked_.reset();
}

void Client::begin(const Filters& filters, Index position, std::optional<std::int64_t> since) {
  connect();
  filters_ = filters;
  position_ = position;
  since_ = since;
  since_until_ = history_.head();
  links_due_ = history_.head();
}

void Client::begin_latest(const Filters& filters, Index head) {
  begin(filters, head, std::nullopt);
  begin_snapshot(filters, head, false);
}

void Client::come_back(std::uint64_t tag) {
  connect();
  if (snapshot_) snapshot_->head = history_.behind_forgotten(snapshot_->head);
  position_ =
      history_.behind_forgotten(std::min(position_, place_));  // a cursor from before the first reading of its time
  doubted_ = history_.doubts_epoch(tag);
  unknown_head_.reset();
  if (!history_.knows_epoch(tag)) unknown_head_ = history_.head();
}

void Client::change(const Filters& filters, Index head, const Filters& snapshot_of) {
  changes_.push_back({head, filters, snapshot_of, false});
  counts_ = false;
}

void Client::ask() {
  if (!asked_) asked_ = Asked{history_.now, history_.handed_over()};
}

void Client::catch_up() {
  settle();
  caught_up_ = counts_ = true;
}

void Client::note_away() {
  away_until_ = history_.items.size();
}

std::string Client::place(Index i) const {
  const Item& item = history_.items[i];
  return (item.is_break ? "the break behind seq " : "seq ") + std::to_string(item.seq) + " (id " +
         std::to_string(item.id) + ", item " + std::to_string(i) + ")";
}

// A stream that begins at a time must have begun by then. What is before may come, since its clock went back.
bool Client::is_first_since(Index i) const {
  return history_.readable(i) && !history_.is_link(i) && wanted(i) && history_.items[i].time >= *since_;
}

bool Client::wanted(Index i) const {
  return history_.is_link(i) ? !filters_.empty() : matches(filters_, history_.items[i].topic);
}

std::string Client::batch(const json& batch, Index place) {
  cursor = batch.at("cursor");
  ++batches;
  std::vector<Entry> entries;
  if (auto fault = read(batch, entries); !fault.empty()) return fault;
  std::string reason;
  if (batch.contains("gap")) {
    reason = batch["gap"].at("reason");
    if (reason != "slow" && !batch["gap"].at("missed").is_null())
      return "a gap that says how many are missing, which nobody can know here";
    if (reason != "slow") counts_ = false;
    ++gaps[reason];
  }
  place_ = place;

  if (unknown_head_) {
    if (reason != "unknown") return "it goes on with a cursor that the log cannot know";
    snapshot_.reset();
    position_ = *std::exchange(unknown_head_, std::nullopt);
    since_.reset();
  } else if (reason == "unknown") {
    return "an unknown gap, but the log knows the cursor";
  }
  if (batch.value("snapshot", false)) {
    if (auto fault = snapshot_batch(entries, reason, place); !fault.empty()) return fault;
    return judge_snapshot_links(batch, reason, position_);
  }
  if (snapshot_) {
    if (auto fault = end_snapshot(reason); !fault.empty()) return fault;
    if (topics_missing(reason)) reason = "topics missing";
  }
  const bool back = (reason == "storage" || reason == "topics missing") && lost_tail(place);
  if (place < position_) {
    if (back) {
      position_ = place;
    } else if (!since_) {
      return "the cursor goes back from " + std::to_string(position_) + " to " + std::to_string(place);
    }
  }
  if (!changes_.empty() && place > changes_.front().head) return "it goes on behind a change before the answer";
  // A stream that looks for its first reading may tell of any hole on its way.
  const bool sought = since_.has_value();
  Hole hole;
  hole.gap = reason;
  if (auto fault = walk(entries, place, hole); !fault.empty()) return fault;
  if (hole.slow && place < least_behind_slow()) return "it does not go on at the head behind a client's lag";
  if (topics_missing(reason) && !hole.reasons.contains(reason) && !changes_.empty() &&
      !changes_.front().snapshot_of.empty() && !std::exchange(changes_.front().topics_missing, true)) {
    hole.gap = "topics missing";  // a snapshot of no topic, because of that
  }
  if (std::exchange(doubted_, false) && reason == "storage") hole.reasons.insert(reason);
  if (sought && reason != "slow") hole.reasons.insert(reason);
  if (auto fault = back ? "" : judge_gap(hole); !fault.empty()) return fault;
  if (auto fault = judge_missed(batch, hole); !fault.empty()) return fault;
  if (!history_.away()) away_until_ = 0;
  return judge_snapshot_links(batch, reason, hole.end);
}

std::string Client::read(const json& batch, std::vector<Entry>& entries) {
  for (const json& reading : batch.at("readings")) {
    const json& payload = reading.at("payload");
    const std::string broker = reading.value("broker", "");
    if (broker.empty() == (rules_.brokers > 1))
      return "a reading that tells its broker, or does not: " + reading.dump();
    entries.push_back({reading.at("seq"), payload.is_array() ? payload[0] : payload, reading.at("topic"), broker});
  }
  readings += entries.size();
  for (const json& link : batch.value("links", json::array())) {
    if (!link.value("snapshot", false)) entries.push_back({link.at("seq"), id_of_link(link), "", link.at("broker")});
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.seq < b.seq; });
  for (std::size_t i = 1; i < entries.size(); ++i) {
    if (entries[i].seq == entries[i - 1].seq) return "a batch with one seq twice";
  }
  return "";
}

// From position_ up to there: each entry is what comes next, or else part of a hole.
std::string Client::walk(const std::vector<Entry>& entries, Index until, Hole& hole) {
  std::size_t next = 0;
  const auto skip = [&](Index i, const char* reason, bool must) {
    if (next == 0) {
      hole.reasons.insert(reason);
      if (history_.too_old(i)) hole.reasons.insert("expired");
      hole.end = i + 1;
    }
    if (must && hole.must.empty()) {
      hole.must = place(i) + (next == 0 ? " was skipped without a gap" : " was skipped in the middle of a batch");
    }
    return must && next != 0;
  };
  for (Index i = position_; i < until; ++i) {
    const Item& item = history_.items[i];
    if (item.forgotten) continue;
    if (since_ && (i >= since_until_ || is_first_since(i))) since_.reset();
    const bool sure = !since_;
    if (item.is_break) {
      if (skip(i, "storage", sure)) return hole.must;
      continue;
    }
    if (next < entries.size() && entries[next].id == item.id) {
      if (auto fault = come(entries[next], i); !fault.empty()) return fault;
      if (next == 0 && hole.slow && i < least_behind_slow())
        return place(i) + " came behind a lag, but is not at the head";
      if (next == 0 && caught_up_ && asked_ && asked_->at - item.handed_over > rules_.lag + rules_.tolerance)
        return place(i) + " came, but the client was too slow for it";
      ++next;
      since_.reset();
      continue;
    }
    if (next == 0 && wanted(i) && was_slow_for(i, hole)) continue;
    if (!history_.readable(i) || (i < away_until_ && !item.in_memory)) {
      const char* reason = history_.expired(i) ? "expired" : "storage";
      if (skip(i, reason, sure && wanted(i))) return hole.must;
      continue;
    }
    if (sure && wanted(i))
      return place(i) + " had to come" +
             (next < entries.size() ? " instead of seq " + std::to_string(entries[next].seq) : " and did not");
  }
  if (next != entries.size()) return "seq " + std::to_string(entries[next].seq) + " came, but was not next";
  position_ = std::max(position_, until);
  return "";
}

std::string Client::come(const Entry& entry, Index i) const {
  const Item& item = history_.items[i];
  if (entry.seq != item.seq) return place(i) + " came with the seq " + std::to_string(entry.seq);
  if (entry.topic != item.topic) return place(i) + " has another topic than it was published on";
  if (!entry.broker.empty() && entry.broker != item.broker) return place(i) + " came over " + item.broker;
  if (!wanted(i)) return place(i) + " came, but does not match";
  if (!history_.kept(i) && !history_.just_gone(i)) return place(i) + " came, but was lost";
  return "";
}

// Whether this may be left out because the client did not read: if it is what it missed first, it must have waited for
// so long. Where that is the gap's reason, it may have gone out of the log since then.
bool Client::was_slow_for(Index i, Hole& hole) {
  if (hole.gap.empty() || !caught_up_ || rules_.disconnects || i >= history_.handed_over()) return false;
  if (!hole.slow) {
    if (hole.gap != "slow" && !history_.readable(i)) return false;
    if (history_.now - history_.items[i].appended < rules_.lag) return false;
    hole.slow = true;
    slow_from = i;
  }
  hole.reasons.insert("slow");
  hole.end = i + 1;
  if (!history_.is_link(i)) ++hole.readings;
  return true;
}

// It goes on at the head as it was when the client read again, or where its filters change.
Index Client::least_behind_slow() const {
  const Index head = asked_ ? asked_->handed_over : history_.handed_over();
  return changes_.empty() ? head : std::min(head, changes_.front().head);
}

std::string Client::disconnected() const {
  if (!rules_.disconnects) return "it was disconnected instead of a gap";
  if (!caught_up_) return "it was disconnected for its lag, but had never caught up";
  for (Index i = position_; i < history_.handed_over(); ++i) {
    if (history_.items[i].is_break || !wanted(i)) continue;
    if (history_.now - history_.items[i].appended >= rules_.lag) return "";
    return "it was disconnected, but did not lag for " + place(i);
  }
  return "it was disconnected for its lag, but had everything";
}

std::string Client::judge_missed(const json& batch, const Hole& hole) const {
  if (hole.gap != "slow") return "";
  const json& missed = batch["gap"].at("missed");
  // Where it waited for the disk while the client was away again, its lag may have been judged twice.
  const bool once = asked_ && history_.now - asked_->at < rules_.lag;
  if (missed.is_null()) return counts_ && once ? "it does not say how many were missed" : "";
  if (missed == hole.readings) return "";
  return "it says that " + missed.dump() + " were missed, but " + std::to_string(hole.readings) + " were";
}

std::string Client::judge_gap(const Hole& hole) const {
  const std::string& reason = hole.gap;
  if (reason.empty()) return hole.must;
  if (reason == "unknown" || reason == "topics missing" || hole.reasons.contains(reason)) return "";
  return hole.reasons.empty() ? "a gap for no reason: " + reason
                              : "a gap for the wrong reason: " + reason + " instead of " + *hole.reasons.begin();
}

// A stream that starts without a cursor, or after a gap, is told the brokers' states: not older ones than the client
// would know without the gap.
std::string Client::judge_snapshot_links(const json& batch, const std::string& reason, Index hole_end) {
  if (reason.empty() && !links_due_) return "";
  const Index known = std::max(reason.empty() ? 0 : hole_end, links_due_.value_or(0));
  links_due_.reset();
  std::map<std::string, Index> last;  // by broker
  for (const Index i : history_.timeline()) {
    const bool there = history_.kept(i) || history_.expired(i) || history_.just_gone(i);
    if (i < known && history_.is_link(i) && there) last[history_.items[i].broker] = i;
  }
  std::set<std::string> brokers;
  for (const json& link : batch.value("links", json::array())) {
    if (!link.value("snapshot", false)) continue;
    const auto told = history_.find(link.at("seq"));
    if (!told || history_.items[*told].id != id_of_link(link) || history_.items[*told].broker != link.at("broker"))
      return "a state that no link entry tells: " + link.dump();
    const auto before = last.find(link.at("broker"));
    if (before != last.end() && *told < before->second)
      return "an old state of the link: " + place(*told) + " instead of " + place(before->second);
    if (!brokers.insert(link.at("broker")).second) return "two states of one link: " + link.dump();
  }
  return brokers.size() == rules_.brokers ? "" : "the states of the links are not told";
}

// The cursor was in a tail that the log lost, and goes back to its end.
bool Client::lost_tail(Index place) const {
  if (place >= position_) return false;
  for (Index i = place; i < position_; ++i) {
    if (history_.kept(i)) return false;
  }
  return true;
}

std::string Client::answer(Index place) {
  if (changes_.empty()) return "an answer to no question";
  if (snapshot_) return "an answer inside a snapshot";
  Change& change = changes_.front();
  if (place != change.head) return "an answer at another place than the head";
  Hole hole;
  if (auto fault = walk({}, change.head, hole); !fault.empty()) return "an answer came, but " + fault;
  if (!hole.must.empty()) return "an answer came, but " + hole.must;
  if (!change.snapshot_of.empty()) {  // it was a snapshot of no topic at all
    begin_snapshot(change.snapshot_of, change.head, true);
    snapshot_->incomplete = change.topics_missing;
    if (auto fault = end_snapshot(""); !fault.empty()) return fault;
  }
  filters_ = change.filters;
  place_ = place;
  changes_.erase(changes_.begin());
  return "";
}

void Client::begin_snapshot(const Filters& of, Index head, bool of_change) {
  snapshot_ = Snapshot{of, head, history_.process(), {}, 0, of_change, false};
}

std::string Client::snapshot_batch(const std::vector<Entry>& entries, const std::string& gap, Index head) {
  ++snapshots;
  if (!snapshot_) {
    if (changes_.empty() || changes_.front().snapshot_of.empty()) return "a snapshot that nobody asked for";
    const Change& change = changes_.front();
    Hole hole;
    if (auto fault = walk({}, change.head, hole); !fault.empty()) return "a snapshot came, but " + fault;
    if (!hole.must.empty()) return "a snapshot came, but " + hole.must;
    begin_snapshot(change.snapshot_of, change.head, true);
  }
  Snapshot& snapshot = *snapshot_;
  const bool back = (gap == "storage" || topics_missing(gap)) && lost_tail(head);
  if (back) position_ = snapshot.head = head;
  if (topics_missing(gap)) {
    snapshot.incomplete = true;
  } else if (!gap.empty() && !back) {
    return "a gap for no reason in a snapshot: " + gap;
  }
  if (head != snapshot.head)
    return "the snapshot's head was " + std::to_string(snapshot.head) + ", and now is " + std::to_string(head);
  for (const Entry& reading : entries) {
    const auto i = history_.find(reading.seq);
    if (!i || history_.items[*i].id != reading.id || history_.items[*i].topic != reading.topic)
      return "seq " + std::to_string(reading.seq) + " came in a snapshot, and never was";
    if (reading.seq <= snapshot.last || *i >= snapshot.head) return place(*i) + " is out of order in a snapshot";
    snapshot.last = reading.seq;
    if (!reading.broker.empty() && reading.broker != history_.items[*i].broker)
      return place(*i) + " came in a snapshot over " + reading.broker;
    if (!matches(snapshot.of, reading.topic)) return place(*i) + " does not match in a snapshot";
    if (!snapshot.seen.emplace(reading.topic, *i).second) return place(*i) + ": its topic came twice in a snapshot";
  }
  return "";
}

// Whether the gap can mean that the log may lack the latest readings of some topics.
bool Client::topics_missing(const std::string& gap) const {
  return (gap == "expired" && history_.forgets_topics) || (gap == "storage" && away_until_ != 0);
}

// Each topic came with its latest reading, unless a newer one comes behind the snapshot.
std::string Client::end_snapshot(const std::string& gap) {
  const Snapshot snapshot = *std::exchange(snapshot_, std::nullopt);
  if (snapshot.of_change) changes_.front().snapshot_of.clear();
  const bool incomplete = snapshot.incomplete || topics_missing(gap);
  std::map<std::string, Index> due;
  for (Index i = 0; i < history_.items.size(); ++i) {
    const Item& item = history_.items[i];
    if (item.topic.empty() || !matches(snapshot.of, item.topic)) continue;
    const bool remembered = history_.kept(i) || history_.expired(i);
    if (i < snapshot.head && remembered) {
      due[item.topic] = i;
    } else if (i >= snapshot.head || item.gone_in >= snapshot.process) {
      due.erase(item.topic);  // it comes behind the snapshot, or did when the snapshot began, and then was lost
    }
  }
  for (const auto& [topic, latest] : due) {
    const auto seen = snapshot.seen.find(topic);
    if (seen != snapshot.seen.end() && seen->second < latest)
      return place(seen->second) + " came in a snapshot instead of " + place(latest);
    if (seen == snapshot.seen.end() && !incomplete) return "the snapshot left out " + place(latest) + " of " + topic;
  }
  return "";
}

std::string Client::finish() {
  if (snapshot_) return "the snapshot never ended";
  if (!changes_.empty()) return "an answer never came";
  if (unknown_head_) return "it was never said that the cursor is unknown";
  Hole hole;
  if (auto fault = walk({}, history_.items.size(), hole); !fault.empty()) return "at the end: " + fault;
  return hole.must.empty() ? "" : "at the end: " + hole.must;
}

}  // namespace checker

#include "gateway/hub.hpp"

#include <algorithm>
#include <utility>

namespace fieldcast {

Hub::Hub(Log& log, const Clock& clock, const Limits& limits, Counters& counters, Wakeup& shard)
    : log_(log),
      clock_(clock),
      limits_(limits),
      counters_(counters),
      shard_(shard),
      names_brokers_(log.names_brokers()),
      position_(log.head()),
      most_filter_bytes_(std::max(kLeastFilterBytes, limits.views * kViewFilterBytes)) {
  load_links();
}

Hub::~Hub() {
  for (const auto& view : views_) {
    counters_.view_bytes.sub(view->bytes());
    counters_.view_filter_bytes.sub(view->filters().bytes());
  }
  counters_.views.sub(views_.size());
}

void Hub::run() {
  const bool more = read_chunk();
  take_answers();
  std::swap(ready_, telling_);
  for (std::size_t readers = 0; readers < kReadersPerTurn && !reading_on_.empty(); ++readers) {
    telling_.push_back(reading_on_.front());
    reading_on_.pop_front();
  }
  for (std::size_t i = 0; i < telling_.size(); ++i) {
    if (LogReader* reader = telling_[i]) {
      reader->waiting_ = false;
      reader->chunks_left_ = kChunksPerTurn;
      reader->on_turn();
    }
  }
  telling_.clear();
  if (more || !ready_.empty() || !reading_on_.empty()) shard_.wake();
}

void Hub::tick() {
  const Instant now = clock_.now();
  mark_lag(now);
  for (auto view = views_.begin(); view != views_.end();) {
    const auto next = std::next(view);
    if ((*view)->clients == 0 && now - (*view)->unused_since >= kViewKept) forget_view(view);
    view = next;
  }
}

// Not by the entries' own time: that is the wall clock's, which may jump.
void Hub::mark_lag(Instant now) {
  if (marks_.empty() || now - marks_.back().at >= limits_.client_lag / kLagMarks) marks_.push_back({now, position_});
  for (; !marks_.empty() && now - marks_.front().at >= limits_.client_lag; marks_.pop_front()) {
    lag_floor_ = marks_.front().position;
  }
}

bool Hub::read_chunk() {
  const std::uint64_t head = log_.head();
  if (position_ >= head) return false;
  const std::uint64_t floor = log_.read(position_, head, kReadBytes, chunk_);
  if (floor > position_) fell_behind(floor);
  for (const Entry& entry : chunk_.entries) {
    deliver(entry);
    position_ = entry.seq;
  }
  for (View* view : touched_) seal(*view, position_);
  touched_.clear();
  if (view_bytes_ > limits_.view_bytes) counters_.reached(Limit::view_bytes);
  while (view_bytes_ > limits_.view_bytes && !order_.empty()) {
    View& view = *order_.front();
    const std::size_t before = view.bytes();
    view.drop_oldest();
    view_bytes_ -= before - view.bytes();
  }
  counters_.view_bytes.set(view_bytes_);
  return position_ < head;
}

void Hub::deliver(const Entry& entry) {
  encoded_.clear();
  if (is_link(entry)) {
    note_link(entry);
    for (const auto& view : views_) add_to(*view, entry);
    return;
  }
  matched_.clear();
  tree_.match(entry.topic, matched_);
  for (View* view : matched_) {
    if (view->last_seq != entry.seq) add_to(*view, entry);
  }
}

void Hub::add_to(View& view, const Entry& entry) {
  if (encoded_.empty()) encode(encoded_, entry);  // once for all views
  BatchBuilder& pending = view.pending;
  if (pending.entries() != 0 &&
      (pending.bytes() + 1 + encoded_.size() > limits_.batch_bytes || pending.entries() == kPageEntries)) {
    seal(view, entry.seq - 1);
  }
  if (pending.entries() == 0 && (touched_.empty() || touched_.back() != &view)) touched_.push_back(&view);
  pending.add_encoded(entry, encoded_);
  view.last_seq = entry.seq;
}

void Hub::seal(View& view, std::uint64_t position) {
  if (view.pending.entries() == 0) return;  // touched twice
  const std::uint64_t begin = view.pending.first_seq() - 1;
  const std::size_t before = view.bytes();
  auto batch = view.pending.seal(cursor(position), begin, position);
  counters_.encodings.add();
  counters_.encoded_bytes.add(batch->json.size());
  view.push(std::move(batch));
  view_bytes_ += view.bytes() - before;
  ready_.insert(ready_.end(), view.waiting.begin(), view.waiting.end());
  view.waiting.clear();
}

void Hub::load_links() {
  log_.links(replay_);
  for (const Entry& link : replay_.entries) note_link(link);
}

void Hub::note_link(const Entry& link) {
  std::string& state = links_[std::string(link.broker)];
  state.clear();
  append_snapshot_link(state, link);
  present_links_.clear();
  for (const auto& [broker, json] : links_) {
    if (!present_links_.empty()) present_links_ += ',';
    present_links_ += json;
  }
}

// Readings came faster than this shard could take them, and the log no longer has them all.
void Hub::fell_behind(std::uint64_t floor) {
  for (const auto& view : views_) {
    const std::size_t before = view->bytes();
    view->restart(floor);
    view_bytes_ -= before - view->bytes();
    ready_.insert(ready_.end(), view->waiting.begin(), view->waiting.end());
    view->waiting.clear();
  }
  position_ = floor;
  load_links();  // there may have been some
}

bool Hub::overfull(std::size_t bytes) {
  if (bytes <= page_room()) return false;
  if (bytes <= limits_.batch_bytes) counters_.reached(Limit::pages_bytes);
  return true;
}

void Hub::ask_history(LogReader& reader) {
  reader.waiting_ = true;
  asking_.push_back(&reader);
  ask_more_history();
  if (!asking_.empty()) counters_.reached(Limit::replays);
}

void Hub::ask_more_history() {
  while (!asking_.empty() && reading_.size() < kHistoryReads) {
    LogReader& reader = *asking_.front();
    asking_.pop_front();
    reading_.push_back({&reader, reader.history_read()});
    log_.read_history(reading_.back().read, shard_);
  }
  counters_.replays_waiting.set(asking_.size());
}

// Taken at once, whatever the client's socket does: an answer that waited for a slow client would keep others waiting.
void Hub::take_answers() {
  std::erase_if(reading_, [this](const Reading& reading) {
    if (!reading.read->done.load(std::memory_order_acquire)) return false;
    if (reading.reader != nullptr) {
      reading.reader->take_history(*reading.read);
      reading_on_.push_back(reading.reader);
    }
    return true;
  });
  ask_more_history();
}

void Hub::catch_up() {
  const std::uint64_t head = log_.head();
  while (position_ < head) read_chunk();
  if (!ready_.empty()) shard_.wake();
}

Result<View*> Hub::take_view(const FilterSet& filters) {
  auto found = views_.find(filters);
  if (found == views_.end()) {
    const char* const detail =
        "too many different sets of topic filters are in use: try again later, or use filters that other clients use "
        "too";
    if (views_.size() >= limits_.views && !forget_longest_unused())
      return Problem{Code::too_many, detail, 0, Limit::views};
    const std::size_t bytes = filters.bytes();
    if (!make_room_for_filters(bytes)) return Problem{Code::too_many, detail, 0, Limit::view_filter_bytes};
    found = views_.insert(std::make_unique<View>(filters, position_, order_)).first;
    for (const std::string& filter : filters.filters()) tree_.add(filter, found->get());
    counters_.views.add();
    counters_.view_filter_bytes.add(bytes);
  }
  ++(*found)->clients;
  return found->get();
}

void Hub::release_view(View& view) {
  if (--view.clients == 0) view.unused_since = clock_.now();
}

void Hub::forget_view(Views::iterator view) {
  for (const std::string& filter : (*view)->filters().filters()) tree_.remove(filter, view->get());
  view_bytes_ -= (*view)->bytes();
  counters_.view_bytes.set(view_bytes_);
  counters_.view_filter_bytes.sub((*view)->filters().bytes());
  counters_.views.sub();
  views_.erase(view);
}

bool Hub::forget_longest_unused() {
  auto longest = views_.end();
  for (auto view = views_.begin(); view != views_.end(); ++view) {
    if ((*view)->clients != 0) continue;
    if (longest == views_.end() || (*view)->unused_since < (*longest)->unused_since) longest = view;
  }
  if (longest == views_.end()) return false;
  forget_view(longest);
  return true;
}

bool Hub::make_room_for_filters(std::size_t bytes) {
  while (counters_.view_filter_bytes.value() + bytes > most_filter_bytes_) {
    if (!forget_longest_unused()) return false;
  }
  return true;
}

Result<std::shared_ptr<const FilterSet>> Hub::hold(const FilterSet& filters) {
  const std::size_t bytes = filters.bytes();
  if (!make_room_for_filters(bytes)) {
    return Problem{Code::too_many, "too many topic filters wait for their turn: try again later", 0,
                   Limit::view_filter_bytes};
  }
  auto held = std::make_unique<const FilterSet>(filters);
  counters_.view_filter_bytes.add(bytes);
  return std::shared_ptr<const FilterSet>(held.release(), [this, bytes](const FilterSet* set) {
    counters_.view_filter_bytes.sub(bytes);
    delete set;
  });
}

void Hub::tell_later(LogReader& reader) {
  reader.waiting_ = true;
  reading_on_.push_back(&reader);
  shard_.wake();
}

void Hub::forget(LogReader& reader, View* view) {
  if (!reader.waiting_) return;
  reader.waiting_ = false;
  const auto erase = [&](std::vector<LogReader*>& list) {
    const auto found = std::find(list.begin(), list.end(), &reader);
    if (found == list.end()) return false;
    *found = list.back();  // those of one turn have no order among each other
    list.pop_back();
    return true;
  };
  if (view != nullptr && erase(view->waiting)) return;
  if (erase(ready_)) return;
  if (std::erase(reading_on_, &reader) != 0) return;
  if (std::erase(asking_, &reader) != 0) return counters_.replays_waiting.set(asking_.size());
  for (Reading& reading : reading_) {
    if (reading.reader != &reader) continue;
    reading.reader = nullptr;
    reading.read->cancelled.store(true, std::memory_order_relaxed);
    return;
  }
  std::replace(telling_.begin(), telling_.end(), &reader, static_cast<LogReader*>(nullptr));
}

std::shared_ptr<const Batch> Hub::empty_batch(std::uint64_t position) {
  if (!empty_ || empty_->end != position) empty_ = BatchBuilder{}.seal(cursor(position), position, position);
  return empty_;
}

}  // namespace fieldcast

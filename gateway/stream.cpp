#include "gateway/stream.hpp"

#include <algorithm>

#include "gateway/hub.hpp"

namespace fieldcast {

Stream::Stream(Hub& hub, StreamOwner& owner, Options options)
    : hub_(hub), owner_(owner), options_(options), position_(hub.position()), scanned_(position_) {}

Stream::~Stream() {
  hub_.forget(*this, view_);
  hub_.counters().pages_bytes.sub(counted_);
  if (view_ != nullptr) hub_.release_view(*view_);
  for (const Change& change : changes_) {
    if (change.view != nullptr) hub_.release_view(*change.view);
  }
}

std::optional<Problem> Stream::begin(const FilterSet& filters, const From& from, std::optional<std::string> answer_id) {
  hub_.catch_up();
  auto view = hub_.take_view(filters);
  if (!view) return view.problem();
  view_ = *view;
  start(from);
  // Its filters are there already: only the answer waits.
  if (answer_id) return add_change({"subscribed", std::move(*answer_id)}, filters);
  return std::nullopt;
}

std::optional<Problem> Stream::subscribe(std::string answer_id, const FilterSet& filters, const From& from) {
  const FilterSet& before = filters_after_changes();
  Change change{"subscribed", std::move(answer_id)};
  const FilterSet after = before.with(filters);
  if (auto fault = after.fault(hub_.limits().filters)) return fault;
  if (before.empty()) {
    change.begin = from;
  } else if (from.kind == From::Kind::latest) {
    auto held = hub_.hold(filters);
    if (!held) return held.problem();
    change.snapshot_of = *std::move(held);
  } else if (from.kind != From::Kind::now) {
    return Problem{Code::bad_from,
                   "filters that are added to a stream begin at now or latest: open a second stream for "
                   "older readings"};
  }
  return add_change(std::move(change), after);
}

std::optional<Problem> Stream::unsubscribe(std::string answer_id, const FilterSet& filters) {
  return add_change({"unsubscribed", std::move(answer_id)}, filters_after_changes().without(filters));
}

namespace {

const FilterSet& filters_of(const View* view) {
  static const FilterSet none;
  return view != nullptr ? view->filters() : none;
}

}  // namespace

const FilterSet& Stream::filters() const {
  return filters_of(view_);
}

const FilterSet& Stream::filters_after_changes() const {
  return filters_of(changes_.empty() ? view_ : changes_.back().view);
}

// A change takes effect at the head as it is now.
std::optional<Problem> Stream::add_change(Change change, const FilterSet& filters) {
  if (changes_.size() == kPendingChanges) {
    return Problem{Code::too_many, "too many changes of this stream wait for their turn: wait for the answers", 0,
                   Limit::changes};
  }
  hub_.catch_up();
  change.head = hub_.position();
  if (const View* former = changes_.empty() ? view_ : changes_.back().view) change.before = former->matched();
  if (!filters.empty()) {
    auto view = hub_.take_view(filters);
    if (!view) return view.problem();
    change.view = *view;
    change.after = change.view->matched();
  }
  changes_.push_back(std::move(change));
  return std::nullopt;
}

void Stream::start(const From& from) {
  hub_.counters().transports[static_cast<std::size_t>(options_.transport)].streams.add();
  const std::uint64_t head = hub_.position();
  must_send_ = true;
  caught_up_ = false;
  matched_.reset();
  switch (from.kind) {
    case From::Kind::cursor:
      return start_behind(from.cursor);
    case From::Kind::oldest:
      start_at(hub_.log_.floor());
      break;
    case From::Kind::time:
      start_since(from.time);
      break;
    case From::Kind::ago:
      start_since(hub_.clock().wall_ms() - from.time);
      break;
    default:
      start_at(head);
  }
  if (from.kind == From::Kind::unknown) {
    state_gap(GapReason::unknown);
  } else {
    page_.set_snapshot_links(hub_.present_links());
  }
  if (from.kind == From::Kind::latest) start_snapshot(nullptr, 0, head);
}

void Stream::start_behind(const Cursor& cursor) {
  const auto end = hub_.log_.end_of(cursor.tag);
  if (!end || cursor.seq > cursor.head.value_or(cursor.seq)) {
    start_at(hub_.position());
    return state_gap(GapReason::unknown);
  }
  const std::uint64_t seq = std::min(cursor.seq, *end);
  if (cursor.head) {
    start_snapshot(nullptr, seq, std::min(*cursor.head, *end));
  } else {
    start_at(seq);
  }
  // In a tail that the log lost.
  if (cursor.head.value_or(cursor.seq) > *end) return state_gap(GapReason::storage);
  if (cursor.head || !options_.joined) return;
  must_send_ = false;  // a poll with a cursor waits for something to come
  // Polls that come back find what they missed encoded already, where the view's ring still has it.
  if (const auto number = view_->number_at(position_)) {
    mode_ = Mode::live;
    number_ = *number;
  }
}

void Stream::start_since(std::int64_t time) {
  since_ = time;
  since_until_ = hub_.position();
  start_at(std::min(since_until_, hub_.log_.before(time)));
}

void Stream::start_at(std::uint64_t position) {
  mode_ = Mode::replay;
  position_ = scanned_ = position;
}

void Stream::start_snapshot(HeldFilters of, std::uint64_t place, std::uint64_t head) {
  mode_ = Mode::snapshot;
  position_ = scanned_ = place;
  snapshot_of_ = std::move(of);
  snapshot_head_ = head;
  topics_missing_ = false;
  state_missing_topics();
}

void Stream::state_missing_topics() {
  if (topics_missing_) return;
  const auto reason = hub_.log_.latest_gap();
  if (!reason) return;
  topics_missing_ = true;
  state_gap(*reason);
}

void Stream::state_gap(GapReason reason, std::optional<std::uint64_t> missed) {
  page_.set_snapshot_links(hub_.present_links());
  must_send_ = true;
  if (!missed) matched_.reset();
  if (page_.has_gap()) return page_.forget_missed();  // one says it all
  page_.set_gap({reason, missed});
  hub_.counters().gaps[static_cast<std::size_t>(reason)].add();
}

std::shared_ptr<const Batch> Stream::next() {
  if (reading_) return nullptr;
  hub_.forget(*this, view_);
  for (;;) {
    if (change_due()) return apply_change();
    switch (mode_) {
      case Mode::idle:
        if (!std::exchange(must_send_, false)) return nullptr;
        return heartbeat();
      case Mode::snapshot:
      case Mode::replay:
        // However fast its socket takes them: others first.
        if (chunks_left_ == 0) {
          hub_.tell_later(*this);
          return nullptr;
        }
        --chunks_left_;
        if (mode_ == Mode::snapshot ? read_snapshot() : read_log()) return seal_page();
        if (reading_) return nullptr;
        break;
      case Mode::live:
        if (auto batch = next_live()) return batch;
        if (waiting_) return nullptr;
        break;
      case Mode::too_slow:
        return nullptr;
    }
  }
}

// One step through the latest readings; true where page_ is to be sent.
bool Stream::read_snapshot() {
  if (scanned_ < snapshot_head_) {
    Chunk& chunk = hub_.replay_;
    const FilterSet& of = snapshot_of_ ? *snapshot_of_ : filters();
    const std::uint64_t reached = hub_.log_.latest(
        scanned_, snapshot_head_, [&of](std::string_view topic) { return of.matches(topic); },
        options_.page_entries - page_.entries(), kReadBytes, chunk);
    for (const Entry& entry : chunk.entries) {
      if (!add_to_page(entry)) return true;
      scanned_ = entry.seq;
    }
    scanned_ = reached;
    if (page_.entries() >= options_.page_entries) return true;
    if (scanned_ < snapshot_head_) return false;
  }
  if (page_.entries() != 0) return true;
  // A batch that is no snapshot ends it, and goes on with what came since.
  start_at(snapshot_head_);
  snapshot_of_.reset();
  state_missing_topics();  // one may have been forgotten meanwhile
  must_send_ = true;
  return false;
}

// One step through the log; true where page_ is to be sent. At its target the stream goes live, unless a
// change of filters is due there.
bool Stream::read_log() {
  if (std::exchange(page_due_, false)) return true;
  if (since_ && scanned_ >= since_until_) since_.reset();  // there is none of that time
  const std::uint64_t head = hub_.position();
  const std::uint64_t target = changes_.empty() ? head : std::min(head, changes_.front().head);
  if (scanned_ < target) {
    if (scanned_ < memory_floor_) return read_disk(target);
    Chunk& chunk = hub_.replay_;
    memory_floor_ = hub_.log_.read(scanned_, target, kReadBytes, chunk);
    if (scanned_ < memory_floor_) return read_disk(target);
    for (const Entry& entry : chunk.entries) {
      if (!passes_over(entry)) {
        if (lags(entry.seq)) {
          give_up();
          return false;
        }
        if (!add_to_page(entry)) return true;
      }
      scanned_ = entry.seq;
      if (page_.entries() == options_.page_entries) return true;
    }
    if (scanned_ < target) return false;
  }
  if (must_send_ || page_.entries() != 0) return true;
  position_ = scanned_;
  if (changes_.empty()) {
    mode_ = Mode::live;
    number_ = view_->end();
    caught_up_ = true;
    matched_ = view_->matched();
  }
  return false;
}

// What comes next is not in memory. True where page_ is to be sent.
bool Stream::read_disk(std::uint64_t target) {
  if (since_) target = std::min(target, since_until_);  // behind it nothing may be left out in silence
  const std::uint64_t floor = hub_.log_.floor();
  if (scanned_ >= floor) {
    reading_ = true;
    read_until_ = std::min(memory_floor_, target);
    hub_.ask_history(*this);
    return false;
  }
  if (!since_) {
    if (page_.entries() != 0) return true;  // the gap comes behind it
    state_gap(hub_.log_.gone(scanned_));
  }
  scanned_ = std::min(floor, target);
  return false;
}

std::shared_ptr<HistoryRead> Stream::history_read() const {
  auto read = std::make_shared<HistoryRead>();
  read->after = scanned_;
  read->until = read_until_;
  read->since = since_;
  read->filters = filters();
  read->max_entries = options_.page_entries - page_.entries();
  const std::size_t whole = hub_.page_room(), room = whole - std::min(whole, page_.bytes());
  read->max_bytes = std::clamp<std::size_t>(room, 1, kHistoryBytes);
  return read;
}

void Stream::take_history(HistoryRead& read) {
  reading_ = false;
  if (read.lost) {
    page_due_ = page_.entries() != 0;  // the gap comes behind it, when this is read again
    if (page_due_) return;
    state_gap(scanned_ < hub_.log_.floor() ? hub_.log_.gone(scanned_) : GapReason::storage);
    scanned_ = read.reached;
    return;
  }
  since_ = read.since;
  for (const Entry& entry : read.chunk.entries) {
    if (lags(entry.seq)) return give_up();
    page_due_ = !add_to_page(entry);
    if (page_due_) return;
    scanned_ = entry.seq;
  }
  scanned_ = read.reached;
  page_due_ = page_.entries() == options_.page_entries;
}

// Whether a replay leaves the entry out.
bool Stream::passes_over(const Entry& entry) {
  if (since_) {
    if (entry.seq <= since_until_ && entry.time < *since_) return true;
    since_.reset();
  }
  return !is_link(entry) && !filters().matches(entry.topic);
}

// Whether the client is too far behind, given the oldest entry that it was not sent.
bool Stream::lags(std::uint64_t seq) const {
  return caught_up_ && !options_.joined && page_.entries() == 0 && seq <= hub_.lag_floor();
}

// The client was too slow: it goes on at the head, or where the next change of filters takes effect.
void Stream::give_up() {
  if (hub_.limits().slow_client == SlowClient::disconnect) {
    mode_ = Mode::too_slow;
    return;  // counted where the client is told
  }
  hub_.counters().reached(Limit::client_lag);
  start_at(changes_.empty() ? hub_.position() : changes_.front().head);
  const Matched now = changes_.empty() ? view_->matched() : changes_.front().before;
  std::optional<std::uint64_t> missed;
  if (matched_ && matched_->series == now.series) missed = now.readings - matched_->readings;
  state_gap(GapReason::slow, missed);
  matched_ = now;
}

Problem Stream::slow_problem() {
  return {Code::slow,
          "a reading waited for longer than limits.client_lag: come back with the last cursor, and ask for "
          "less or read faster",
          0, Limit::client_lag};
}

// False where the page is full without it.
bool Stream::add_to_page(const Entry& entry) {
  std::string& encoded = hub_.encoded_;
  encoded.clear();
  hub_.encode(encoded, entry);
  if (page_.entries() != 0 && hub_.overfull(page_.bytes() + 1 + encoded.size())) return false;
  page_.add_encoded(entry, encoded);
  counted_ += encoded.size();
  hub_.counters().pages_bytes.add(encoded.size());
  return true;
}

std::shared_ptr<const Batch> Stream::seal_page() {
  Cursor cursor = hub_.cursor(scanned_);
  if (mode_ == Mode::snapshot) {
    cursor.head = snapshot_head_;
    page_.set_snapshot();
  }
  const auto readings = page_.readings();
  if (matched_ && mode_ == Mode::replay) matched_->readings += readings;
  auto batch = page_.seal(cursor, position_, scanned_);
  if (readings != 0) {
    hub_.counters().encodings.add();
    hub_.counters().encoded_bytes.add(batch->json.size());
    hub_.counters().replayed_readings.add(readings);
  }
  hub_.counters().pages_bytes.sub(std::exchange(counted_, 0));
  position_ = scanned_;
  must_send_ = false;
  const std::size_t bytes = batch->bytes();
  return hub_.counted<Batch>(std::move(batch), bytes);
}

// Null, and waiting_ not set, where the stream is not live any more or a change is due.
std::shared_ptr<const Batch> Stream::next_live() {
  if (number_ < view_->first()) {  // too slow for the ring
    hub_.counters().fell_behind.add();
    start_at(position_);
    return nullptr;
  }
  const bool at_end = number_ == view_->end();
  if (!changes_.empty() && (at_end || view_->batch(number_)->begin >= changes_.front().head)) {
    position_ = scanned_ = changes_.front().head;
    return nullptr;
  }
  if (at_end) {
    position_ = hub_.position();
    waiting_ = true;
    view_->waiting.push_back(this);
    return nullptr;
  }
  if (lags(view_->batch(number_)->begin + 1)) {
    give_up();
    return nullptr;
  }
  if (options_.joined) {
    std::size_t entries = 0, bytes = 0;
    for (std::uint64_t number = number_; number != view_->end(); ++number) {
      entries += view_->batch(number)->entries();
      bytes += view_->batch(number)->links_size + view_->batch(number)->readings_size + 1;
    }
    if (entries > options_.page_entries || bytes > hub_.limits().batch_bytes) {
      start_at(position_);  // a page of the log, cut where it is full
      return nullptr;
    }
    auto batch = view_->joined(number_, hub_.cursor(hub_.position()));
    position_ = batch->end;
    number_ = view_->end();
    return batch;
  }
  auto batch = view_->batch(number_++);
  position_ = batch->end;
  matched_ = view_->matched_before(number_);
  return batch;
}

bool Stream::change_due() const {
  if (changes_.empty() || must_send_ || mode_ == Mode::snapshot) return false;
  return mode_ == Mode::idle || (position_ == changes_.front().head && page_.empty());
}

std::shared_ptr<const Batch> Stream::apply_change() {
  Change& change = changes_.front();
  if (change.snapshot_of) {
    start_snapshot(std::exchange(change.snapshot_of, {}), 0, change.head);
    return next();
  }
  if (view_ != nullptr) hub_.release_view(*view_);
  view_ = std::exchange(change.view, nullptr);
  if (change.begin) {
    // All that `from` asks for comes first, then the answer.
    change.view = *hub_.take_view(filters());  // one more client of a view that is there
    const From from = *std::exchange(change.begin, std::nullopt);
    start(from);
    change.head = hub_.position();
    change.after = view_->matched();
    return next();
  }
  auto answer = std::make_shared<Batch>();
  answer->json = encode_answer(change.answer_type, change.answer_id, filters(), hub_.cursor(position_));
  matched_ = change.after;
  changes_.pop_front();
  if (view_ == nullptr) {
    mode_ = Mode::idle;
  } else {
    start_at(position_);
  }
  return answer;
}

std::shared_ptr<const Batch> Stream::heartbeat() {
  if (mode_ == Mode::snapshot || mode_ == Mode::replay) return seal_page();
  const bool caught_up = mode_ == Mode::idle || (mode_ == Mode::live && number_ == view_->end() && changes_.empty());
  if (caught_up) position_ = hub_.position();
  return hub_.empty_batch(position_);
}

}  // namespace fieldcast

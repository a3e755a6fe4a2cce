#include "gateway/history_page.hpp"

#include <algorithm>
#include <utility>

#include "gateway/entry_copies.hpp"
#include "gateway/hub.hpp"

namespace fieldcast {
namespace {

// Memory is read forwards: descending, so many positions at once are turned round. Of the usual size they fit a chunk;
// where they do not, what was copied is thrown away and half as many are tried. Cost: some chunks are copied twice.
constexpr std::uint64_t kWindow = 256;

}  // namespace

std::optional<Problem> fault(const HistoryPageRequest& request) {
  if (!request.from || request.from->kind == From::Kind::cursor) return std::nullopt;
  if (request.order == Order::descending) {
    return Problem{
        Code::bad_from,
        "in descending order from takes a cursor only: leave it out, and use end for readings before a time"};
  }
  switch (request.from->kind) {
    case From::Kind::oldest:
    case From::Kind::time:
    case From::Kind::ago:
      return std::nullopt;
    default:
      return Problem{Code::bad_from,
                     "history has no now and no latest: leave from out, or use oldest, a time or a cursor"};
  }
}

HistoryPageReader::HistoryPageReader(Hub& hub, HistoryPageOwner& owner, HistoryPageRequest request)
    : hub_(hub), owner_(owner), request_(std::move(request)), window_(kWindow) {
  hub_.catch_up();
  head_ = hub_.position();
  page_->head = hub_.cursor(head_);
  begin();
}

HistoryPageReader::~HistoryPageReader() {
  hub_.forget(*this);
  hub_.counters().pages_bytes.sub(bytes_);
}

void HistoryPageReader::begin() {
  position_ = ascending() ? hub_.log_.floor() : head_;
  if (!request_.from) return;
  const From& from = *request_.from;
  if (from.kind == From::Kind::cursor) return begin_at(from.cursor);
  if (fault(request_)) {
    position_ = head_;  // nobody is to ask so
  } else if (from.kind == From::Kind::time) {
    begin_since(from.time);
  } else if (from.kind == From::Kind::ago) {
    begin_since(hub_.clock().wall_ms() - from.time);
  }
}

// As a stream does; but in descending order the place in a snapshot is where it began, behind all that it tells.
void HistoryPageReader::begin_at(const Cursor& cursor) {
  const std::uint64_t behind = cursor.head.value_or(cursor.seq);
  const auto end = hub_.log_.end_of(cursor.tag);
  if (!end || cursor.seq > behind) {
    position_ = head_;
    state_gap(GapReason::unknown);
    return;
  }
  position_ = ascending() ? std::min(cursor.seq, *end) : std::min({behind, *end, head_});
  if (behind > *end) state_gap(GapReason::storage);  // in a tail that the log lost
}

void HistoryPageReader::begin_since(std::int64_t time) {
  since_ = time;
  position_ = std::min(head_, hub_.log_.before(time));
}

std::unique_ptr<HistoryPage> HistoryPageReader::take() {
  if (!std::exchange(begun_, true)) go_on();
  return done_ ? std::move(page_) : nullptr;
}

void HistoryPageReader::on_turn() {
  go_on();
  if (done_) owner_.on_page_ready();
}

void HistoryPageReader::go_on() {
  while (!done_ && !reading_) {
    if (chunks_left_ == 0) return hub_.tell_later(*this);
    --chunks_left_;
    if (ascending()) {
      read_up();
    } else {
      read_down();
    }
  }
}

void HistoryPageReader::read_up() {
  if (position_ >= head_) return finish(false);
  Chunk& chunk = hub_.replay_;
  if (position_ >= memory_floor_) memory_floor_ = hub_.log_.read(position_, head_, kReadBytes, chunk);
  if (position_ >= memory_floor_) {
    for (const Entry& entry : chunk.entries) {
      if (!take_entry(entry)) return;
    }
    return;
  }
  const std::uint64_t floor = hub_.log_.floor();
  if (position_ >= floor) return ask_disk(std::min(memory_floor_, head_));
  if (since_ || state_gap(hub_.log_.gone(position_))) position_ = std::min(floor, head_);
}

void HistoryPageReader::read_down() {
  const std::uint64_t floor = hub_.log_.floor();
  if (position_ <= floor) return finish(false);
  if (position_ <= memory_floor_) return ask_disk(floor);
  Chunk& chunk = hub_.replay_;
  memory_floor_ = hub_.log_.read(position_ - std::min(window_, position_), position_, kReadBytes, chunk);
  if (position_ <= memory_floor_) return;  // it is on disk by now
  if (chunk.entries.back().seq != position_) {
    window_ = std::max<std::uint64_t>(1, window_ / 2);
    return;
  }
  for (auto entry = chunk.entries.rbegin(); entry != chunk.entries.rend(); ++entry) {
    if (!take_entry(*entry)) return;
  }
}

void HistoryPageReader::ask_disk(std::uint64_t end) {
  reading_ = true;
  disk_end_ = end;
  hub_.ask_history(*this);
}

std::shared_ptr<HistoryRead> HistoryPageReader::history_read() const {
  auto read = std::make_shared<HistoryRead>();
  read->order = request_.order;
  read->after = ascending() ? position_ : disk_end_;
  read->until = ascending() ? disk_end_ : position_;
  read->since = since_;
  read->filters = request_.filters;
  read->times = {request_.start, request_.end};
  read->links = false;
  read->max_entries = request_.limit - page_->chunk.entries.size() + 1;  // one more says that there is more
  const std::size_t whole = hub_.page_room(), room = whole - std::min(whole, bytes_);
  read->max_bytes = std::clamp<std::size_t>(room, 1, kHistoryBytes);
  return read;
}

void HistoryPageReader::take_history(HistoryRead& read) {
  reading_ = false;
  if (read.lost) {
    const std::uint64_t floor = hub_.log_.floor();
    const bool is_gone = position_ < floor;
    if (!ascending() && position_ <= floor) return;  // it expired meanwhile: the history ends here
    if (state_gap(is_gone ? hub_.log_.gone(position_) : GapReason::storage)) position_ = read.reached;
    return;
  }
  since_ = read.since;
  for (const Entry& entry : read.chunk.entries) {
    if (!take_entry(entry)) return;
  }
  position_ = read.reached;
}

// False where the page ends before it.
bool HistoryPageReader::take_entry(const Entry& entry) {
  if (wanted(entry)) {
    if (is_full_without(entry)) {
      position_ = ascending() ? entry.seq - 1 : entry.seq;
      finish(true);
      return false;
    }
    copy_entry(entry, page_->chunk);
  }
  position_ = ascending() ? entry.seq : entry.seq - 1;
  return true;
}

bool HistoryPageReader::wanted(const Entry& entry) {
  if (since_) {
    if (entry.time < *since_) return false;
    since_.reset();
  }
  return !is_link(entry) && TimeRange{request_.start, request_.end}.holds(entry.time) &&
         request_.filters.matches(entry.topic);
}

bool HistoryPageReader::is_full_without(const Entry& entry) {
  const bool empty = page_->chunk.entries.empty();
  if (!empty && page_->chunk.entries.size() >= request_.limit) return true;
  std::string& encoded = hub_.encoded_;
  encoded.clear();
  hub_.encode(encoded, entry);
  const std::size_t bytes = bytes_ + (empty ? 0 : 1) + encoded.size();
  if (!empty && hub_.overfull(bytes)) return true;
  hub_.counters().pages_bytes.add(bytes - bytes_);
  bytes_ = bytes;
  return false;
}

// A gap comes between two pages: false where this one has readings, and ends before it.
bool HistoryPageReader::state_gap(GapReason reason) {
  if (!page_->chunk.entries.empty()) {
    finish(true);
    return false;
  }
  if (page_->gap) return true;  // one says it all
  page_->gap = Gap{reason, std::nullopt};
  hub_.counters().gaps[static_cast<std::size_t>(reason)].add();
  return true;
}

void HistoryPageReader::finish(bool more) {
  settle_strings(page_->chunk);
  page_->more = more;
  page_->cursor = hub_.cursor(position_);
  done_ = true;
}

}  // namespace fieldcast

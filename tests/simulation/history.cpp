#include "tests/simulation/history.hpp"

#include <algorithm>
#include <utility>

namespace checker {

bool History::joins(bool disk) const {
  if (journal_epochs_.empty()) return false;
  return !disk || disk_.last_epoch == 0 || disk_.last_epoch == journal_disk_ ||
         journal_epochs_.contains(disk_.last_epoch);
}

std::uint64_t History::end(bool disk) const {
  const std::vector<Index>* timeline = joins(disk) ? &timeline_ : disk ? &disk_.timeline : nullptr;
  return timeline == nullptr || timeline->empty() ? 0 : items[timeline->back()].seq;
}

void History::start(std::uint64_t tag, bool disk, std::uint64_t first) {
  const bool certain = proved(disk);
  const bool joined = joins(disk);
  apart_ = !disk && (apart_ || !joined);
  if (joined) {
    known_ = journal_epochs_;
    if (disk && disk_.last_epoch != 0 && !known_.contains(disk_.last_epoch)) doubted_.insert(disk_.last_epoch);
  } else {
    for (Item& item : items) item.in_memory = false;
    timeline_ = disk ? disk_.timeline : std::vector<Index>{};
    known_.clear();
    lose_journal();
  }
  if (disk && disk_.last_epoch != 0) journal_disk_ = disk_.last_epoch;
  away_ = !disk;
  if (disk) known_.insert(disk_.epochs.begin(), disk_.epochs.end());
  note_gone();  // with the process that ended
  ++process_;
  if (certain) {
    for (Index i = timeline_.empty() ? 0 : timeline_.back() + 1; i < items.size(); ++i) items[i].forgotten = true;
  } else {
    Item mark;
    mark.seq = first;
    mark.is_break = true;
    timeline_.push_back(items.size());
    items.push_back(mark);
  }
  memory_begin_ = 0;
  while (memory_begin_ < timeline_.size() && !items[timeline_[memory_begin_]].in_memory) ++memory_begin_;
  known_.insert(tag);
  journal_epochs_.insert(tag);
  if (disk) {
    disk_.epochs = known_;
    disk_.last_epoch = tag;
    disk_.clean = false;
    if (!joined) disk_.timeline = timeline_;
  }
  tag_ = tag;
}

void History::append(Item item) {
  item.in_memory = true;
  item.appended = now;
  timeline_.push_back(items.size());
  items.push_back(std::move(item));
}

std::size_t History::set_memory_floor(std::uint64_t seq) {
  std::size_t lost = 0;
  for (; memory_begin_ < timeline_.size() && items[timeline_[memory_begin_]].seq <= seq; ++memory_begin_) {
    const Index i = timeline_[memory_begin_];
    Item& item = items[i];
    if (!std::exchange(item.in_memory, false) || kept(i)) continue;
    item.gone_in = process_;
    if (!expired(i)) ++lost;
  }
  return lost;
}

bool History::hand_over(Index until) {
  bool all = true;
  for (; handed_over_ < until; ++handed_over_) {
    Item& item = items[handed_over_];
    item.handed_over = now;
    all = all && (item.in_memory || item.is_break);
  }
  return all;
}

void History::commit() {
  if (std::exchange(away_, false)) {
    if (std::exchange(apart_, false)) {
      timeline_.insert(timeline_.begin(), disk_.timeline.begin(), disk_.timeline.end());
      memory_begin_ += disk_.timeline.size();
    }
    known_.insert(disk_.epochs.begin(), disk_.epochs.end());
    if (disk_.last_epoch != 0) journal_disk_ = disk_.last_epoch;
    disk_.epochs = known_;
    disk_.last_epoch = tag_;
    disk_.clean = false;
    note_gone();
  }
  disk_.states.resize(items.size(), Disk::State::absent);
  for (std::size_t at = memory_begin_; at < timeline_.size(); ++at) {
    const Index i = timeline_[at];
    if (items[i].in_memory && disk_.states[i] == Disk::State::absent) disk_.states[i] = Disk::State::stored;
  }
  disk_.timeline = timeline_;
}

void History::expire(std::uint64_t seq) {
  disk_.expired = place(seq);
  for (const Index i : timeline_) {
    if (items[i].seq > seq) break;
    if (state(i) != Disk::State::stored) continue;
    disk_.states[i] = Disk::State::expired;
    if (!kept(i)) items[i].gone_in = process_;
  }
}

void History::lose_journal() {
  journal_epochs_.clear();
  journal_disk_ = 0;
}

Index History::place(std::uint64_t seq) const {
  const auto behind = std::upper_bound(timeline_.begin(), timeline_.end(), seq,
                                       [this](std::uint64_t s, Index i) { return s < items[i].seq; });
  return behind_forgotten(behind == timeline_.begin() ? 0 : *std::prev(behind) + 1);
}

Index History::head() const {
  return behind_forgotten(timeline_.empty() ? 0 : timeline_.back() + 1);
}

Index History::behind_forgotten(Index i) const {
  while (i < items.size() && items[i].forgotten) ++i;
  return i;
}

std::optional<Index> History::find(std::uint64_t seq) const {
  const auto at = std::lower_bound(timeline_.begin(), timeline_.end(), seq,
                                   [this](Index i, std::uint64_t s) { return items[i].seq < s; });
  for (auto i = at; i != timeline_.end() && items[*i].seq == seq; ++i) {
    if (!items[*i].is_break) return *i;
  }
  return std::nullopt;
}

void History::note_gone() {
  for (Index i = 0; i < items.size(); ++i) {
    if (kept(i)) {
      items[i].gone_in = 0;
    } else if (items[i].gone_in == 0 && !items[i].is_break) {
      items[i].gone_in = process_;
    }
  }
}

}  // namespace checker

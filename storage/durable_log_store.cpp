// The store thread of the log: opens the database, makes it this log's, and commits what the journal holds.
#include <pthread.h>

#include <algorithm>
#include <exception>
#include <limits>
#include <stdexcept>

#include "storage/durable_log.hpp"

namespace fieldcast {
namespace {

// Of the journal in one step, so that appends get their turn.
constexpr std::size_t kCommitBytes = 256 * 1024;

}  // namespace

void DurableLog::run_store(std::stop_token stop) noexcept {
  pthread_setname_np(pthread_self(), "fieldcast/store");
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    if (state_.up) {
      changed_.wait(lock, stop, [this] { return journal_.head() > journal_.stored(); });
      const Instant waited = clock_.now() - waiting_since_;
      changed_.wait_for(lock, stop, options_.commit_interval - waited, [this] { return must_commit_early(); });
    } else {
      changed_.wait_for(lock, stop, kStoreRetry, [] { return false; });
    }
    if (stop.stop_requested()) break;
    lock.unlock();
    store_turn();
    lock.lock();
  }
  lock.unlock();
  finish();
  note_thread_end();
}

void DurableLog::store_turn() {
  storing_.step();
  try {
    if (!store_) {
      open_store();
      adopt_store();
      forget_former_links();  // that a database which comes late has told
    }
    commit();
    set_state(true, "");
  } catch (const std::exception& error) {
    // Whatever it was, the next turn begins with a new connection.
    if (store_) store_->rollback();
    store_.reset();
    counters_.commit_failures.add();
    set_state(false, error.what());
  }
  storing_.rest();
}

void DurableLog::finish() {
  store_turn();
  if (!store_) return;
  try {
    // A start that left a hole, and nothing came behind it: the mark would prove that there is none.
    if (store_->last_seq() == head()) store_->mark_clean();
  } catch (const std::exception& error) {
    set_state(false, error.what());
  }
  store_.reset();
}

void DurableLog::open_store() {
  // Kept from then on: a database that goes away for a while is still this gateway's.
  if (!lock_ || !lock_->held()) lock_.emplace(options_.path);
  store_ =
      std::make_unique<Store>(Store::Options{options_.path, options_.keep_for, options_.keep_bytes}, clock_, counters_);
}

// Makes a database that was just opened the one of this log.
void DurableLog::adopt_store() {
  const DatabaseEnd& end = store_->end();
  std::vector<PastEpoch> epochs;
  bool ours = end.epochs.empty();
  {
    const std::lock_guard lock(mutex_);
    const auto known = [this](std::uint64_t tag) {
      return tag == tag_ ||
             std::any_of(epochs_.begin(), epochs_.end(), [&](const PastEpoch& epoch) { return epoch.tag == tag; });
    };
    ours = ours || known(end.epochs.back().tag);
    // One that was away at the start, and is of another log or an older one, comes before this epoch.
    if (!ours && std::max(end.last_seq, end.epochs.back().last_seq) >= first_seq_) {
      throw std::runtime_error(options_.path +
                               " holds newer positions than the log that was begun without it: restart the gateway");
    }
    epochs.reserve(end.epochs.size() + epochs_.size());
    for (const PastEpoch& epoch : end.epochs) {
      if (!known(epoch.tag)) epochs.push_back(epoch);
    }
    epochs.insert(epochs.end(), epochs_.begin(), epochs_.end());
    if (epochs.size() > kEpochsKept) epochs.erase(epochs.begin(), epochs.end() - kEpochsKept);
    // Where it cannot be written, this is all that tells the next start that both belong together.
    if (!end.epochs.empty()) journal_.set_database(end.epochs.back().tag);
  }
  // What can be read comes first: it serves even where nothing can be written.
  if (!loaded_) load_store();
  {
    const std::lock_guard lock(mutex_);
    epochs_ = epochs;
    journal_.set_stored(std::min(store_->last_seq(), journal_.head()));
  }
  note_disk();
  store_->set_epochs(epochs, {tag_, first_seq_});
  remember_subscriptions();
}

// A database that comes late has readings that the journal had at the start too, and nobody knew which. So all that was
// before this start is counted apart, in the order in which it came, and added to what came since.
void DurableLog::load_store() {
  Counters unseen;
  LatestReadings former(limits_, unseen);
  load_former(former);
  counters_.topics_forgotten.add(unseen.topics_forgotten.value());
  for (const Limit limit : {Limit::topics, Limit::latest_bytes})
    counters_.limits_reached[static_cast<std::size_t>(limit)].add(
        unseen.limits_reached[static_cast<std::size_t>(limit)].value());
  do {
    const std::lock_guard lock(mutex_);
    latest_.take_over(former, kSnapshotScan);
  } while (!former.empty());
  const std::lock_guard lock(mutex_);
  if (store_->forgot_topics()) latest_.set_forgot();
  disk_was_there_ = store_->last_seq() != 0;
  loaded_ = true;
}

// What the database tells, then the journal, up to this start; link entries are noted at once.
void DurableLog::load_former(LatestReadings& former) {
  store_->load([&](const Chunk& chunk) {
    storing_.step();
    for (std::size_t i = 0; i < chunk.entries.size(); ++i) {
      const Entry& entry = chunk.entries[i];
      if (is_link(entry)) {
        const std::lock_guard lock(mutex_);
        note_link(entry);
      } else if (chunk.counts.empty()) {
        former.remember(entry);
      } else {
        former.restore(entry, chunk.counts[i]);
      }
    }
  });
  for (std::uint64_t after = 0; after + 1 < first_seq_; after = chunk_.entries.back().seq) {
    {
      const std::lock_guard lock(mutex_);
      journal_.read(after, first_seq_ - 1, kReadBytes, chunk_);
    }
    if (chunk_.entries.empty()) break;
    for (const Entry& entry : chunk_.entries) {
      if (!is_link(entry)) former.remember(entry);
    }
  }
}

void DurableLog::remember_subscriptions() {
  const auto before = store_->subscriptions();
  std::multimap<std::string, std::string> now, former;
  for (const Options::Broker& broker : options_.brokers) {
    for (const std::string& topic : broker.topics) now.emplace(broker.name, topic);
    const auto [first, last] = before.equal_range(broker.name);
    for (auto known = first; known != last && former.count(broker.name) < kFormerTopics; ++known) {
      if (std::find(broker.topics.begin(), broker.topics.end(), known->second) == broker.topics.end()) {
        former.insert(*known);
      }
    }
  }
  now.insert(former.begin(), former.end());
  if (now != before) store_->set_subscriptions(now);
  const std::lock_guard lock(mutex_);
  former_topics_ = std::move(former);
}

void DurableLog::commit() {
  const Instant began = clock_.now();
  const std::uint64_t until = head();
  if (until <= store_->last_seq()) return;
  store_->begin();
  for (std::uint64_t after = store_->last_seq(); after < until;) {
    {
      const std::lock_guard lock(mutex_);
      journal_.read(after, until, kCommitBytes, chunk_);
    }
    if (chunk_.entries.empty()) break;
    storing_.step();
    store_->add(chunk_.entries);
    after = chunk_.entries.back().seq;
  }
  if (store_->wants_state()) write_state();
  storing_.step();
  store_->expire();
  note_disk();  // before readers find that something is gone
  storing_.step();
  store_->commit();
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(clock_.now() - began);
  counters_.commit_us.add(static_cast<std::uint64_t>(took.count()));
  const std::uint64_t free_bytes = store_->free_bytes();
  const std::int64_t done_at = clock_.wall_ms();

  const std::lock_guard lock(mutex_);
  last_commit_ = done_at;
  last_commit_time_ = took;
  free_bytes_ = free_bytes;
  journal_.set_stored(store_->last_seq());
  waiting_since_ = began;
  committed_at_ = clock_.now();
  waiting_bytes_ = 0;
  syncing_ = true;
  counters_.unstored_entries.set(journal_.head() - journal_.stored());
  changed_.notify_all();
}

void DurableLog::write_state() {
  std::uint64_t after = kNowhere;
  const auto next_piece = [&](Chunk& chunk) {
    storing_.step();
    return next_state_piece(chunk, after);
  };
  store_->write_state(next_piece, latest_gap().has_value());
}

// First the links, then the latest readings. One that comes meanwhile is taken in the place of its topic's former one.
bool DurableLog::next_state_piece(Chunk& chunk, std::uint64_t& after) const {
  if (after == kNowhere) {
    after = 0;
    links(chunk);
    chunk.counts.assign(chunk.entries.size(), 0);
    if (!chunk.entries.empty()) return true;
  }
  if (after == kMaxSeq) return false;
  const std::lock_guard lock(mutex_);
  const auto all = [](std::string_view) { return true; };
  after = latest_.step(after, kMaxSeq, all, kSnapshotScan, kReadBytes, chunk);
  return !chunk.entries.empty();
}

void DurableLog::note_disk() {
  const std::uint64_t floor = store_->floor() < store_->last_seq() ? store_->floor() : kNowhere;
  const std::lock_guard lock(mutex_);
  disk_floor_ = floor;
  disk_oldest_ = store_->oldest_time();
  expired_ = store_->expired();
}

}  // namespace fieldcast

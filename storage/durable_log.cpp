#include "storage/durable_log.hpp"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <limits>
#include <random>

#include "gateway/entry_copies.hpp"

namespace fieldcast {
namespace {

// Where so much of the journal waits for the disk, the next commit does not wait for its interval.
constexpr std::size_t kEarlyShare = 4;
// The reader thread is behind all others where the processor is short, and rests twice as long as a step took, at most
// kLongestRest: else clients that catch up together make what is live late.
constexpr int kReaderNiceness = 10;
constexpr int kRestPerWork = 2;
constexpr std::chrono::milliseconds kLongestRest{10};

std::uint64_t draw_tag() {
  std::random_device random;
  return std::uint64_t{random()} << 32 | random();
}

std::uint64_t microseconds(Instant time) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(time).count());
}

template <class Strings>
void keep(const Entry& entry, Strings& to) {
  to.broker = entry.broker;
  to.gateway = entry.payload;
  to.entry = entry;
  to.entry.broker = to.broker;
  to.entry.payload = to.gateway;
}

}  // namespace

DurableLog::DurableLog(const Clock& clock, const Limits& limits, Options options, Counters& counters)
    : clock_(clock),
      limits_(limits),
      options_(std::move(options)),
      counters_(counters),
      tag_(draw_tag()),
      journal_({options_.journal, options_.path, options_.memory_bytes, options_.memory_entries}),
      latest_(limits, counters),
      disk_floor_(kNowhere),
      storing_(clock),
      reading_(clock),
      history_(options_.path, counters) {
  for (const Options::Broker& broker : options_.brokers) packets_.try_emplace(broker.name, broker.receive_maximum);
  state_.since = clock_.wall_ms();
  if (!journal_.on_tmpfs()) {
    warnings_.push_back({Event::journal_on_disk,
                         "the journal " + journal_.path() +
                             " is not in memory (tmpfs): every reading is written to that disk; name another folder in "
                             "storage.journal"});
  }
  join_database();
  storing_.rest();
  load_journal();
  began_empty_ = latest_.empty();
  write_first_links();
}

DurableLog::~DurableLog() {
  for (std::jthread* thread : {&reader_thread_, &store_thread_}) {
    if (!thread->joinable()) continue;
    thread->request_stop();
    thread->join();
  }
}

// --- The start ---------------------------------------------------------------------------------------------------

void DurableLog::join_database() {
  std::optional<DatabaseEnd> end;
  try {
    open_store();
    end = store_->end();
  } catch (const FileInUse&) {
    throw;
  } catch (const std::exception& error) {
    set_state(false, error.what());
  }
  const Join join = fieldcast::join(end, journal_.found(), clock_.wall_ms());
  if (!join.doubt.empty()) warnings_.push_back({Event::log_end_unknown, join.doubt});
  epochs_ = join.epochs;
  first_seq_ = join.first_seq;
  const std::uint64_t stored = end ? end->last_seq : 0;
  if (!join.use_journal) journal_.restart(first_seq_ - 1);
  if (journal_.entries() == 0 || journal_.head() <= stored) journal_.resize();
  journal_.begin_epoch({tag_, first_seq_});
  journal_.set_stored(std::min(stored, journal_.head()));
  head_ = journal_.head();
  if (!store_) return;
  try {
    adopt_store();
    set_state(true, "");
  } catch (const std::exception& error) {
    store_.reset();
    set_state(false, error.what());
  }
}

// What it holds is newer than what the database holds, or the same. Which of both can only be told when the database is
// there; where it was, the latest readings know of it already.
void DurableLog::load_journal() {
  for (std::uint64_t after = journal_.floor(); after < journal_.head();) {
    journal_.read(after, journal_.head(), kReadBytes, chunk_);
    for (const Entry& entry : chunk_.entries) {
      if (is_link(entry)) {
        note_link(entry);
      } else if (!loaded_) {
        latest_.remember(entry, LatestReadings::Counted::provisionally);
      }
      note_packet(entry);
    }
    after = chunk_.entries.back().seq;
  }
}

void DurableLog::write_first_links() {
  for (const Options::Broker& broker : options_.brokers) {
    const auto link = links_.find(broker.name);
    const bool down = link != links_.end() && link->second.entry.state == LinkState::down;
    if (!down) write_down(broker.name);  // a new log knows no state of it yet
  }
  forget_former_links();
}

// Of brokers that are not configured any more.
void DurableLog::forget_former_links() {
  const auto is_former = [this](const auto& link) { return !packets_.contains(link.first); };
  std::vector<std::string> up;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& link : links_) {
      if (is_former(link) && link.second.entry.state == LinkState::up) up.push_back(link.first);
    }
  }
  for (const std::string& broker : up) write_down(broker);
  const std::lock_guard lock(mutex_);
  std::erase_if(links_, is_former);
}

void DurableLog::write_down(const std::string& broker) {
  NewEntry down;
  down.kind = Kind::link;
  down.broker = broker;
  down.payload = options_.gateway;
  append(down);
}

// --- Its threads ---------------------------------------------------------------------------------------------------

void DurableLog::start() {
  syncing_ = true;
  running_ = 2;
  store_thread_ = std::jthread([this](std::stop_token stop) { run_store(stop); });
  reader_thread_ = std::jthread([this](std::stop_token stop) { run_reader(stop); });
}

bool DurableLog::stop(std::chrono::milliseconds patience) {
  reader_thread_.request_stop();
  store_thread_.request_stop();
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, patience, [this] { return running_ == 0; });
}

void DurableLog::note_thread_end() noexcept {
  const std::lock_guard lock(mutex_);
  --running_;
  changed_.notify_all();
}

void DurableLog::set_state(bool up, const std::string& detail) {
  StorageState now;
  {
    const std::lock_guard lock(mutex_);
    if (state_.up == up && state_.detail == detail) return;
    if (up) read_fault_.clear();  // until the next read says otherwise
    state_ = {up, clock_.wall_ms(), detail};
    now = state_with_reads();
  }
  if (options_.on_change) options_.on_change(now);
}

void DurableLog::note_read_fault(const std::string& fault) {
  StorageState now;
  {
    const std::lock_guard lock(mutex_);
    if (read_fault_ == fault) return;
    read_fault_ = fault;
    state_.since = clock_.wall_ms();
    now = state_with_reads();
  }
  if (options_.on_change) options_.on_change(now);
}

StorageState DurableLog::state_with_reads() const {
  if (read_fault_.empty() || !state_.up) return state_;
  return {false, state_.since, "cannot be read: " + read_fault_};
}

StorageState DurableLog::state() const {
  const std::lock_guard lock(mutex_);
  StorageState now = state_with_reads();
  now.waiting = disk_waiting();
  if (now.waiting < kHangTime) return now;
  using namespace std::chrono;
  now.up = false;
  now.hangs = true;
  now.since = clock_.wall_ms() - duration_cast<milliseconds>(now.waiting).count();
  now.detail = "the disk has not answered for " + std::to_string(duration_cast<seconds>(now.waiting).count()) + " s";
  return now;
}

void DurableLog::look() {
  const StorageState now = state();
  if (now.hangs == told_of_hang_) return;
  told_of_hang_ = now.hangs;
  // One that answers by an error has been told of.
  if (options_.on_change && (now.hangs || now.up)) options_.on_change(now);
}

// A store thread that does not come to its next commit hangs too, wherever it is.
Instant DurableLog::disk_waiting() const {
  Instant waiting = std::max(storing_.waiting(), reading_.waiting());
  if (running_ != 0 && state_.up && !storing_.busy() && journal_.head() > journal_.stored()) {
    const Instant due = std::max(waiting_since_, committed_at_) + options_.commit_interval;
    waiting = std::max(waiting, clock_.now() - due);
  }
  return waiting;
}

LogFigures DurableLog::figures() const {
  LogFigures figures;
  const StorageState storage = state();
  figures.storage_up = storage.up;
  figures.storage_since = storage.since;
  figures.storage_waiting = storage.waiting;
  figures.head = head();
  figures.keep_bytes = options_.keep_bytes;
  figures.keep_for = options_.keep_for;
  {
    const std::lock_guard lock(reads_mutex_);
    figures.reads_waiting = reads_.size();
  }
  const std::lock_guard lock(mutex_);
  figures.epochs = epochs_.size() + 1;
  figures.oldest_in_memory = journal_.oldest_time();
  figures.oldest_entry = disk_floor_ < journal_.floor() ? disk_oldest_ : figures.oldest_in_memory;
  figures.journal_bytes = journal_.bytes();
  figures.journal_used_bytes = journal_.used_bytes();
  figures.unstored_bytes = waiting_bytes_;
  figures.last_commit = last_commit_;
  figures.last_commit_time = last_commit_time_;
  figures.free_bytes = free_bytes_;
  return figures;
}

std::vector<std::string> DurableLog::former_topics(const std::string& broker) const {
  std::vector<std::string> topics;
  const std::lock_guard lock(mutex_);
  const auto [first, last] = former_topics_.equal_range(broker);
  std::transform(first, last, std::back_inserter(topics), [](const auto& topic) { return topic.second; });
  return topics;
}

// --- Appending -----------------------------------------------------------------------------------------------------

void DurableLog::add_wakeup(Wakeup& wakeup) {
  wakeups_.push_back(&wakeup);
}

bool DurableLog::append(const NewEntry& new_entry) noexcept {
  Entry entry;
  static_cast<NewEntry&>(entry) = new_entry;
  {
    const std::lock_guard lock(mutex_);
    if (is_repeat(entry)) {
      counters_.retained_repeats.add();
      return false;
    }
    if (is_again(entry)) {
      counters_.redelivered_repeats.add();
      return false;
    }
    entry.seq = journal_.head() + 1;
    entry.time = clock_.wall_ms();
    const bool first = journal_.head() == journal_.stored();
    if (first) waiting_since_ = clock_.now();
    if (const std::uint64_t lost = journal_.put(entry); lost != 0) {
      counters_.lost_entries.add(lost);
      counters_.reached(Limit::memory_bytes);
    }
    if (entry.kind == Kind::omitted) counters_.reached(Limit::payload);
    if (is_link(entry)) {
      note_link(entry);
      counters_.links.add();
    } else {
      latest_.remember(entry);
      counters_.readings.add();
    }
    note_packet(entry);
    counters_.memory_entries.set(journal_.entries());
    counters_.unstored_entries.set(journal_.head() - std::max(journal_.stored(), journal_.floor()));
    waiting_bytes_ += entry.broker.size() + entry.topic.size() + entry.payload.size() + sizeof(Entry);
    head_.store(entry.seq, std::memory_order_release);
    if (first || must_commit_early()) changed_.notify_all();
  }
  for (Wakeup* wakeup : wakeups_) wakeup->wake();
  if (options_.commit_interval.count() == 0) wait_for_disk(entry.seq);
  return true;
}

bool DurableLog::is_repeat(const NewEntry& entry) const {
  if (!entry.retained) return false;
  const Entry* latest = latest_.find(entry.topic);
  return latest != nullptr && latest->broker == entry.broker && latest->kind == entry.kind &&
         latest->payload == entry.payload && latest->size == entry.size;
}

// Whether the entry is a message that the broker sends again and that is in the log for certain. Where it may be, it is
// marked: at QoS 1 the broker says so, at QoS 2 Paho does not tell, but an identifier of before the connection does.
bool DurableLog::is_again(Entry& entry) {
  if (is_link(entry) || entry.packet_id == 0) return false;
  RecentPackets* const packets = packets_of(entry.broker);
  const auto former = packets ? packets->take(entry.packet_id) : std::nullopt;
  if (!former || !(entry.redelivered || entry.qos == 2)) return false;
  if (former->counted_up && holds(former->seq, entry)) return true;
  entry.redelivered = true;
  return false;
}

bool DurableLog::holds(std::uint64_t seq, const NewEntry& entry) {
  journal_.read(seq - 1, seq, 1, one_);
  if (one_.entries.empty()) return false;
  const Entry& held = one_.entries.front();
  return held.kind == entry.kind && held.topic == entry.topic && held.payload == entry.payload &&
         held.size == entry.size;
}

void DurableLog::note_packet(const Entry& entry) {
  RecentPackets* const packets = packets_of(entry.broker);
  if (packets == nullptr) return;
  if (!is_link(entry)) {
    if (entry.packet_id != 0) packets->note(entry.packet_id, entry.seq);
  } else if (entry.state == LinkState::up) {
    packets->connected(entry.session_resumed);
  }
}

// Null where it is not configured any more: what the journal holds of it can come again from nobody.
RecentPackets* DurableLog::packets_of(std::string_view broker) {
  const auto packets = packets_.find(broker);
  return packets == packets_.end() ? nullptr : &packets->second;
}

void DurableLog::note_link(const Entry& link) {
  Link& last = links_[std::string(link.broker)];
  if (last.entry.seq < link.seq) keep(link, last);
}

bool DurableLog::must_commit_early() const {
  return waiting_bytes_ > options_.memory_bytes / kEarlyShare;
}

void DurableLog::wait_for_disk(std::uint64_t seq) noexcept {
  std::unique_lock lock(mutex_);
  if (!state_.up || !syncing_) return;
  syncing_ = changed_.wait_for(lock, kSyncPatience, [&] { return journal_.stored() >= seq || !state_.up; });
}

// --- Reading -------------------------------------------------------------------------------------------------------

std::optional<std::uint64_t> DurableLog::end_of(std::uint64_t tag) const {
  if (tag == tag_) return head();
  const std::lock_guard lock(mutex_);
  const auto epoch =
      std::find_if(epochs_.rbegin(), epochs_.rend(), [&](const PastEpoch& past) { return past.tag == tag; });
  if (epoch == epochs_.rend()) return std::nullopt;
  return epoch->last_seq;
}

std::uint64_t DurableLog::floor_now() const {
  return std::min(disk_floor_, journal_.floor());
}

std::uint64_t DurableLog::floor() const noexcept {
  const std::lock_guard lock(mutex_);
  return floor_now();
}

GapReason DurableLog::gone(std::uint64_t position) const noexcept {
  return position < expired_ ? GapReason::expired : GapReason::storage;
}

std::uint64_t DurableLog::read(std::uint64_t after, std::uint64_t until, std::size_t max_bytes, Chunk& chunk) const {
  const std::lock_guard lock(mutex_);
  journal_.read(after, until, max_bytes, chunk);
  return journal_.floor();
}

std::uint64_t DurableLog::before(std::int64_t time) const {
  const std::lock_guard lock(mutex_);
  const bool on_disk = disk_was_there_ || time <= journal_.latest_dropped();
  return on_disk ? floor_now() : journal_.before(time);
}

std::uint64_t DurableLog::latest(std::uint64_t after, std::uint64_t until,
                                 const std::function<bool(std::string_view)>& wanted, std::size_t max_entries,
                                 std::size_t max_bytes, Chunk& chunk) const {
  const std::lock_guard lock(mutex_);
  return latest_.step(after, until, wanted, max_entries, max_bytes, chunk);
}

bool DurableLog::topics(std::string& after, const FilterSet& filters, std::size_t max_entries, std::size_t max_bytes,
                        Chunk& chunk) const {
  const std::lock_guard lock(mutex_);
  return latest_.step_by_name(after, filters, max_entries, max_bytes, chunk);
}

std::optional<GapReason> DurableLog::latest_gap() const noexcept {
  const std::lock_guard lock(mutex_);
  if (!loaded_) return GapReason::storage;
  if (latest_.forgot()) return GapReason::expired;
  return std::nullopt;
}

void DurableLog::links(Chunk& chunk) const {
  chunk.clear();
  const std::lock_guard lock(mutex_);
  for (const auto& [broker, link] : links_) copy_entry(link.entry, chunk);
  settle_strings(chunk);
  std::sort(chunk.entries.begin(), chunk.entries.end(), [](const Entry& a, const Entry& b) { return a.seq < b.seq; });
}

// --- The reader thread ---------------------------------------------------------------------------------------------

void DurableLog::read_history(std::shared_ptr<HistoryRead> read, Wakeup& asker) {
  const std::lock_guard lock(reads_mutex_);
  if (!reading_.busy()) reading_.step();  // the reader thread might not come to it
  reads_.push_back({std::move(read), &asker});
  asked_.notify_one();
}

bool DurableLog::history_turn() {
  Asked next;
  {
    const std::lock_guard lock(reads_mutex_);
    if (reads_.empty()) return false;
    next = std::move(reads_.front());
    reads_.pop_front();
  }
  reading_.step();
  if (!next.read->cancelled.load(std::memory_order_relaxed)) {
    const Instant began = clock_.now();
    history_.read(*next.read);
    counters_.history_us.add(microseconds(clock_.now() - began));
    note_read_fault(history_.fault());
    counters_.history_reads.add();
    counters_.history_entries.add(next.read->chunk.entries.size());
  }
  {
    const std::lock_guard lock(reads_mutex_);
    reads_.empty() ? reading_.rest() : reading_.step();
  }
  next.read->done.store(true, std::memory_order_release);
  next.asker->wake();
  return true;
}

void DurableLog::run_reader(std::stop_token stop) noexcept {
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kReaderNiceness);  // of this thread; refused, all is as before
  pthread_setname_np(pthread_self(), "fieldcast/read");
  while (!stop.stop_requested()) {
    const auto began = std::chrono::steady_clock::now();
    const bool worked = history_turn();
    const auto took = std::chrono::steady_clock::now() - began;
    std::unique_lock lock(reads_mutex_);
    if (worked) {
      asked_.wait_for(lock, stop, std::min<std::chrono::nanoseconds>(kRestPerWork * took, kLongestRest),
                      [] { return false; });
    } else {
      asked_.wait(lock, stop, [this] { return !reads_.empty(); });
    }
  }
  note_thread_end();
}

}  // namespace fieldcast

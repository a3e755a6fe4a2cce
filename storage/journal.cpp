#include "storage/journal.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <limits>
#include <random>
#include <span>
#include <stdexcept>
#include <system_error>
#include <tuple>

#include "storage/journal_format.hpp"

namespace fieldcast {

using namespace journal_format;

namespace {

std::uint64_t draw() {
  std::random_device random;
  return std::uint64_t{random()} << 32 | random();
}

/// What comes before in the program is done before what comes behind. A killed thread has done its stores in the
/// program's order, so that it is enough to hold the compiler to it.
void in_order() {
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

void store_length(char* record, std::uint32_t length) {
  in_order();
  std::atomic_ref(*reinterpret_cast<std::uint32_t*>(record)).store(length, std::memory_order_release);
  in_order();
}

template <class T>
void write(Twice<T>& slots, std::uint64_t number, const T& value, std::uint64_t seed) {
  Slot<T> slot{number, value, 0};
  slot.check = check_of(slot, seed);
  in_order();
  std::memcpy(&slots[number % 2], &slot, sizeof slot);
  in_order();
}

[[noreturn]] void refuse(const std::string& what, int error, const std::string& remedy) {
  throw std::runtime_error(what + ": " + std::generic_category().message(error) + "; " + remedy);
}

}  // namespace

Journal::Descriptor::~Descriptor() {
  if (fd >= 0) ::close(fd);
}

std::size_t Journal::smallest(const Limits& limits) {
  // Twice: where a record does not fit behind the newest one, the end of the ring stays unused.
  return 2 * (aligned(sizeof(RecordHeader) + kTopicBytes + limits.payload + kBrokerNameBytes) + sizeof(std::uint64_t));
}

// --- Opening -------------------------------------------------------------------------------------------------------

Journal::Journal(Options options)
    : options_(std::move(options)),
      wanted_bytes_(options_.bytes & ~std::size_t{7}),
      latest_dropped_(std::numeric_limits<std::int64_t>::min()) {
  open_file();
  map();
  if (recover()) {
    // A journal in which no epoch was begun was made by a start that came no further.
    if (!epochs_.empty()) found_ = JournalEnd{epochs_, database_, floor(), head_};
  } else {
    static_assert(sizeof(Header) <= kHeaderBytes);
    std::memset(memory_, 0, kHeaderBytes);
    std::memcpy(memory_, kMagic.data(), kMagic.size());
    epochs_.clear();
    database_ = 0;
    reset(wanted_bytes_, 0);
  }
}

Journal::~Journal() {
  if (memory_) munmap(memory_, mapped_);
}

void Journal::open_file() {
  const std::string& directory = options_.directory;
  const std::string elsewhere = "name a folder of the gateway's own in storage.journal";
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    refuse("cannot make the folder " + directory + " for the journal", errno, elsewhere);
  }
  Descriptor folder;
  // A link is not followed: where everyone may write, as in /dev/shm, it can be anyone's.
  folder.fd = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (folder.fd < 0) refuse("cannot open the journal's folder " + directory, errno, elsewhere);
  struct stat status {};
  if (fstat(folder.fd, &status) != 0) refuse("cannot look at the journal's folder " + directory, errno, elsewhere);
  if (status.st_uid != geteuid()) {
    throw std::runtime_error("the journal's folder " + directory + " belongs to another user; " + elsewhere);
  }

  const std::string name = name_of(options_.database);
  path_ = directory + (directory.ends_with('/') ? "" : "/") + name;
  file_.fd = openat(folder.fd, name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file_.fd < 0) refuse("cannot open the journal " + path_, errno, elsewhere);
  if (fstat(file_.fd, &status) != 0) refuse("cannot look at the journal " + path_, errno, elsewhere);
  if (!S_ISREG(status.st_mode) || status.st_uid != geteuid()) {
    throw std::runtime_error("the journal " + path_ + " is not a file of the gateway's user; " + elsewhere);
  }
  if (flock(file_.fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) refuse("cannot lock the journal " + path_, errno, elsewhere);
    throw std::runtime_error("the journal " + path_ +
                             " is in use by another process; stop the other gateway, or give " +
                             "this one a storage.path of its own");
  }
  struct statfs system {};
  if (fstatfs(file_.fd, &system) != 0) refuse("cannot look at the journal " + path_, errno, elsewhere);
  const auto type = static_cast<std::uint32_t>(system.f_type);
  on_tmpfs_ = type == TMPFS_MAGIC || type == RAMFS_MAGIC;
}

// The file as it is, and as large as it may become by resize(), which so cannot fail.
void Journal::map() {
  struct stat status {};
  if (fstat(file_.fd, &status) != 0) refuse("cannot look at the journal " + path_, errno, "look at its folder");
  mapped_ = std::max(static_cast<std::size_t>(status.st_size), kHeaderBytes + wanted_bytes_);
  int error = 0;
  do {
    error = posix_fallocate(file_.fd, 0, static_cast<off_t>(mapped_));
  } while (error == EINTR);
  const std::string remedy = "make storage.memory_bytes smaller, or name another folder in storage.journal";
  const std::string what = std::to_string(mapped_) + " bytes for the journal " + path_;
  if (error != 0) refuse("cannot have " + what, error, remedy);
  void* memory = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_SHARED, file_.fd, 0);
  if (memory == MAP_FAILED) refuse("cannot map " + what, errno, remedy);
  memory_ = static_cast<char*>(memory);
  records_ = memory_ + kHeaderBytes;
}

bool Journal::recover() {
  const auto& header = *reinterpret_cast<const Header*>(memory_);
  if (header.magic != kMagic) return false;
  const auto* facts = newest(header.facts, 0);
  if (!facts || facts->value.version != kVersion) return false;
  if (facts->value.bytes % 8 != 0 || facts->value.bytes > mapped_ - kHeaderBytes) return false;
  if (facts->value.epoch_count > kJournalEpochs) return false;
  const auto* oldest = newest(header.oldest, facts->value.life);
  if (!oldest || oldest->value.offset > facts->value.bytes || oldest->value.offset % 8 != 0) return false;

  facts_written_ = facts->number;
  oldest_written_ = oldest->number;
  bytes_ = facts->value.bytes;
  life_ = facts->value.life;
  database_ = facts->value.database;
  const auto epochs = std::span(facts->value.epochs).first(facts->value.epoch_count);
  epochs_.assign(epochs.begin(), epochs.end());
  recover_records(oldest->value);
  return true;
}

void Journal::recover_records(const Oldest& oldest) {
  head_ = stored_ = oldest.seq - 1;
  write_at_ = oldest.offset;
  for (;;) {
    std::size_t at = write_at_;
    const auto length_at = [this](std::size_t offset) {
      std::uint32_t length = kNothing;
      std::memcpy(&length, records_ + offset, sizeof length);
      return length;
    };
    if (at == bytes_ || length_at(at) == kWrap) at = 0;
    RecordHeader header;
    if (bytes_ - at < sizeof header) break;
    std::memcpy(&header, records_ + at, sizeof header);
    if (header.seq != head_ + 1 || header.length != header.record_bytes() || header.length > bytes_ - at) break;
    if (header.check != header.check_with(records_ + at + sizeof header, life_)) break;
    entries_.push_back({at, header.time});
    ++head_;
    write_at_ = at + header.length;
  }
  // Where a kill or damage left something else there.
  if (write_at_ < bytes_) store_length(records_ + write_at_, kNothing);
}

// --- The header ----------------------------------------------------------------------------------------------------

// Begins a new life: until its first Oldest is written a start finds nothing, and behind that no records.
void Journal::reset(std::size_t bytes, std::uint64_t head) {
  while (!entries_.empty()) drop_oldest();
  life_ = draw();
  bytes_ = bytes;
  head_ = head;
  write_at_ = 0;
  write_facts();
  store_length(records_, kNothing);
  write_oldest();
}

void Journal::write_facts() {
  Facts facts{kVersion, bytes_, life_, database_, epochs_.size(), {}};
  std::copy(epochs_.begin(), epochs_.end(), facts.epochs.begin());
  write(reinterpret_cast<Header*>(memory_)->facts, ++facts_written_, facts, 0);
}

void Journal::write_oldest() {
  const Oldest oldest{floor() + 1, entries_.empty() ? write_at_ : entries_.front().offset};
  write(reinterpret_cast<Header*>(memory_)->oldest, ++oldest_written_, oldest, life_);
}

void Journal::restart(std::uint64_t head) {
  epochs_.clear();
  database_ = 0;
  reset(bytes_, head);
  stored_ = head;
}

void Journal::begin_epoch(const Epoch& epoch) {
  if (epochs_.size() == kJournalEpochs) epochs_.erase(epochs_.begin());
  epochs_.push_back(epoch);
  write_facts();
}

void Journal::set_database(std::uint64_t tag) {
  if (database_ == tag) return;
  database_ = tag;
  write_facts();
}

void Journal::resize() {
  if (bytes_ == wanted_bytes_) return;
  reset(wanted_bytes_, head_);
  // Only gives memory back: where it fails, the next start has it.
  std::ignore = ftruncate(file_.fd, static_cast<off_t>(kHeaderBytes + bytes_));
}

// --- Entries -------------------------------------------------------------------------------------------------------

std::size_t Journal::put(const Entry& entry) {
  static_assert(kBrokerNameBytes <= std::numeric_limits<std::uint8_t>::max());
  assert(entry.seq == head_ + 1 && entry.broker.size() <= kBrokerNameBytes);
  RecordHeader header{};
  header.kind = entry.kind;
  header.flags = static_cast<std::uint8_t>((entry.retained ? kRetained : 0) | (entry.redelivered ? kRedelivered : 0) |
                                           (entry.session_resumed ? kSessionResumed : 0) |
                                           (entry.state == LinkState::up ? kUp : 0));
  header.qos = entry.qos;
  header.broker_bytes = static_cast<std::uint8_t>(entry.broker.size());
  header.seq = entry.seq;
  header.time = entry.time;
  header.size = entry.size;
  header.payload_bytes = static_cast<std::uint32_t>(entry.payload.size());
  header.topic_bytes = static_cast<std::uint16_t>(entry.topic.size());
  header.packet_id = entry.packet_id;
  const std::size_t bytes = header.record_bytes();

  const std::uint64_t floor_before = floor();
  const std::size_t newest_end = write_at_;
  const std::size_t at = make_room(bytes);
  const bool wraps = at != newest_end && !entries_.empty();

  char* record = records_ + at;
  if (at != newest_end) store_length(record, kNothing);
  if (at + bytes < bytes_) store_length(record + bytes, kNothing);
  char* strings = record + sizeof header;
  std::memset(record + bytes - 8, 0, 8);  // what the strings leave of the last word
  char* end = strings;
  for (const std::string_view string : {entry.topic, entry.payload, entry.broker}) {
    end = std::copy(string.begin(), string.end(), end);
  }
  header.length = static_cast<std::uint32_t>(bytes);
  header.check = header.check_with(strings, life_);
  header.length = kNothing;
  std::memcpy(record, &header, sizeof header);
  store_length(record, static_cast<std::uint32_t>(bytes));
  if (wraps && newest_end < bytes_) store_length(records_ + newest_end, kWrap);

  entries_.push_back({at, entry.time});
  write_at_ = at + bytes;
  head_ = entry.seq;
  const std::uint64_t floor_now = floor();
  return floor_now - std::clamp(stored_, floor_before, floor_now);
}

/// Returns where a record of so many bytes, and the length behind it, can be written.
std::size_t Journal::make_room(std::size_t bytes) {
  // One from before a change of the limits may be smaller than what they allow now.
  if (bytes > bytes_) resize();
  assert(bytes <= bytes_);
  const std::size_t before = entries_.size();
  while (entries_.size() >= options_.entries && floor() < stored_) drop_oldest();
  std::size_t at = write_at_;
  if (at + bytes > bytes_) {
    while (!entries_.empty() && entries_.front().offset >= at) drop_oldest();
    at = 0;
  }
  const std::size_t end = at + bytes + sizeof(std::uint64_t);
  while (!entries_.empty() && entries_.front().offset >= at && entries_.front().offset < end) drop_oldest();
  // The header goes first: it must not name what is written over.
  if (entries_.empty()) write_at_ = at;
  if (entries_.size() != before || entries_.empty()) write_oldest();
  return at;
}

void Journal::drop_oldest() {
  latest_dropped_ = std::max(latest_dropped_, entries_.front().time);
  entries_.pop_front();
}

std::size_t Journal::used_bytes() const {
  if (entries_.empty()) return 0;
  const std::size_t begin = entries_.front().offset;
  return write_at_ > begin ? write_at_ - begin : bytes_ - begin + write_at_;
}

void Journal::set_stored(std::uint64_t seq) {
  stored_ = std::max(stored_, seq);
}

void Journal::read(std::uint64_t after, std::uint64_t until, std::size_t max_bytes, Chunk& chunk) const {
  chunk.clear();
  std::uint64_t seq = std::max(after, floor());
  std::size_t count = 0;
  for (until = std::min(until, head_); seq < until && (count == 0 || chunk.bytes.size() < max_bytes); ++seq, ++count) {
    const char* record = records_ + entries_[seq - floor()].offset;
    RecordHeader header;
    std::memcpy(&header, record, sizeof header);
    chunk.bytes.append(record, header.length);
  }
  // Only now is chunk.bytes where it stays.
  chunk.entries.reserve(count);
  for (const char* record = chunk.bytes.data(); count != 0; --count) {
    RecordHeader header;
    std::memcpy(&header, record, sizeof header);
    chunk.entries.push_back(header.entry(record + sizeof header));
    record += header.length;
  }
}

std::uint64_t Journal::before(std::int64_t time) const {
  // Not a binary search: the clock may have jumped.
  const auto first =
      std::find_if(entries_.begin(), entries_.end(), [&](const Kept& kept) { return kept.time >= time; });
  return head_ - static_cast<std::uint64_t>(entries_.end() - first);
}

}  // namespace fieldcast

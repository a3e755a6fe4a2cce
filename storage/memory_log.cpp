#include "storage/memory_log.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <stdexcept>

namespace fieldcast {

struct MemoryLog::Header {
  std::uint64_t seq;
  std::int64_t time;
  std::uint64_t size;
  std::uint32_t payload_bytes;
  std::uint16_t topic_bytes;
  Kind kind;
  std::uint8_t flags;
};

namespace {

constexpr std::uint8_t kRetained = 1, kRedelivered = 2, kSessionResumed = 4, kUp = 8;
constexpr std::size_t kMaxTopicBytes = 65'535;

std::size_t aligned(std::size_t bytes) {
  return (bytes + 7) & ~std::size_t{7};
}

std::uint64_t draw_tag() {
  std::random_device random;
  return std::uint64_t{random()} << 32 | random();
}

}  // namespace

std::size_t MemoryLog::smallest_ring(const Limits& limits) {
  // Twice: where a record does not fit behind the newest one, the end of the array stays unused.
  return 2 * aligned(sizeof(Header) + kMaxTopicBytes + limits.payload);
}

std::size_t MemoryLog::Latest::bytes() const {
  // Its nodes in the two indexes and the allocations' overhead come to about this much.
  constexpr std::size_t kNodes = 160;
  return sizeof(Latest) + topic.size() + payload.size() + kNodes;
}

MemoryLog::MemoryLog(const Clock& clock, const Limits& limits, Options options, Counters& counters)
    : clock_(clock), limits_(limits), options_(options), counters_(counters), tag_(draw_tag()) {
  if (options.bytes < smallest_ring(limits) || options.entries == 0) {
    throw std::invalid_argument("the ring is too small for the largest reading");
  }
  // Not from the heap: pages come as they are first written, so an idle gateway does not pay for its ring.
  void* memory = mmap(nullptr, options.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  records_ = static_cast<char*>(memory);
}

MemoryLog::~MemoryLog() {
  munmap(records_, options_.bytes);
}

void MemoryLog::add_wakeup(Wakeup& wakeup) {
  wakeups_.push_back(&wakeup);
}

bool MemoryLog::append(const NewEntry& new_entry) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (new_entry.retained) {
      const auto known = topics_.find(new_entry.topic);
      if (known != topics_.end()) {
        const Entry& latest = known->second->second->entry;
        if (latest.kind == new_entry.kind && latest.payload == new_entry.payload && latest.size == new_entry.size) {
          counters_.retained_repeats.add();
          return false;
        }
      }
    }
    Entry entry;
    static_cast<NewEntry&>(entry) = new_entry;
    entry.seq = head_.load(std::memory_order_relaxed) + 1;
    entry.time = clock_.wall_ms();
    put(entry);
    if (is_link(entry)) {
      counters_.links.add();
    } else {
      counters_.readings.add();
      remember(entry);
    }
    head_.store(entry.seq, std::memory_order_release);
  }
  for (Wakeup* wakeup : wakeups_) wakeup->appended();
  return true;
}

void MemoryLog::put(const Entry& entry) {
  const std::size_t bytes = aligned(sizeof(Header) + entry.topic.size() + entry.payload.size());
  if (entries_.size() == options_.entries) drop_oldest();
  // Drops what lies in [at, at + bytes), which is always the oldest.
  const auto make_room = [&](std::size_t at) {
    while (!entries_.empty() && entries_.front().offset >= at && entries_.front().offset < at + bytes) drop_oldest();
  };
  if (write_at_ + bytes > options_.bytes) {
    while (!entries_.empty() && entries_.front().offset >= write_at_) drop_oldest();
    write_at_ = 0;
  }
  make_room(write_at_);

  Header header{};
  header.seq = entry.seq;
  header.time = entry.time;
  header.size = entry.size;
  header.payload_bytes = static_cast<std::uint32_t>(entry.payload.size());
  header.topic_bytes = static_cast<std::uint16_t>(entry.topic.size());
  header.kind = entry.kind;
  header.flags = static_cast<std::uint8_t>((entry.retained ? kRetained : 0) | (entry.redelivered ? kRedelivered : 0) |
                                           (entry.session_resumed ? kSessionResumed : 0) |
                                           (entry.state == LinkState::up ? kUp : 0));
  char* to = records_ + write_at_;
  std::memcpy(to, &header, sizeof header);
  std::memcpy(to + sizeof header, entry.topic.data(), entry.topic.size());
  if (!entry.payload.empty()) {
    std::memcpy(to + sizeof header + entry.topic.size(), entry.payload.data(), entry.payload.size());
  }
  entries_.push_back({write_at_, entry.time});
  write_at_ += bytes;
  counters_.log_entries_kept.set(entries_.size());
}

void MemoryLog::drop_oldest() {
  entries_.pop_front();
}

std::uint64_t MemoryLog::floor() const noexcept {
  const std::lock_guard lock(mutex_);
  return head_.load(std::memory_order_relaxed) - entries_.size();
}

std::uint64_t MemoryLog::read(std::uint64_t after, std::uint64_t until, std::size_t max_bytes, Chunk& chunk) const {
  chunk.entries.clear();
  chunk.bytes.clear();
  const auto unpack = [](const Header& header, const char* strings) {
    Entry entry;
    entry.kind = header.kind;
    entry.retained = (header.flags & kRetained) != 0;
    entry.redelivered = (header.flags & kRedelivered) != 0;
    entry.session_resumed = (header.flags & kSessionResumed) != 0;
    entry.state = (header.flags & kUp) != 0 ? LinkState::up : LinkState::down;
    entry.topic = {strings, header.topic_bytes};
    entry.payload = {strings + header.topic_bytes, header.payload_bytes};
    entry.size = header.size;
    entry.seq = header.seq;
    entry.time = header.time;
    return entry;
  };

  std::size_t count = 0;
  std::uint64_t floor = 0;
  {
    const std::lock_guard lock(mutex_);
    floor = head_.load(std::memory_order_relaxed) - entries_.size();
    std::uint64_t seq = std::max(after, floor);
    until = std::min(until, floor + entries_.size());
    for (; seq < until && (count == 0 || chunk.bytes.size() < max_bytes); ++seq, ++count) {
      const char* record = records_ + entries_[seq - floor].offset;
      Header header;
      std::memcpy(&header, record, sizeof header);
      chunk.bytes.append(record, aligned(sizeof header + header.topic_bytes + header.payload_bytes));
    }
  }
  chunk.entries.reserve(count);
  for (const char* record = chunk.bytes.data(); count != 0; --count) {
    Header header;
    std::memcpy(&header, record, sizeof header);
    chunk.entries.push_back(unpack(header, record + sizeof header));
    record += aligned(sizeof header + header.topic_bytes + header.payload_bytes);
  }
  return floor;
}

std::uint64_t MemoryLog::before(std::int64_t time) const {
  const std::lock_guard lock(mutex_);
  const std::uint64_t head = head_.load(std::memory_order_relaxed);
  // Not a binary search: the clock may have jumped.
  const auto first =
      std::find_if(entries_.begin(), entries_.end(), [&](const Kept& kept) { return kept.time >= time; });
  return head - static_cast<std::uint64_t>(entries_.end() - first);
}

void MemoryLog::remember(const Entry& entry) {
  BySeq::node_type node;
  if (const auto known = topics_.find(entry.topic); known != topics_.end()) {
    node = latest_.extract(known->second);
    latest_bytes_ -= node.mapped()->bytes();
    node.key() = entry.seq;
  } else {
    BySeq fresh;
    fresh.emplace(entry.seq, std::make_unique<Latest>());
    node = fresh.extract(fresh.begin());
    node.mapped()->topic = entry.topic;
  }
  Latest& latest = *node.mapped();
  latest.payload = entry.payload;
  latest.entry = entry;
  latest.entry.topic = latest.topic;
  latest.entry.payload = latest.payload;
  latest_bytes_ += latest.bytes();
  topics_[latest.topic] = latest_.insert(latest_.end(), std::move(node));
  while (latest_.size() > 1 && (latest_.size() > limits_.topics || latest_bytes_ > limits_.latest_bytes)) {
    forget_longest_silent();
  }
  counters_.topics.set(latest_.size());
}

void MemoryLog::forget_longest_silent() {
  const auto oldest = latest_.begin();
  latest_bytes_ -= oldest->second->bytes();
  topics_.erase(oldest->second->topic);
  latest_.erase(oldest);
  counters_.topics_forgotten.add();
  forgot_topics_.store(true, std::memory_order_relaxed);
}

std::uint64_t MemoryLog::latest(std::uint64_t after, std::uint64_t until,
                                const std::function<bool(std::string_view)>& wanted, std::size_t max_entries,
                                std::size_t max_bytes, Chunk& chunk) const {
  chunk.entries.clear();
  chunk.bytes.clear();
  const std::lock_guard lock(mutex_);
  std::size_t looked_at = 0;
  std::uint64_t reached = after;
  auto next = latest_.upper_bound(after);
  for (; next != latest_.end() && next->first <= until; ++next) {
    if (looked_at++ == kSnapshotScan || chunk.entries.size() == max_entries || chunk.bytes.size() >= max_bytes) break;
    reached = next->first;
    const Latest& latest = *next->second;
    if (!wanted(latest.topic)) continue;
    chunk.entries.push_back(latest.entry);
    chunk.bytes += latest.topic;
    chunk.bytes += latest.payload;
  }
  const bool more = next != latest_.end() && next->first <= until;
  // Only now is chunk.bytes where it stays.
  std::string_view bytes = chunk.bytes;
  for (Entry& entry : chunk.entries) {
    const std::size_t topic = entry.topic.size(), payload = entry.payload.size();
    entry.topic = bytes.substr(0, topic);
    entry.payload = bytes.substr(topic, payload);
    bytes.remove_prefix(topic + payload);
  }
  return more ? reached : until;
}

}  // namespace fieldcast

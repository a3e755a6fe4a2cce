#include "storage/journal_reader.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

#include "storage/journal_format.hpp"

namespace fieldcast {

using namespace journal_format;

namespace {

// Read at once: much against what a call costs, little against what any machine has.
constexpr std::size_t kWindowBytes = 1u << 20;

}  // namespace

/// What the header says.
struct JournalReader::Start {
  Facts facts;
  Oldest oldest;
};

JournalReader::JournalReader(const std::string& directory, const std::string& database)
    : path_(directory + (directory.ends_with('/') ? "" : "/") + name_of(database)),
      fd_(open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)) {
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), path_);
}

JournalReader::~JournalReader() {
  close(fd_);
}

std::size_t JournalReader::read_at(std::size_t offset, std::size_t size) {
  window_.resize(size);
  std::size_t got = 0;
  while (got < size) {
    const ssize_t n = pread(fd_, window_.data() + got, size - got, static_cast<off_t>(offset + got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw std::system_error(errno, std::generic_category(), path_);
    if (n == 0) break;
    got += static_cast<std::size_t>(n);
  }
  window_.resize(got);
  return got;
}

std::optional<JournalReader::Start> JournalReader::look() {
  if (read_at(0, sizeof(Header)) < sizeof(Header)) return std::nullopt;
  Header header;
  std::memcpy(&header, window_.data(), sizeof header);
  if (header.magic != kMagic) return std::nullopt;
  const auto* const facts = newest(header.facts, 0);
  if (!facts || facts->value.version != kVersion || facts->value.bytes % 8 != 0) return std::nullopt;
  if (facts->value.epoch_count > kJournalEpochs) return std::nullopt;
  const auto* const oldest = newest(header.oldest, facts->value.life);
  if (!oldest || oldest->value.offset > facts->value.bytes || oldest->value.offset % 8 != 0) return std::nullopt;
  floor_ = oldest->value.seq - 1;
  return Start{facts->value, oldest->value};
}

std::optional<JournalEnd> JournalReader::end() {
  const auto start = look();
  if (!start || start->facts.epoch_count == 0) return std::nullopt;
  JournalEnd end;
  end.epochs.assign(start->facts.epochs.begin(), start->facts.epochs.begin() + start->facts.epoch_count);
  end.database = start->facts.database;
  end.floor = end.head = floor_;
  while (!read(end.head, [&](std::span<const Entry> entries) { end.head = entries.back().seq; })) end.head = floor_;
  return end;
}

bool JournalReader::read(std::uint64_t after, const std::function<void(std::span<const Entry>)>& take) {
  const auto start = look();
  if (!start) return true;
  if (after < floor_) return false;
  const std::size_t bytes = start->facts.bytes;
  std::size_t at = start->oldest.offset, wanted = kWindowBytes;
  std::uint64_t next = start->oldest.seq;
  std::vector<Entry> entries;
  for (bool ended = false; !ended;) {
    if (at == bytes) at = 0;
    const std::size_t asked = std::min(std::exchange(wanted, kWindowBytes), bytes - at);
    const std::size_t size = read_at(kHeaderBytes + at, asked);
    std::size_t used = 0;
    bool wraps = false;
    entries.clear();
    for (;;) {
      RecordHeader header;
      std::uint32_t length = kNothing;
      if (size - used >= sizeof length) std::memcpy(&length, window_.data() + used, sizeof length);
      wraps = length == kWrap;
      ended = wraps && at + used == 0;
      if (wraps || at + used == bytes) break;
      if (size - used < sizeof header) {
        ended = used == 0;  // the file ends there
        break;
      }
      std::memcpy(&header, window_.data() + used, sizeof header);
      ended = header.seq != next || header.length != header.record_bytes() || header.length > bytes - at - used;
      if (ended) break;
      if (header.length > size - used) {
        ended = used == 0 && size < asked;
        wanted = std::max<std::size_t>(kWindowBytes, header.length);
        break;
      }
      const char* const strings = window_.data() + used + sizeof header;
      ended = header.check != header.check_with(strings, start->facts.life);
      if (ended) break;
      if (next > after) entries.push_back(header.entry(strings));
      used += header.length;
      ++next;
    }
    if (!entries.empty()) take(entries);
    at = wraps ? 0 : at + used;
  }
  // The newest was before this: or it was written over meanwhile, and what comes behind it too.
  const auto now = look();
  return !now || now->facts.life != start->facts.life || now->oldest.seq <= next;
}

}  // namespace fieldcast

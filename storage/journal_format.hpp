// The format of the crash journal: what lies in its file, byte for byte, as storage/journal.hpp draws it. Whoever
// writes it (Journal) and whoever only looks (JournalReader) share it. Pure, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

#include "gateway/entry.hpp"
#include "storage/epoch.hpp"
#include "storage/journal.hpp"

namespace fieldcast::journal_format {

// Of the header and the records. Counted up with each change of one of them.
inline constexpr std::uint64_t kVersion = 2;
inline constexpr std::array<char, 8> kMagic{'F', 'C', 'J', 'O', 'U', 'R', 'N', 'L'};
inline constexpr std::size_t kHeaderBytes = 4'096;
inline constexpr std::uint8_t kRetained = 1, kRedelivered = 2, kSessionResumed = 4, kUp = 8;

// In the place of a record's length.
inline constexpr std::uint32_t kNothing = 0;                                       // the newest one was before this
inline constexpr std::uint32_t kWrap = std::numeric_limits<std::uint32_t>::max();  // the next one is at the beginning

constexpr std::size_t aligned(std::size_t bytes) {
  return (bytes + 7) & ~std::size_t{7};
}

/// Of whole words. Each step is one-to-one, so that damage within one word never goes unseen; and whoever does not
/// know the seed cannot make bytes that fit.
inline std::uint64_t checksum(std::uint64_t seed, const char* data, std::size_t bytes) {
  std::uint64_t sum = seed ^ 0x9e3779b97f4a7c15;
  for (std::size_t at = 0; at < bytes; at += 8) {
    std::uint64_t word;
    std::memcpy(&word, data + at, 8);
    sum = (sum ^ word) * 0xff51afd7ed558ccd;
    sum ^= sum >> 32;
  }
  return sum;
}

/// A value that is there twice, written in turn.
template <class T>
struct Slot {
  std::uint64_t number;  // of times it was written; the larger one is the newer
  T value;
  std::uint64_t check;
};
template <class T>
using Twice = std::array<Slot<T>, 2>;

template <class T>
std::uint64_t check_of(const Slot<T>& slot, std::uint64_t seed) {
  static_assert(std::has_unique_object_representations_v<Slot<T>> && offsetof(Slot<T>, check) % 8 == 0);
  return checksum(seed, reinterpret_cast<const char*>(&slot), offsetof(Slot<T>, check));
}

/// Null where neither is whole.
template <class T>
const Slot<T>* newest(const Twice<T>& slots, std::uint64_t seed) {
  const Slot<T>* found = nullptr;
  for (const Slot<T>& slot : slots) {
    if (slot.check == check_of(slot, seed) && (!found || slot.number > found->number)) found = &slot;
  }
  return found;
}

/// Of the journal's file in its directory; by the database's absolute path.
inline std::string name_of(const std::string& database) {
  std::string words = database;
  words.resize(aligned(words.size()));
  std::uint64_t hash = checksum(0, words.data(), words.size());
  std::string name(16, '0');
  for (auto digit = name.rbegin(); digit != name.rend(); ++digit, hash >>= 4) *digit = "0123456789abcdef"[hash & 15];
  return name + ".journal";
}

/// Changes rarely.
struct Facts {
  std::uint64_t version;
  std::uint64_t bytes;
  std::uint64_t life;
  std::uint64_t database;
  std::uint64_t epoch_count;
  std::array<Epoch, kJournalEpochs> epochs;
};

/// Where the oldest record is, or will be.
struct Oldest {
  std::uint64_t seq;
  std::uint64_t offset;
};

struct Header {
  std::array<char, 8> magic;
  Twice<Facts> facts;
  Twice<Oldest> oldest;  // checksums begin with the life
};

struct RecordHeader {
  std::uint32_t length;  // with the strings, in whole words; stored last
  Kind kind;
  std::uint8_t flags;
  std::uint8_t qos;
  std::uint8_t broker_bytes;
  std::uint64_t check;  // of the whole record, this member taken as 0
  std::uint64_t seq;
  std::int64_t time;
  std::uint64_t size;
  std::uint32_t payload_bytes;
  std::uint16_t topic_bytes;
  std::uint16_t packet_id;

  std::size_t record_bytes() const {
    return aligned(sizeof(RecordHeader) + std::size_t{topic_bytes} + std::size_t{payload_bytes} + broker_bytes);
  }
  std::uint64_t check_with(const char* strings, std::uint64_t life) const {
    static_assert(std::has_unique_object_representations_v<RecordHeader> && sizeof(RecordHeader) % 8 == 0);
    RecordHeader whole = *this;
    whole.check = 0;
    const std::uint64_t sum = checksum(life, reinterpret_cast<const char*>(&whole), sizeof whole);
    return checksum(sum, strings, length - sizeof whole);
  }
  /// What it says, with the strings behind it.
  Entry entry(const char* strings) const {
    Entry out;
    out.kind = kind;
    out.retained = (flags & kRetained) != 0;
    out.redelivered = (flags & kRedelivered) != 0;
    out.session_resumed = (flags & kSessionResumed) != 0;
    out.state = (flags & kUp) != 0 ? LinkState::up : LinkState::down;
    out.topic = {strings, topic_bytes};
    out.payload = {strings + topic_bytes, payload_bytes};
    out.broker = {strings + topic_bytes + payload_bytes, broker_bytes};
    out.size = size;
    out.qos = qos;
    out.packet_id = packet_id;
    out.seq = seq;
    out.time = time;
    return out;
  }
};

}  // namespace fieldcast::journal_format

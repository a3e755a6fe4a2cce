#include "gateway/cursor.hpp"

#include <array>
#include <cstddef>

namespace fieldcast {
namespace {

// A cursor's text:
//
//   'p' + base64url( tag 8 bytes | seq 7 bytes            | check 3 bytes )   24 + 1 characters
//   's' + base64url( tag 8 bytes | seq 7 bytes | head 7 bytes | check 2 bytes )   32 + 1 characters
//
// Integers are big-endian. The check is the low bytes of FNV-1a over the letter and the bytes before it.
// The letters keep a cursor apart from the words, times and spans that `from` takes as well.
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t kTagBytes = 8, kSeqBytes = 7;

struct Form {
  char letter;
  std::size_t bytes;  // all of them, a multiple of 3
  std::size_t check;
};
constexpr Form kPosition{'p', 18, 3};
constexpr Form kSnapshot{'s', 24, 2};

std::uint32_t fnv1a(char letter, const unsigned char* bytes, std::size_t count) {
  std::uint32_t hash = 2166136261u;
  hash = (hash ^ static_cast<unsigned char>(letter)) * 16777619u;
  for (std::size_t i = 0; i < count; ++i) hash = (hash ^ bytes[i]) * 16777619u;
  return hash ^ (hash >> 24);
}

void put(unsigned char* at, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = bytes; i-- > 0; value >>= 8) at[i] = static_cast<unsigned char>(value);
}

std::uint64_t get(const unsigned char* at, std::size_t bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | at[i];
  return value;
}

std::uint32_t low_bytes(std::uint32_t value, std::size_t bytes) {
  return value & ((1u << 8 * bytes) - 1);
}

int digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '-') return 62;
  if (c == '_') return 63;
  return -1;
}

}  // namespace

std::string to_string(const Cursor& cursor) {
  const Form form = cursor.head ? kSnapshot : kPosition;
  std::array<unsigned char, 24> bytes{};
  put(bytes.data(), cursor.tag, kTagBytes);
  put(bytes.data() + kTagBytes, cursor.seq, kSeqBytes);
  if (cursor.head) put(bytes.data() + kTagBytes + kSeqBytes, *cursor.head, kSeqBytes);
  const std::size_t body = form.bytes - form.check;
  put(bytes.data() + body, low_bytes(fnv1a(form.letter, bytes.data(), body), form.check), form.check);

  std::string text(1, form.letter);
  text.reserve(1 + form.bytes / 3 * 4);
  for (std::size_t i = 0; i < form.bytes; i += 3) {
    const auto three = static_cast<std::uint32_t>(get(bytes.data() + i, 3));
    for (int shift = 18; shift >= 0; shift -= 6) text += kAlphabet[three >> shift & 63];
  }
  return text;
}

std::optional<Cursor> parse_cursor(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const Form form = text[0] == kSnapshot.letter ? kSnapshot : kPosition;
  if (text[0] != form.letter || text.size() != 1 + form.bytes / 3 * 4) return std::nullopt;
  std::array<unsigned char, 24> bytes{};
  for (std::size_t i = 0; i < form.bytes / 3; ++i) {
    std::uint32_t three = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      const int value = digit(text[1 + i * 4 + j]);
      if (value < 0) return std::nullopt;
      three = three << 6 | static_cast<std::uint32_t>(value);
    }
    put(bytes.data() + i * 3, three, 3);
  }
  const std::size_t body = form.bytes - form.check;
  if (get(bytes.data() + body, form.check) != low_bytes(fnv1a(form.letter, bytes.data(), body), form.check)) {
    return std::nullopt;
  }
  Cursor cursor{get(bytes.data(), kTagBytes), get(bytes.data() + kTagBytes, kSeqBytes), std::nullopt};
  if (form.letter == kSnapshot.letter) cursor.head = get(bytes.data() + kTagBytes + kSeqBytes, kSeqBytes);
  if (cursor.seq > kMaxSeq || (cursor.head && *cursor.head > kMaxSeq)) return std::nullopt;
  return cursor;
}

}  // namespace fieldcast

#include "gateway/utf8.hpp"

#include <cstdint>
#include <cstring>

namespace fieldcast {
namespace {

bool continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
  if (text.empty()) return 0;
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;
  if (lead < 0xE0) return text.size() >= 2 && continuation(text[1]) ? 2 : 0;
  if (lead < 0xF0) {
    if (text.size() < 3 || !continuation(text[1]) || !continuation(text[2])) return 0;
    const auto second = static_cast<unsigned char>(text[1]);
    if (lead == 0xE0 && second < 0xA0) return 0;
    if (lead == 0xED && second >= 0xA0) return 0;
    return 3;
  }
  if (lead > 0xF4 || text.size() < 4) return 0;
  if (!continuation(text[1]) || !continuation(text[2]) || !continuation(text[3])) return 0;
  const auto second = static_cast<unsigned char>(text[1]);
  if (lead == 0xF0 && second < 0x90) return 0;
  if (lead == 0xF4 && second >= 0x90) return 0;
  return 4;
}

bool valid_utf8(std::string_view text) {
  while (!text.empty()) {
    // Sensor payloads are ASCII nearly always: eight bytes at a time.
    if (text.size() >= 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, text.data(), sizeof word);
      if ((word & 0x8080808080808080u) == 0) {
        text.remove_prefix(8);
        continue;
      }
    }
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace fieldcast

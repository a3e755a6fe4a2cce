// Where the first frame of some bytes ends, of what a gateway sends. For clients that read very many streams: it looks
// at as little as that takes. Pure, any thread.
#pragma once

#include <charconv>
#include <cstddef>
#include <string_view>

namespace fieldcast::test {

/// No size: it is not whole.
struct Cut {
  std::size_t size = 0;
  std::string_view content{};
};

/// A frame without a mask (RFC 6455, 5.2).
inline Cut cut_websocket(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return std::size_t{static_cast<unsigned char>(bytes[i])}; };
  if (bytes.size() < 2) return {};
  std::size_t head = 2, length = byte(1) & 0x7f;
  if (length >= 126) {
    head += length == 126 ? 2 : 8;
    if (bytes.size() < head) return {};
    length = 0;
    for (std::size_t i = 2; i < head; ++i) length = length << 8 | byte(i);
  }
  if (bytes.size() < head + length) return {};
  return {head + length, bytes.substr(head, length)};
}

/// A chunk (RFC 9112, 7.1).
inline Cut cut_chunk(std::string_view bytes) {
  const auto line = bytes.find('\n');
  if (line == bytes.npos) return {};
  std::size_t length = 0;
  std::from_chars(bytes.data(), bytes.data() + line, length, 16);
  const std::size_t size = line + 1 + length + 2;
  if (bytes.size() < size) return {};
  return {size, bytes.substr(line + 1, length)};
}

/// The head of an answer, with the empty line.
inline Cut cut_head(std::string_view bytes) {
  constexpr std::string_view kEnd = "\r\n\r\n";
  const auto end = bytes.find(kEnd);
  if (end == bytes.npos) return {};
  return {end + kEnd.size(), bytes.substr(0, end + kEnd.size())};
}

/// An answer with a length; its content is the body.
inline Cut cut_answer(std::string_view bytes) {
  constexpr std::string_view kLength = "\r\nContent-Length: ";
  const auto head = cut_head(bytes);
  const auto at = head.content.find(kLength);
  if (at == bytes.npos) return {};
  std::size_t length = 0;
  std::from_chars(bytes.data() + at + kLength.size(), bytes.data() + head.size, length);
  if (bytes.size() < head.size + length) return {};
  return {head.size + length, bytes.substr(head.size, length)};
}

// A WebSocket's opcodes of control frames, with the bit that ends them.
inline constexpr char kCloseFrame = '\x88', kPingFrame = '\x89';
/// The answer to a ping without payload, which is what the gateway sends.
inline constexpr std::string_view kPong("\x8a\x80\0\0\0\0", 6);

}  // namespace fieldcast::test

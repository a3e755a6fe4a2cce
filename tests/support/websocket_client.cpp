#include "tests/support/websocket_client.hpp"

#include <algorithm>
#include <random>
#include <stdexcept>

namespace fieldcast::test {
namespace {

// Keys with their accept values, so that no SHA-1 is needed here: the first is the one of RFC 6455, section 1.3.
struct Key {
  const char* key;
  const char* accept;
};
constexpr Key kKeys[] = {
    {"dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="},
    {"x3JJHMbDL1EzLkh9GBhXDw==", "HSmrc0sMlYUkAGmm5OPpG2HaGWk="},
};

unsigned random_bits() {
  thread_local std::mt19937 random{std::random_device{}()};
  return static_cast<unsigned>(random());
}

}  // namespace

std::string close_payload(int code, std::string_view reason) {
  std::string payload;
  payload += static_cast<char>(code >> 8);
  payload += static_cast<char>(code & 255);
  return payload += reason;
}

WebSocketClient::WebSocketClient(const Peer& peer, const std::string& target, const Headers& more, int receive_buffer)
    : connection_(peer, receive_buffer) {
  const auto& key = kKeys[random_bits() % 2];
  Request request{target,
                  {{"Upgrade", "websocket"},
                   {"Connection", "Upgrade"},
                   {"Sec-WebSocket-Key", key.key},
                   {"Sec-WebSocket-Version", "13"}}};
  request.headers.insert(request.headers.end(), more.begin(), more.end());
  connection_.send(request);
  head_ = connection_.read();
  auto upgrade = head_["upgrade"];
  std::transform(upgrade.begin(), upgrade.end(), upgrade.begin(), ::tolower);
  auto connection = head_["connection"];
  std::transform(connection.begin(), connection.end(), connection.begin(), ::tolower);
  open_ = head_.status == 101 && upgrade == "websocket" && connection == "upgrade" &&
          head_["sec-websocket-accept"] == key.accept;
}

std::string to_bytes(const Frame& frame, std::uint32_t mask) {
  std::string bytes;
  bytes += static_cast<char>((frame.fin ? 0x80u : 0u) | frame.reserved << 4 | static_cast<unsigned>(frame.opcode));
  const auto size = frame.payload.size();
  const unsigned mask_bit = frame.masked ? 0x80u : 0u;
  if (size < 126) {
    bytes += static_cast<char>(mask_bit | size);
  } else {
    const int length_bytes = size < 65'536 ? 2 : 8;
    bytes += static_cast<char>(mask_bit | (length_bytes == 2 ? 126u : 127u));
    for (int i = length_bytes - 1; i >= 0; --i) bytes += static_cast<char>(size >> (8 * i) & 255);
  }
  if (!frame.masked) return bytes += frame.payload;
  for (int i = 0; i < 4; ++i) bytes += static_cast<char>(mask >> (8 * i) & 255);
  for (std::size_t i = 0; i < size; ++i)
    bytes += static_cast<char>(static_cast<unsigned char>(frame.payload[i]) ^ (mask >> (8 * (i % 4)) & 255));
  return bytes;
}

void WebSocketClient::send(const Frame& frame) {
  connection_.socket().send(to_bytes(frame, random_bits()));
}

std::optional<Frame> WebSocketClient::next_frame(Deadline deadline) {
  std::string start;
  try {
    start = connection_.socket().read(2, deadline);
  } catch (const EndOfStream&) {
    return std::nullopt;
  }
  const auto byte = [](char c) { return static_cast<unsigned>(static_cast<unsigned char>(c)); };
  Frame frame;
  frame.fin = (byte(start[0]) & 0x80) != 0;
  frame.reserved = byte(start[0]) >> 4 & 7;
  frame.opcode = static_cast<Opcode>(byte(start[0]) & 15);
  frame.masked = (byte(start[1]) & 0x80) != 0;
  std::uint64_t size = byte(start[1]) & 0x7f;
  if (size >= 126) {
    const auto length = connection_.socket().read(size == 126 ? 2 : 8, deadline);
    size = 0;
    for (const char c : length) size = size << 8 | byte(c);
    if (size < 126) throw std::runtime_error("a frame's length is not in its shortest form");
  }
  if (frame.masked) throw std::runtime_error("the gateway masked a frame");
  if (frame.reserved != 0) throw std::runtime_error("the gateway set a reserved bit");
  frame.payload = connection_.socket().read(size, deadline);
  return frame;
}

std::optional<std::string> WebSocketClient::next(Deadline deadline) {
  std::string message;
  bool inside = false;
  while (const auto frame = next_frame(deadline)) {
    if (frame->opcode == Opcode::ping) {
      if (answer_pings_) send(Frame{Opcode::pong, frame->payload});
    } else if (frame->opcode == Opcode::close) {
      close_code_ = 1005;
      if (frame->payload.size() >= 2) {
        close_code_ =
            static_cast<unsigned char>(frame->payload[0]) << 8 | static_cast<unsigned char>(frame->payload[1]);
        close_reason_ = frame->payload.substr(2);
      }
      return std::nullopt;
    } else if (frame->opcode == Opcode::text || frame->opcode == Opcode::continuation) {
      if (inside != (frame->opcode == Opcode::continuation)) throw std::runtime_error("fragments out of order");
      message += frame->payload;
      inside = !frame->fin;
      if (!inside) return message;
    } else if (frame->opcode != Opcode::pong) {
      throw std::runtime_error("the gateway sent opcode " + std::to_string(static_cast<unsigned>(frame->opcode)));
    }
  }
  close_code_ = 1006;
  return std::nullopt;
}

}  // namespace fieldcast::test

// The WebSocket protocol (RFC 6455, version 13, no extensions) as pure functions and one state machine:
// the opening handshake's answer, the client's frames, the headers of ours. No socket, no clock, no state
// of the connection: what is open, closing or late is the session's.
//
// codec.cpp is the only file that names websocketpp and is compiled as C++17, so this header, and what it includes, is
// C++17 too. A Decoder belongs to one session, on its shard's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/limits.hpp"

namespace fieldcast::websocket {

/// The longest payload of a control frame (RFC 6455 section 5.5).
inline constexpr std::size_t kControlBytes = 125;

inline constexpr std::string_view kSubprotocol = "fieldcast.v1";

/// RFC 6455 section 7.4.1.
inline constexpr std::uint16_t kCloseProtocol = 1002, kCloseUnsupported = 1003, kCloseInvalid = 1007,
                               kClosePolicy = 1008, kCloseTooLarge = 1009;

enum class Opcode : std::uint8_t { text = 0x1, binary = 0x2, close = 0x8, ping = 0x9, pong = 0xA };

/// The whole `HTTP/1.1 101` answer to a request head that was judged before: in order as HTTP, and asking for
/// a WebSocket of version 13. `head` ends with its empty line. The answer names kSubprotocol where the client
/// offered it. Empty for what remains to be refused: a request that is not GET and HTTP/1.1, no
/// Sec-WebSocket-Key, a Sec-WebSocket-Protocol that is no list of tokens.
std::string answer_handshake(std::string_view head);

/// What the server sends before `size` bytes of payload: one unmasked, final frame.
std::string frame_header(Opcode opcode, std::size_t size);

/// A whole frame.
std::string frame(Opcode opcode, std::string_view payload);

/// A whole close frame. `code` 0: without a payload. The reason is cut to what a control frame holds.
std::string close_frame(std::uint16_t code, std::string_view reason);

struct Event {
  enum class Kind : std::uint8_t {
    text,    // a whole message, valid UTF-8
    binary,  // a whole message
    ping,    // at most kControlBytes
    pong,
    close,  // `code` 0 where the client gave none; `bytes` is the reason
    error,  // the protocol was broken: `code` is what to close with (1002, 1007, 1009). The last event.
  };
  Kind kind;
  std::uint16_t code = 0;
  std::string bytes;
};

class Decoder {
 public:
  /// `message_bytes`: the longest message, fragments together.
  explicit Decoder(std::size_t message_bytes = kMessageBytes);
  ~Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  /// Takes bytes off the front of `input` until an event is complete; nothing where all were taken first.
  /// Holds no more than the message that is incomplete, and nothing between messages.
  std::optional<Event> next(std::string_view& input);

  /// What the message that is incomplete takes in memory.
  std::size_t held() const;

  /// Where a message, or a control frame between messages, is incomplete: a number that is another one for the next.
  /// Else 0.
  std::uint64_t incomplete() const;

 private:
  class Processor;
  std::unique_ptr<Processor> processor_;
};

}  // namespace fieldcast::websocket

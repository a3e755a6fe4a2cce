// A WebSocket client (RFC 6455) with a codec of its own, so that the gateway's is not tested against itself
// and a test can send what no well-behaved client would. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/http_client.hpp"

namespace fieldcast::test {

enum class Opcode : unsigned { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// One frame as it goes over the wire.
struct Frame {
  Opcode opcode = Opcode::text;
  std::string payload;
  bool fin = true;
  unsigned reserved = 0;  // RSV1 to RSV3, three bits
  bool masked = true;
};

/// As a client sends it, masked with `mask` where it is to be.
std::string to_bytes(const Frame& frame, std::uint32_t mask);

class WebSocketClient {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  /// Sends the opening handshake and reads its answer; head() says whether it went well.
  WebSocketClient(const Peer& peer, const std::string& target, const Headers& more = {}, int receive_buffer = 0);

  const Response& head() const { return head_; }
  /// True where the answer is a 101 with the right Upgrade, Connection and Sec-WebSocket-Accept.
  bool open() const { return open_; }

  void send(std::string text) { send(Frame{Opcode::text, std::move(text)}); }
  void send(const Frame& frame);
  void send_raw(std::string_view bytes) { connection_.socket().send(bytes); }

  /// The next text message, its fragments joined; pings are answered (unless set otherwise). Empty where the
  /// gateway closed: then close_code() and close_reason() say why. Throws where the gateway breaks RFC 6455.
  std::optional<std::string> next(Deadline deadline = {});

  /// The next frame, whatever it is; empty at the end of the connection.
  std::optional<Frame> next_frame(Deadline deadline = {});

  /// 1005 where the close frame had none, 1006 where the connection ended without one.
  int close_code() const { return close_code_; }
  const std::string& close_reason() const { return close_reason_; }

  void answer_pings(bool on) { answer_pings_ = on; }
  Socket& socket() { return connection_.socket(); }

 private:
  HttpConnection connection_;
  Response head_;
  bool open_ = false;
  bool answer_pings_ = true;
  int close_code_ = 0;
  std::string close_reason_;
};

/// The payload of a close frame.
std::string close_payload(int code, std::string_view reason = "");

}  // namespace fieldcast::test

// What a client may send over a WebSocket, right and wrong, and what a server that echoes answers: the sections of
// RFC 6455 in the order and under the numbers of the Autobahn suite's cases, where it has them.
#pragma once

#include <string>
#include <vector>

#include "tests/support/websocket_client.hpp"

namespace fieldcast::test {

struct WebSocketCase {
  std::string name;  // of letters, digits and _
  std::vector<Frame> sent;
  std::vector<Frame> echoed;  // what comes back before the close frame: messages and pongs, in order
  int close = 0;      // what the server's close frame says; 1005: nothing. 0: all was well, and the client closes
  std::string raw{};  // bytes sent behind the frames
};

inline Frame text(std::string payload) {
  return {Opcode::text, std::move(payload)};
}
inline Frame binary(std::string payload) {
  return {Opcode::binary, std::move(payload)};
}
inline Frame ping(std::string payload) {
  return {Opcode::ping, std::move(payload)};
}
inline Frame pong(std::string payload) {
  return {Opcode::pong, std::move(payload)};
}
/// A frame that is not the last of its message.
inline Frame more(Frame frame) {
  frame.fin = false;
  return frame;
}
inline Frame continuation(std::string payload) {
  return {Opcode::continuation, std::move(payload)};
}
inline Frame reserved(unsigned bits, Frame frame) {
  frame.reserved = bits;
  return frame;
}
inline Frame close_with(int code, std::string_view reason = "") {
  return {Opcode::close, close_payload(code, reason)};
}

std::vector<WebSocketCase> framing_cases();  // 1 to 5, and lengths
std::vector<WebSocketCase> utf8_cases();     // 6
std::vector<WebSocketCase> closing_cases();  // 7

}  // namespace fieldcast::test

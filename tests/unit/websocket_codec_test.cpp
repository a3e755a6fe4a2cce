// The WebSocket codec against frames made by hand from RFC 6455.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/websocket/codec.hpp"

namespace fieldcast::websocket {
namespace {

using Kind = Event::Kind;
using namespace std::string_literals;

// First byte of a frame.
constexpr int kFin = 0x80;
constexpr int kContinuation = 0x0, kText = 0x1, kBinary = 0x2, kClose = 0x8, kPing = 0x9, kPong = 0xA;

std::string big_endian(std::uint64_t value, int bytes) {
  std::string out;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
  return out;
}

/// The header of a masked frame with the shortest length there is.
std::string client_header(int first, std::uint64_t size) {
  std::string out(1, static_cast<char>(first));
  if (size <= 125) return out + static_cast<char>(0x80 | size);
  if (size <= 0xFFFF) return out + '\xFE' + big_endian(size, 2);
  return out + '\xFF' + big_endian(size, 8);
}

std::string masked(std::string_view payload) {
  const std::string key = "\x12\x34\xAB\xCD";
  std::string out = key;
  for (std::size_t i = 0; i < payload.size(); ++i) out += static_cast<char>(payload[i] ^ key[i % 4]);
  return out;
}

std::string client_frame(int first, std::string_view payload) {
  return client_header(first, payload.size()) + masked(payload);
}

std::string close_payload(std::uint16_t code, std::string_view reason = {}) {
  return big_endian(code, 2).append(reason);
}

std::vector<Event> decode(std::string_view bytes) {
  Decoder decoder;
  std::vector<Event> events;
  while (auto event = decoder.next(bytes)) events.push_back(*std::move(event));
  EXPECT_TRUE(bytes.empty());
  return events;
}

/// The one event that all of `bytes` is.
Event decode_one(std::string_view bytes) {
  auto events = decode(bytes);
  EXPECT_EQ(events.size(), 1u);
  return events.empty() ? Event{Kind::error, 0, "no event"} : events.front();
}

void expect_error(std::string_view bytes, std::uint16_t code) {
  const Event event = decode_one(bytes);
  EXPECT_EQ(event.kind, Kind::error);
  EXPECT_EQ(event.code, code);
}

std::string head(std::string_view fields) {
  return "GET /v1/ws?topic=a HTTP/1.1\r\nHost: localhost:8080\r\nUpgrade: websocket\r\nConnection: keep-alive, "
         "Upgrade\r\n"
         "Sec-WebSocket-Version: 13\r\n" +
         std::string(fields) + "\r\n";
}

constexpr std::string_view kKey = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";  // RFC 6455 section 1.3

TEST(WebsocketHandshake, answers_the_example_of_the_rfc) {
  EXPECT_EQ(answer_handshake(head(kKey)),
            "HTTP/1.1 101 Switching Protocols\r\n"
            "Connection: Upgrade\r\n"
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
            "Upgrade: websocket\r\n"
            "\r\n");
}

TEST(WebsocketHandshake, names_our_subprotocol_only_where_it_is_offered) {
  const auto with = [](std::string_view offered) {
    return answer_handshake(head(std::string(kKey) + "Sec-WebSocket-Protocol: " + std::string(offered) + "\r\n"));
  };
  EXPECT_NE(with("fieldcast.v1").find("\r\nSec-WebSocket-Protocol: fieldcast.v1\r\n"), std::string::npos);
  EXPECT_NE(with("mqtt, fieldcast.v1").find("\r\nSec-WebSocket-Protocol: fieldcast.v1\r\n"), std::string::npos);
  for (const char* other : {"mqtt", "fieldcast.v2", "fieldcast.v1x", "Fieldcast.V1"}) {
    const std::string answer = with(other);
    EXPECT_EQ(answer.substr(0, 13), "HTTP/1.1 101 ") << other;
    EXPECT_EQ(answer.find("Sec-WebSocket-Protocol"), std::string::npos) << other;
  }
  EXPECT_EQ(with("@"), "") << "no list of tokens";
}

TEST(WebsocketHandshake, negotiates_no_extension) {
  const std::string answer =
      answer_handshake(head(std::string(kKey) + "Sec-WebSocket-Extensions: permessage-deflate\r\n"));
  EXPECT_EQ(answer.substr(0, 13), "HTTP/1.1 101 ");
  EXPECT_EQ(answer.find("Extensions"), std::string::npos);
}

TEST(WebsocketHandshake, a_head_may_be_long) {
  const std::string cookie = "Cookie: " + std::string(30'000, 'c') + "\r\n";
  EXPECT_EQ(answer_handshake(head(cookie + std::string(kKey))), answer_handshake(head(kKey)));
}

TEST(WebsocketHandshake, has_no_answer_to_what_is_no_handshake) {
  EXPECT_EQ(answer_handshake(head("")), "") << "no key";
  EXPECT_EQ(answer_handshake(head("Sec-WebSocket-Key:  \r\n")), "") << "an empty key";
  const std::string rest = "\r\nHost: a\r\n" + std::string(kKey) + "\r\n";
  EXPECT_NE(answer_handshake("GET / HTTP/1.1" + rest), "");
  EXPECT_EQ(answer_handshake("GET / HTTP/1.0" + rest), "");
  EXPECT_EQ(answer_handshake("POST / HTTP/1.1" + rest), "");
  EXPECT_EQ(answer_handshake("GET(/ HTTP/1.1" + rest), "");
  for (const char* nonsense : {"", "\r\n", "\r\n\r\n", "nonsense", ":\r\n:\r\n"}) {
    EXPECT_EQ(answer_handshake(nonsense), "") << nonsense;
  }
}

TEST(WebsocketFrames, lengths_take_the_shortest_form) {
  EXPECT_EQ(frame_header(Opcode::text, 0), "\x81\x00"s);
  EXPECT_EQ(frame_header(Opcode::text, 125), "\x81\x7D"s);
  EXPECT_EQ(frame_header(Opcode::text, 126), "\x81\x7E\x00\x7E"s);
  EXPECT_EQ(frame_header(Opcode::text, 65535), "\x81\x7E\xFF\xFF"s);
  EXPECT_EQ(frame_header(Opcode::text, 65536), "\x81\x7F\0\0\0\0\0\x01\0\0"s);
  EXPECT_EQ(frame(Opcode::ping, ""), "\x89\x00"s);
  EXPECT_EQ(frame(Opcode::pong, "Hello"), "\x8A\x05Hello");
}

TEST(WebsocketFrames, a_close_frame_holds_code_and_reason) {
  EXPECT_EQ(close_frame(1008, "bad_filter"), "\x88\x0C\x03\xF0"s + "bad_filter");
  EXPECT_EQ(close_frame(0, "lost"), "\x88\x00"s);
  EXPECT_EQ(close_frame(1000, std::string(200, 'x')).size(), 2 + kControlBytes);
}

TEST(WebsocketDecoder, reads_the_examples_of_the_rfc) {  // section 5.7
  const Event text = decode_one("\x81\x85\x37\xFA\x21\x3D\x7F\x9F\x4D\x51\x58");
  EXPECT_EQ(text.kind, Kind::text);
  EXPECT_EQ(text.bytes, "Hello");
  const Event pong = decode_one("\x8A\x85\x37\xFA\x21\x3D\x7F\x9F\x4D\x51\x58");
  EXPECT_EQ(pong.kind, Kind::pong);
  EXPECT_EQ(pong.bytes, "Hello");
}

TEST(WebsocketDecoder, reads_every_form_of_length) {
  for (const std::size_t size : {0, 1, 125, 126, 65535, 65536, 262144}) {
    const std::string payload(size, 'x');
    const Event event = decode_one(client_frame(kFin | kBinary, payload));
    EXPECT_EQ(event.kind, Kind::binary) << size;
    EXPECT_EQ(event.bytes, payload) << size;
  }
}

TEST(WebsocketDecoder, reads_the_same_in_pieces_of_any_size) {
  const std::string bytes = client_frame(kText, "{\"id\":\"\xC3") + client_frame(kFin | kPing, "now") +
                            client_frame(kContinuation, "") + client_frame(kFin | kContinuation, "\xA9\"}") +
                            client_frame(kFin | kText, std::string(300, 'y')) +
                            client_frame(kFin | kClose, close_payload(1001, "bye"));
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    Decoder decoder;
    std::vector<Event> events;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      std::string_view piece = std::string_view(bytes).substr(at, step);
      while (auto event = decoder.next(piece)) events.push_back(*std::move(event));
    }
    ASSERT_EQ(events.size(), 4u) << step;
    EXPECT_EQ(events[0].kind, Kind::ping);
    EXPECT_EQ(events[0].bytes, "now");
    EXPECT_EQ(events[1].kind, Kind::text);
    EXPECT_EQ(events[1].bytes, "{\"id\":\"\xC3\xA9\"}");
    EXPECT_EQ(events[2].bytes, std::string(300, 'y'));
    EXPECT_EQ(events[3].kind, Kind::close);
    EXPECT_EQ(events[3].code, 1001);
    EXPECT_EQ(events[3].bytes, "bye");
  }
}

TEST(WebsocketDecoder, an_unmasked_frame_is_an_error) {
  expect_error("\x81\x05Hello", 1002);
}

TEST(WebsocketDecoder, reserved_bits_and_opcodes_are_errors) {
  for (const int bit : {0x40, 0x20, 0x10}) {
    expect_error(client_frame(kFin | kText | bit, "a"), 1002);
    expect_error(client_frame(kFin | kPing | bit, "a"), 1002);
  }
  for (const int opcode : {0x3, 0x4, 0x5, 0x6, 0x7, 0xB, 0xC, 0xD, 0xE, 0xF}) {
    expect_error(client_frame(kFin | opcode, "a"), 1002);
  }
}

TEST(WebsocketDecoder, control_frames_are_short_and_whole) {
  for (const int opcode : {kClose, kPing, kPong}) {
    expect_error(client_frame(opcode, ""), 1002);  // a fragment
    expect_error(client_frame(kFin | opcode, std::string(126, 'x')), 1002);
  }
  const std::string longest(125, 'x');
  EXPECT_EQ(decode_one(client_frame(kFin | kPing, longest)).bytes, longest);
}

TEST(WebsocketDecoder, fragments_follow_each_other) {
  expect_error(client_frame(kFin | kContinuation, "a"), 1002);
  expect_error(client_frame(kText, "a") + client_frame(kFin | kText, "b"), 1002);
  expect_error(client_frame(kText, "a") + client_frame(kBinary, "b"), 1002);
}

TEST(WebsocketDecoder, a_length_in_a_longer_form_than_needed_is_an_error) {
  expect_error("\x81\xFE"s + big_endian(125, 2) + masked(std::string(125, 'x')), 1002);
  expect_error("\x81\xFF"s + big_endian(125, 8) + masked(std::string(125, 'x')), 1002);
  expect_error("\x81\xFF"s + big_endian(65535, 8) + masked(std::string(65535, 'x')), 1002);
}

TEST(WebsocketDecoder, a_message_over_the_limit_is_refused_by_its_header) {
  for (const std::uint64_t size : {std::uint64_t{kMessageBytes} + 1, std::uint64_t{1} << 40, ~std::uint64_t{0} >> 1}) {
    expect_error(client_header(kFin | kBinary, size) + masked(""), 1009);
  }
}

TEST(WebsocketDecoder, the_highest_bit_of_a_length_is_not_set) {  // section 5.2
  for (const std::uint64_t size : {std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    expect_error(client_header(kFin | kBinary, size) + masked(""), 1002);
    // 1 + (2^64 - 1) is 0: a sum that overflows is no way around the limit.
    expect_error(client_frame(kBinary, "x") + client_header(kFin | kContinuation, size) + masked("abc"), 1002);
  }
}

TEST(WebsocketDecoder, text_fails_with_the_first_byte_that_cannot_be) {
  const std::string header = client_header(kFin | kText, 100) + std::string(4, '\0');
  for (const std::string start : {"ab\xFF", "\xC0", "\xED\xA0", "\xF4\x90", "\xE2\x28"}) {
    Decoder decoder;
    std::string bytes = header + start.substr(0, start.size() - 1);
    std::string_view before = bytes;
    EXPECT_FALSE(decoder.next(before));
    std::string_view last = std::string_view(start).substr(start.size() - 1);
    const auto event = decoder.next(last);
    ASSERT_TRUE(event);
    EXPECT_EQ(event->code, 1007);
  }
}

TEST(WebsocketDecoder, takes_as_long_a_message_as_it_is_told) {
  const std::string bytes = client_frame(kFin | kBinary, std::string(kMessageBytes + 1, 'x'));
  Decoder decoder(kMessageBytes + 1);
  std::string_view input = bytes;
  const auto event = decoder.next(input);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->bytes.size(), kMessageBytes + 1);
}

TEST(WebsocketDecoder, the_limit_holds_for_all_fragments_together) {
  const std::string half(kMessageBytes / 2, 'x');
  const auto whole = decode(client_frame(kBinary, half) + client_frame(kFin | kContinuation, half));
  ASSERT_EQ(whole.size(), 1u);
  EXPECT_EQ(whole[0].bytes.size(), kMessageBytes);
  expect_error(
      client_frame(kBinary, half) + client_frame(kContinuation, half) + client_frame(kFin | kContinuation, "x"), 1009);
}

TEST(WebsocketDecoder, text_is_utf8) {
  EXPECT_EQ(decode_one(client_frame(kFin | kText, "\xF0\x9F\x8C\xA1")).bytes, "\xF0\x9F\x8C\xA1");
  expect_error(client_frame(kFin | kText, "a\xFF"), 1007);
  expect_error(client_frame(kFin | kText, "\xC0\xAF"), 1007);      // longer than needed
  expect_error(client_frame(kFin | kText, "\xED\xA0\x80"), 1007);  // a surrogate
  expect_error(client_frame(kFin | kText, "\xF0\x9F"), 1007);      // ends inside a character
  EXPECT_EQ(decode_one(client_frame(kFin | kBinary, "\xFF")).bytes, "\xFF");
}

TEST(WebsocketDecoder, fragmented_text_is_utf8_as_a_whole) {
  EXPECT_EQ(decode_one(client_frame(kText, "\xF0\x9F") + client_frame(kFin | kContinuation, "\x8C\xA1")).bytes,
            "\xF0\x9F\x8C\xA1");
  expect_error(client_frame(kText, "\xF0\x9F") + client_frame(kFin | kContinuation, "\x8C"), 1007);
  expect_error(client_frame(kText, "\xF0\x9F") + client_frame(kFin | kContinuation, ""), 1007);
  expect_error(client_frame(kText, "\xF0\x9F") + client_frame(kContinuation, "a"), 1007);
  // The next message starts afresh.
  const auto events =
      decode(client_frame(kText, "a") + client_frame(kFin | kContinuation, "b") + client_frame(kFin | kText, "c"));
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[1].bytes, "c");
}

TEST(WebsocketDecoder, a_close_frame_may_be_empty) {
  const Event event = decode_one(client_frame(kFin | kClose, ""));
  EXPECT_EQ(event.kind, Kind::close);
  EXPECT_EQ(event.code, 0);
}

TEST(WebsocketDecoder, close_codes_that_may_be_sent_are_taken) {
  for (const int code :
       {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999}) {
    const Event event = decode_one(client_frame(kFin | kClose, close_payload(static_cast<std::uint16_t>(code), "é")));
    EXPECT_EQ(event.kind, Kind::close) << code;
    EXPECT_EQ(event.code, code);
    EXPECT_EQ(event.bytes, "é");
  }
}

TEST(WebsocketDecoder, other_close_payloads_are_errors) {
  expect_error(client_frame(kFin | kClose, "\x03"), 1002);
  for (const int code : {0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535}) {
    expect_error(client_frame(kFin | kClose, close_payload(static_cast<std::uint16_t>(code))), 1002);
  }
  expect_error(client_frame(kFin | kClose, close_payload(1000, "\xFF")), 1007);
  expect_error(client_frame(kFin | kClose, close_payload(1000, "\xC3")), 1007);
}

TEST(WebsocketDecoder, nothing_is_read_behind_an_error) {
  const auto events = decode("\x81\x05Hello"s + client_frame(kFin | kText, "later"));
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, Kind::error);
}

}  // namespace
}  // namespace fieldcast::websocket

// [W-1], [W-11] to [W-13]: RFC 6455 itself.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/contract/transports.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/websocket_client.hpp"
#include "tests/support/websocket_subscriber.hpp"

namespace fieldcast::test {
namespace {

/// Reads to the end; the code that the gateway closed with.
int close_code(WebSocketClient& client) {
  while (client.next()) continue;
  return client.close_code();
}

// [W-1]
TEST(Handshake, ServesTheSubprotocol) {
  EXPECT_FALSE(WebSocketClient(port(), "/v1/ws").head().header("sec-websocket-protocol"));
  for (const std::string offered : {"fieldcast.v1", "other, fieldcast.v1", "fieldcast.v1,other"}) {
    WebSocketClient client(port(), "/v1/ws", {{"Sec-WebSocket-Protocol", offered}});
    EXPECT_TRUE(client.open()) << offered;
    EXPECT_EQ(client.head()["sec-websocket-protocol"], "fieldcast.v1") << offered;
  }
  WebSocketClient other(port(), "/v1/ws", {{"Sec-WebSocket-Protocol", "mqtt"}});
  EXPECT_TRUE(other.open());
  EXPECT_FALSE(other.head().header("sec-websocket-protocol"));
  EXPECT_FALSE(WebSocketClient(port(), "/v1/ws", {{"Sec-WebSocket-Extensions", "permessage-deflate"}})
                   .head()
                   .header("sec-websocket-extensions"));
}

// [W-1]
TEST(Handshake, RefusesWhatIsNone) {
  const std::string key = "dGhlIHNhbXBsZSBub25jZQ==";
  using Headers = std::vector<std::pair<std::string, std::string>>;
  struct {
    Headers headers;
    int status;
  } const cases[] = {
      {{}, 426},
      {{{"Upgrade", "h2c"}, {"Connection", "Upgrade"}}, 426},
      {{{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Key", key}}, 426},
      {{{"Upgrade", "websocket"},
        {"Connection", "Upgrade"},
        {"Sec-WebSocket-Key", key},
        {"Sec-WebSocket-Version", "8"}},
       426},
      {{{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Version", "13"}}, 400},
      {{{"Upgrade", "websocket"},
        {"Connection", "Upgrade"},
        {"Sec-WebSocket-Key", "short"},
        {"Sec-WebSocket-Version", "13"}},
       400},
      {{{"Upgrade", "websocket"}, {"Connection", "close"}, {"Sec-WebSocket-Key", key}, {"Sec-WebSocket-Version", "13"}},
       400},
  };
  for (const auto& [headers, status] : cases) {
    const auto response = http(port(), {"/v1/ws?topic=a", headers});
    EXPECT_EQ(response.status, status) << response.body;
    EXPECT_EQ(response["content-type"], "application/problem+json");
    EXPECT_EQ(response["sec-websocket-version"], status == 426 ? "13" : "");
  }
}

// [W-11]
struct Broken {
  std::string name;
  std::vector<Frame> frames;
  int code;
};
const std::vector<Broken> kBroken{
    {"NotMasked", {{Opcode::text, "{}", true, 0, false}}, 1002},
    {"ReservedBit", {{Opcode::text, "{}", true, 4}}, 1002},
    {"ReservedOpcode", {{static_cast<Opcode>(3), "{}"}}, 1002},
    {"ReservedControl", {{static_cast<Opcode>(11), "{}"}}, 1002},
    {"FragmentedPing", {{Opcode::ping, "a", false}}, 1002},
    {"LongPing", {{Opcode::ping, std::string(126, 'a')}}, 1002},
    {"ContinuationOfNothing", {{Opcode::continuation, "a"}}, 1002},
    {"TextInsideAMessage", {{Opcode::text, "{", false}, {Opcode::text, "}"}}, 1002},
    {"CloseWithOneByte", {{Opcode::close, "x"}}, 1002},
    {"CloseWith1005", {{Opcode::close, close_payload(1005)}}, 1002},
    {"CloseWith999", {{Opcode::close, close_payload(999)}}, 1002},
    {"CloseReasonNotUtf8", {{Opcode::close, close_payload(1000, "\xff")}}, 1007},
    {"Binary", {{Opcode::binary, "abc"}}, 1003},
    {"NotUtf8", {{Opcode::text, "\xff"}}, 1007},
    {"CutUtf8", {{Opcode::text, "\xE2\x82"}}, 1007},
    {"CutUtf8AcrossFragments", {{Opcode::text, "\xE2", false}, {Opcode::continuation, "\x82"}}, 1007},
    {"TooLong", {{Opcode::text, std::string(2 << 20, ' ')}}, 1009},
    {"TooLongInFragments", std::vector<Frame>(1, {Opcode::text, std::string(200'000, ' '), false}), 1009},
};

class BrokenProtocol : public ::testing::TestWithParam<Broken> {};

TEST_P(BrokenProtocol, IsClosedWithItsCode) {
  WebSocketClient client(port(), "/v1/ws?topic=a");
  ASSERT_TRUE(client.open());
  try {
    for (const auto& frame : GetParam().frames) client.send(frame);
    if (GetParam().name == "TooLongInFragments")
      for (int i = 0; i < 10; ++i) client.send({Opcode::continuation, std::string(200'000, ' '), false});
  } catch (const EndOfStream&) {  // the gateway need not read a message that is too long
  }
  EXPECT_EQ(close_code(client), GetParam().code);
}

INSTANTIATE_TEST_SUITE_P(W11, BrokenProtocol, ::testing::ValuesIn(kBroken),
                         [](const auto& instance) { return instance.param.name; });

// [W-11]
TEST(Close, IsAnsweredAndEndsTheConnection) {
  struct {
    std::string payload;
    int code;
  } const cases[] = {
      {"", 1005}, {close_payload(1000), 1000}, {close_payload(1001, "bye"), 1001}, {close_payload(4000), 4000}};
  for (const auto& [payload, code] : cases) {
    WebSocketClient client(port(), "/v1/ws?topic=a");
    client.send({Opcode::close, payload});
    EXPECT_EQ(close_code(client), code);
    EXPECT_TRUE(client.socket().ends());
  }
}

// [W-13]
TEST(Message, MayComeInFragmentsWithPingsBetween) {
  WebSocketClient client(port(), "/v1/ws?topic=before");
  const std::string text = R"({"op":"subscribe","id":"é","topics":["a"]})";
  for (std::size_t i = 0; i < text.size(); ++i) {  // also inside the two bytes of é
    client.send({i == 0 ? Opcode::text : Opcode::continuation, text.substr(i, 1), false});
    if (i % 10 == 0) client.send({Opcode::ping, "ping" + std::to_string(i)});
  }
  client.send({Opcode::continuation, "", true});
  std::string last_pong;
  for (;;) {
    const auto frame = client.next_frame();
    ASSERT_TRUE(frame);
    ASSERT_NE(frame->opcode, Opcode::close);
    if (frame->opcode == Opcode::pong) last_pong = frame->payload;
    if (frame->opcode == Opcode::text && frame->payload.find("\"id\":\"é\"") != std::string::npos) break;
  }
  EXPECT_EQ(last_pong, "ping40");
}

TEST(Ping, IsAnsweredWithItsPayload) {
  WebSocketClient client(port(), "/v1/ws");
  for (const std::string& payload : {std::string(), std::string("a"), std::string(125, '\xff')}) {
    client.send({Opcode::ping, payload});
    for (;;) {
      const auto frame = client.next_frame();
      ASSERT_TRUE(frame);
      if (frame->opcode != Opcode::pong) continue;
      EXPECT_EQ(frame->payload, payload);
      break;
    }
  }
}

TEST(Frames, MayComeByteByByteOrManyAtOnce) {
  WebSocketClient client(port(), "/v1/ws");
  const std::string text = R"({"op":"subscribe","id":1,"topics":["a"]})";
  std::string frame = {static_cast<char>(0x81), static_cast<char>(0x80 | text.size()), 0, 0, 0, 0};  // the mask 0
  frame += text;
  for (const char c : frame) client.send_raw(std::string_view(&c, 1));
  for (int answers = 0; answers < 1;) answers += client.next()->find("subscribed") != std::string::npos;
  client.send_raw(frame + frame + frame);
  for (int answers = 0; answers < 3;) answers += client.next()->find("subscribed") != std::string::npos;
}

// [W-12]: twenty seconds between pings, two of them unanswered.
TEST(ServerPing, AClientThatAnswersNoneIsClosed) {
  WebSocketClient silent(port(), "/v1/ws?heartbeat=60"), alive(port(), "/v1/ws?heartbeat=60");
  silent.answer_pings(false);
  const Deadline deadline(std::chrono::seconds(100));
  while (silent.next(deadline)) continue;
  EXPECT_EQ(silent.close_code(), 1008);
  EXPECT_EQ(silent.close_reason(), "timeout");
  alive.send(R"({"op":"subscribe","id":1,"topics":["a"]})");
  EXPECT_TRUE(alive.next());
}

}  // namespace
}  // namespace fieldcast::test

// What the endpoint keeps of RFC 6455 besides its frames: pongs, the bounds and deadlines of messages that are not
// complete.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/websocket/endpoint.hpp"
#include "tests/unit/websocket_session_fixture.hpp"

namespace fieldcast::websocket::test {
namespace {

constexpr int kFirstOfText = 0x01, kContinuation = 0x00;

class WebsocketEndpoint : public WebsocketSession {
 protected:
  std::unique_ptr<fieldcast::Session> open_on(KeepingOutlet& outlet) {
    auto session = websocket::open("GET / HTTP/1.1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", {}, {},
                                   hub_, publications_, incomplete_, outlet);
    outlet.take();
    return session;
  }
};

TEST_F(WebsocketEndpoint, pings_and_messages_of_one_read_are_answered_in_order_and_at_once) {
  open({});
  const int sends = outlet_.sends();
  session_->on_input(client_frame(kPing, "1") + client_frame(kText, "[]") + client_frame(kPing, "2"));
  EXPECT_EQ(outlet_.sends(), sends + 1);
  const auto answers = frames();
  ASSERT_EQ(answers.size(), 3u);
  EXPECT_EQ(answers[0], (Frame{kPong, "1"}));
  EXPECT_EQ(answers[1].first, kText);
  EXPECT_EQ(answers[2], (Frame{kPong, "2"}));
}

TEST_F(WebsocketEndpoint, of_a_flood_of_pings_some_are_answered_and_the_last_is) {
  open({});
  std::string flood;
  for (int i = 0; i < 1'000; ++i) flood += client_frame(kPing, std::to_string(i));
  session_->on_input(flood);
  const auto answers = frames();
  ASSERT_EQ(answers.size(), kPongsPerTurn + 1u);
  EXPECT_EQ(answers.front(), (Frame{kPong, "0"}));
  EXPECT_EQ(answers.back(), (Frame{kPong, "999"}));
  receive(kPing, "again");
  EXPECT_EQ(frames(), std::vector{(Frame{kPong, "again"})});
}

TEST_F(WebsocketEndpoint, replies_that_come_before_a_close_frame_are_sent_before_its_answer) {
  open({});
  session_->on_input(client_frame(kText, "[]") + client_frame(kPing, "last") + client_frame(kClose, "\x03\xE8"));
  const auto answers = frames();
  ASSERT_EQ(answers.size(), 3u);
  EXPECT_EQ(answers[1], (Frame{kPong, "last"}));
  EXPECT_EQ(answers[2], close_with(1000, ""));
  EXPECT_TRUE(outlet_.closed());
}

TEST_F(WebsocketEndpoint, answers_to_many_messages_are_no_reason_to_close_while_the_socket_takes_them) {
  open({});
  std::string many;
  for (std::size_t bytes = 0; bytes < 2 * kReplyBytes; bytes += 60) many += client_frame(kText, "{\"id\":1}");
  session_->on_input(many);
  EXPECT_FALSE(outlet_.closed());
  EXPECT_GT(outlet_.take().size(), 2 * kReplyBytes);
}

TEST_F(WebsocketEndpoint, what_is_incomplete_for_too_long_is_closed) {
  const std::string whole = client_frame(kText, R"({"op":"unsubscribe","id":1,"topics":["a"]})");
  const std::string starts[] = {whole.substr(0, 1), whole.substr(0, 5), whole.substr(0, 20),
                                client_frame(kPing, "x").substr(0, 3), client_frame(kFirstOfText, "")};
  std::uint64_t closed = 0;
  for (const std::string& start : starts) {
    KeepingOutlet outlet;
    session_ = open_on(outlet);
    pass(5s);
    session_->on_input(start);
    pass(kMessageTime - kTick);
    EXPECT_FALSE(outlet.closed());
    outlet.take();
    pass(kTick);
    EXPECT_TRUE(outlet.closed());
    EXPECT_EQ(read_frames(outlet.take()), std::vector{close_with(1008, "timeout")});
    EXPECT_EQ(reached(Limit::message_time), ++closed);
    session_.reset();
  }
}

TEST_F(WebsocketEndpoint, neither_bytes_nor_pings_nor_empty_fragments_put_the_deadline_off) {
  open({});
  receive(kFirstOfText, "{");
  for (Instant passed{}; passed < kMessageTime - 1s; passed += 500ms) {
    receive(kContinuation, "");
    receive(kPing, "");
    receive(kContinuation, " ");
    pass(500ms);
    ASSERT_FALSE(outlet_.closed());
  }
  pass(1s);
  EXPECT_TRUE(outlet_.closed());
}

TEST_F(WebsocketEndpoint, each_message_has_its_own_time) {
  open({});
  const std::string message = client_frame(kText, "[]"), ping = client_frame(kPing, "x");
  session_->on_input(message.substr(0, 4));
  for (int i = 0; i < 4; ++i) {  // never is there nothing incomplete
    pass(kMessageTime / 2);
    session_->on_input(message.substr(4) + ping.substr(0, 3));
    pass(kMessageTime / 2);
    session_->on_input(ping.substr(3) + message.substr(0, 4));
  }
  EXPECT_FALSE(outlet_.closed());
  EXPECT_EQ(reached(Limit::message_time), 0u);
}

TEST_F(WebsocketEndpoint, messages_that_are_incomplete_are_bounded_together) {
  const std::string part(400'000,
                         ' ');  // the bound of this fixture is 1 MiB; a string that grows may take twice as much
  const auto long_frame = [](int first, std::string_view payload) {
    std::string out(1, static_cast<char>(first));
    out += '\xFF';
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(payload.size() >> shift);
    return out.append(4, '\0').append(payload);
  };
  open({});
  auto first = std::move(session_);
  first->on_input(long_frame(kFirstOfText, part));
  EXPECT_GE(incomplete_.bytes, part.size());
  EXPECT_LE(incomplete_.bytes, 2 * part.size());
  const std::size_t of_first = incomplete_.bytes;

  KeepingOutlet other_outlet;
  auto other = open_on(other_outlet);
  const std::string more = long_frame(kFirstOfText, part) + long_frame(kContinuation, std::string(200'000, ' '));
  other->on_input(more);
  EXPECT_EQ(read_frames(other_outlet.take()), std::vector{close_with(1013, "too_many")});
  EXPECT_TRUE(other_outlet.closed());
  EXPECT_EQ(reached(Limit::messages_bytes), 1u);
  other.reset();
  EXPECT_EQ(incomplete_.bytes, of_first);

  // The first goes on; a message that comes whole is never refused.
  outlet_.take();
  first->on_input(client_frame(0x80, "[]"));
  EXPECT_EQ(incomplete_.bytes, 0u);
  EXPECT_EQ(messages().at(0)["code"], "bad_message");
  EXPECT_FALSE(outlet_.closed());
  first->on_input(client_frame(kFirstOfText, "{"));
  EXPECT_GT(incomplete_.bytes, 0u);
  first.reset();
  EXPECT_EQ(incomplete_.bytes, 0u);
}

TEST_F(WebsocketEndpoint, a_broken_protocol_gives_its_bytes_back) {
  open({});
  receive(kFirstOfText, "{");
  receive(kText, "{");
  EXPECT_TRUE(outlet_.closed());
  session_.reset();
  EXPECT_EQ(incomplete_.bytes, 0u);
}

}  // namespace
}  // namespace fieldcast::websocket::test

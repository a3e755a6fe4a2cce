// Commands over a WebSocket: their answers, between the batches of its stream.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "gateway/limits.hpp"
#include "tests/unit/websocket_session_fixture.hpp"

namespace fieldcast::websocket::test {
namespace {

std::string publish_message(int id) {
  return R"({"op":"publish","id":)" + std::to_string(id) + "}";
}

TEST_F(WebsocketSession, commands_are_answered_as_they_are_acknowledged_and_the_stream_goes_on) {
  open({{"topic", "a"}});
  say(publish_message(1));
  say(R"({"op":"publish","id":"two"})");
  EXPECT_EQ(publisher_.command(1).payload, R"({"op":"publish","id":"two"})")
      << "the command's own parser reads all of it";
  publish("a", "7");
  settle();
  EXPECT_EQ(values(messages()), std::vector<int>{7});
  publisher_.finish(1);
  settle();
  publisher_.finish(0, Problem{Code::refused, "not allowed", 135});
  settle();
  const auto answers = frames();
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers[0].payload, R"({"type":"published","id":"two"})");
  const Json refused = Json::parse(answers[1].payload);
  EXPECT_EQ(
      refused,
      Json({{"type", "error"}, {"id", 1}, {"code", "refused"}, {"message", "not allowed"}, {"reason_code", 135}}));
  EXPECT_EQ(problems(Code::refused), 1u);
}

TEST_F(WebsocketSession, what_is_no_command_is_an_error_with_its_id) {
  open({});
  say(R"({"op":"publish","id":9,"payload":"bad"})");
  const auto answers = messages();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0]["id"], 9);
  EXPECT_EQ(answers[0]["code"], "bad_message");
  EXPECT_EQ(answers[0].count("reason_code"), 0u);
  EXPECT_EQ(publisher_.commands(), 0u);
}

TEST_F(WebsocketSession, commands_that_wait_are_bounded) {
  open({});
  for (std::size_t i = 0; i <= kPendingPublishes; ++i) say(publish_message(static_cast<int>(i)));
  const auto answers = messages();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0]["id"], kPendingPublishes);
  EXPECT_EQ(answers[0]["code"], "too_many");
  EXPECT_EQ(publisher_.commands(), kPendingPublishes);
  publisher_.finish(0);
  settle();
  EXPECT_EQ(messages().at(0)["id"], 0);
  say(publish_message(100));
  EXPECT_EQ(publisher_.commands(), kPendingPublishes + 1);
}

TEST_F(WebsocketSession, answers_to_commands_wait_for_the_socket) {
  open({});
  say(publish_message(1));
  outlet_.fill();
  receive(kPing, "x");  // fills the socket
  outlet_.take();
  publisher_.finish(0);
  settle();
  EXPECT_TRUE(frames().empty());
  outlet_.drain();
  session_->on_drained();
  EXPECT_EQ(messages().at(0)["type"], "published");
}

TEST_F(WebsocketSession, a_connection_that_goes_leaves_its_commands_alone) {
  open({});
  say(publish_message(1));
  session_.reset();
  publisher_.finish(0);
  settle();
  EXPECT_TRUE(frames().empty());
}

TEST_F(WebsocketSession, a_stop_tells_of_commands_that_have_no_answer_yet) {
  open({});
  say(publish_message(1));
  session_->on_stop();
  const auto last = frames();
  ASSERT_EQ(last.size(), 3u);
  EXPECT_EQ(Json::parse(last[0].payload)["type"], "readings");
  EXPECT_EQ(Json::parse(last[1].payload)["id"], 1);
  EXPECT_EQ(Json::parse(last[1].payload)["code"], "timeout");
  EXPECT_EQ(last[2], close_with(1001, "stopping"));
  publisher_.finish(0);
  settle();
  EXPECT_TRUE(frames().empty());
}

}  // namespace
}  // namespace fieldcast::websocket::test

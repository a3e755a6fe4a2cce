// The WebSocket session, on the real log, hub and stream.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/websocket/session.hpp"
#include "tests/unit/websocket_session_fixture.hpp"

namespace fieldcast::websocket::test {
namespace {

TEST_F(WebsocketSession, a_faulty_handshake_sends_nothing) {
  EXPECT_EQ(websocket::open("GET /v1/ws HTTP/1.1\r\nHost: localhost\r\n\r\n", {}, {}, hub_, publications_, incomplete_,
                            outlet_),
            nullptr);
  EXPECT_EQ(outlet_.sends(), 0);
  EXPECT_EQ(counted().clients.value(), 0u);
}

TEST_F(WebsocketSession, filters_in_the_url_are_a_subscription_with_the_id_null) {
  publish("a/1", "1");
  publish("b/1", "2");
  publish("a/2", "3");
  settle();
  const auto first = parse(open({{"topic", "a/+"}, {"from", "oldest"}}));
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(values(first), (std::vector<int>{1, 3}));
  EXPECT_EQ(first[1]["type"], "subscribed");
  EXPECT_EQ(first[1]["id"], nullptr);
  EXPECT_EQ(first[1]["topics"], Json({"a/+"}));
  EXPECT_EQ(first[1]["cursor"], first[0]["cursor"]);
  publish("b/1", "4");
  publish("a/1", "5");
  settle();
  EXPECT_EQ(values(messages()), std::vector<int>{5});
}

TEST_F(WebsocketSession, without_filters_an_empty_batch_comes_at_once_and_no_reading) {
  const auto first = parse(open({}));
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0]["type"], "readings");
  EXPECT_TRUE(first[0]["readings"].empty());
  EXPECT_FALSE(first[0]["cursor"].get<std::string>().empty());
  publish("a", "1");
  settle();
  EXPECT_TRUE(frames().empty());
}

TEST_F(WebsocketSession, what_is_wrong_with_the_url_is_told_before_the_close) {
  const struct {
    Query query;
    const char* code;
  } cases[] = {
      {{{"topic", "a/#/b"}}, "bad_filter"},
      {{{"topic", "a"}, {"from", "yesterday"}}, "bad_from"},
      {{{"from", "latest"}}, "bad_request"},
      {{{"topic", "a"}, {"limit", "5"}}, "bad_request"},
      {{{"topic", "a"}, {"heartbeat", "61"}}, "bad_request"},
  };
  for (const auto& [query, code] : cases) {
    KeepingOutlet outlet;
    std::swap(outlet, outlet_);
    const auto sent = open(query);
    ASSERT_EQ(sent.size(), 2u) << code;
    const Json error = Json::parse(sent[0].payload);
    EXPECT_EQ(error["type"], "error");
    EXPECT_EQ(error["id"], nullptr);
    EXPECT_EQ(error["code"], code);
    EXPECT_FALSE(error["message"].get<std::string>().empty());
    EXPECT_EQ(sent[1], close_with(1008, code));
    EXPECT_FALSE(outlet_.closed());
    receive(kClose, sent[1].payload);
    EXPECT_TRUE(outlet_.closed());
  }
  EXPECT_EQ(problems(Code::bad_request), 3u);
  EXPECT_EQ(problems(Code::bad_filter), 1u);
}

TEST_F(WebsocketSession, over_a_limit_it_closes_with_1013) {
  limits_.views = 0;
  const auto sent = open({{"topic", "a"}});
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(Json::parse(sent[0].payload)["code"], "too_many");
  EXPECT_EQ(sent[1], close_with(1013, "too_many"));
}

TEST_F(WebsocketSession, a_refused_client_is_told_why_in_the_websocket) {
  const auto sent = open({{"topic", "a"}}, Problem{Code::stopping, "the gateway stops"});
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(Json::parse(sent[0].payload)["message"], "the gateway stops");
  EXPECT_EQ(sent[1], close_with(1001, "stopping"));
  EXPECT_EQ(counted().streams.value(), 0u);
}

TEST_F(WebsocketSession, subscribe_and_unsubscribe_are_answered_with_their_id) {
  open({});
  say(R"({"op":"subscribe","id":"one","topics":["a","b"]})");
  auto answers = messages();
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers[0]["type"], "readings");
  EXPECT_EQ(answers[1]["type"], "subscribed");
  EXPECT_EQ(answers[1]["id"], "one");
  EXPECT_EQ(answers[1]["topics"], Json({"a", "b"}));

  say(R"({"op":"unsubscribe","id":2,"topics":["b"]})");
  answers = messages();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0]["type"], "unsubscribed");
  EXPECT_EQ(answers[0]["id"], 2);
  EXPECT_EQ(answers[0]["topics"], Json({"a"}));
  publish("b", "1");
  publish("a", "2");
  settle();
  EXPECT_EQ(values(messages()), std::vector<int>{2});
}

TEST_F(WebsocketSession, a_faulty_message_is_an_error_and_the_connection_stays) {
  open({{"topic", "a"}});
  const std::pair<const char*, Json> cases[] = {
      {"hello", {nullptr, "bad_message"}},
      {R"({"op":"subscribe","topics":["a"]})", {nullptr, "bad_message"}},
      {R"({"op":"dance","id":1})", {1, "bad_message"}},
      {R"({"op":"subscribe","id":2,"topics":["#a"]})", {2, "bad_filter"}},
      {R"({"op":"subscribe","id":3,"topics":["b"],"from":"oldest"})", {3, "bad_from"}},  // there is a stream already
  };
  for (const auto& [text, expected] : cases) {
    say(text);
    const auto sent = messages();
    ASSERT_EQ(sent.size(), 1u) << text;
    EXPECT_EQ(sent[0]["type"], "error");
    EXPECT_EQ(Json({sent[0]["id"], sent[0]["code"]}), expected) << text;
  }
  publish("a", "1");
  settle();
  EXPECT_EQ(values(messages()), std::vector<int>{1});
  EXPECT_EQ(problems(Code::bad_message), 3u);
}

TEST_F(WebsocketSession, a_binary_message_closes_with_1003) {
  open({});
  receive(kBinary, "x");
  EXPECT_EQ(frames(), std::vector<Frame>{close_with(1003, "bad_message")});
  EXPECT_FALSE(outlet_.closed());
  pass(kCloseWait);
  EXPECT_TRUE(outlet_.closed());
}

TEST_F(WebsocketSession, a_broken_protocol_closes_at_once) {
  open({{"topic", "a"}});
  session_->on_input("\x81\x05Hello");  // not masked
  EXPECT_EQ(frames(), std::vector<Frame>{close_with(1002, "bad_message")});
  EXPECT_TRUE(outlet_.closed());
  publish("a", "1");
  settle();  // the outlet fails the test were anything sent
}

TEST_F(WebsocketSession, a_message_that_is_too_long_closes_with_1009) {
  open({});
  session_->on_input(std::string_view("\x81\xFF\0\0\0\0\0\x0A\0\x01\0\0\0\0", 14));  // 640 KiB and one byte
  EXPECT_EQ(frames(), std::vector<Frame>{close_with(1009, "too_large")});
  EXPECT_TRUE(outlet_.closed());
  EXPECT_EQ(problems(Code::too_large), 1u);
}

TEST_F(WebsocketSession, a_close_is_echoed_and_nothing_follows) {
  for (const std::string& payload : {std::string(), close_with(1000, "done").payload, close_with(4321, "").payload}) {
    KeepingOutlet outlet;
    std::swap(outlet, outlet_);
    open({{"topic", "a"}});
    publish("a", "1");
    session_->on_input(client_frame(kClose, payload) + client_frame(kPing, "later"));
    EXPECT_EQ(frames(), (std::vector<Frame>{{kClose, payload.substr(0, 2)}}));
    EXPECT_TRUE(outlet_.closed());
    settle();
    pass(60s);
    session_->on_stop();
  }
}

TEST_F(WebsocketSession, an_outlet_may_be_drained_within_send) {
  open({{"topic", "a"}});
  outlet_.be_eager(*session_);
  outlet_.fill();
  publish("a", "1");
  settle();
  publish("a", "2");
  settle();
  outlet_.drain();
  receive(kPing, "x");
  const auto sent = frames();
  ASSERT_EQ(sent.size(), 3u);
  EXPECT_EQ(sent[1], (Frame{kPong, "x"}));
  EXPECT_EQ(values(parse({sent[0], sent[2]})), (std::vector<int>{1, 2}));

  outlet_.fill();
  publish("a", "3");
  settle();
  publish("a", "4");
  settle();
  frames();
  outlet_.drain();
  receive(kClose, "");
  EXPECT_EQ(frames(), (std::vector<Frame>{{kClose, ""}})) << "no data behind a close frame";
}

TEST_F(WebsocketSession, no_data_follows_a_close_frame_of_ours) {
  open({{"topic", "a"}});
  session_->on_stop();
  frames();
  publish("a", "1");
  settle();
  receive(kPing, "x");
  receive(kText, "hello");
  session_->on_drained();
  session_->on_stop();
  EXPECT_TRUE(frames().empty());
  EXPECT_FALSE(outlet_.closed());
  pass(kCloseWait - kTick);
  EXPECT_FALSE(outlet_.closed());
  pass(kTick);
  EXPECT_TRUE(outlet_.closed());
}

TEST_F(WebsocketSession, a_stop_is_a_batch_and_1001) {
  open({{"topic", "a"}});
  session_->on_stop();
  const auto sent = frames();
  ASSERT_EQ(sent.size(), 2u);
  const Json batch = Json::parse(sent[0].payload);
  EXPECT_TRUE(batch["readings"].empty());
  EXPECT_FALSE(batch["cursor"].get<std::string>().empty());
  EXPECT_EQ(sent[1], close_with(1001, "stopping"));
}

TEST_F(WebsocketSession, a_ping_is_answered) {
  open({});
  session_->on_input(client_frame(kPing, "one") + client_frame(kPing, "") + client_frame(kPing, "three"));
  EXPECT_EQ(frames(), (std::vector<Frame>{{kPong, "one"}, {kPong, ""}, {kPong, "three"}}));
}

TEST_F(WebsocketSession, while_the_socket_takes_no_bytes_readings_stay_in_the_log) {
  open({{"topic", "a"}});
  outlet_.fill();
  publish("a", "0");
  settle();
  const int sends = outlet_.sends();
  std::vector<int> expected{0};
  for (int value = 1; value <= 50; ++value) {
    expected.push_back(value);
    publish("a", std::to_string(value));
    settle();
  }
  receive(kPing, "first");
  receive(kPing, "last");
  say("nonsense");
  pass(5s);
  EXPECT_EQ(outlet_.sends(), sends);
  outlet_.drain();
  session_->on_drained();
  EXPECT_LE(outlet_.sends(), sends + 2) << "one write for what waited to be answered, one for all batches";
  auto sent = frames();
  ASSERT_EQ(sent.size(), 1u + 2u + 50u);
  EXPECT_EQ(Json::parse(sent[1].payload)["type"], "error");
  EXPECT_EQ(sent[2], (Frame{kPong, "last"}));
  sent.erase(sent.begin() + 1, sent.begin() + 3);
  EXPECT_EQ(values(parse(sent)), expected);
}

TEST_F(WebsocketSession, a_client_that_sends_without_reading_is_closed) {
  open({});
  outlet_.fill();
  receive(kPing, "");  // its pong fills the socket
  for (int i = 0; i < 100'000 && outlet_.sends() < 4; ++i) receive(kText, "nonsense");
  const std::string bytes = outlet_.take();
  EXPECT_GT(bytes.size(), kReplyBytes);
  EXPECT_LT(bytes.size(), kReplyBytes + 1024);
  EXPECT_EQ(read_frames(bytes).back(), close_with(1008, "too_many"));
  EXPECT_EQ(problems(Code::too_many), 1u);
  EXPECT_EQ(reached(Limit::replies_bytes), 1u);
}

TEST_F(WebsocketSession, a_batch_is_the_same_bytes_for_all_clients) {
  open({{"topic", "a"}});
  KeepingOutlet second_outlet;
  const std::vector<Parameter> parameters{{"topic", "a", false}};
  auto second = websocket::open("GET / HTTP/1.1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", parameters, {},
                                hub_, publications_, incomplete_, second_outlet);
  second_outlet.take();
  publish("a", "[" + std::string(70'000, '1') + "]");
  settle();
  const std::string bytes = outlet_.take();
  EXPECT_EQ(second_outlet.take(), bytes);
  EXPECT_EQ(read_frames(bytes).size(), 1u);
}

TEST_F(WebsocketSession, a_quiet_stream_sends_a_batch_each_heartbeat) {
  for (const Query& query : {Query{{"topic", "a"}, {"heartbeat", "2"}}, Query{{"heartbeat", "2"}}}) {
    KeepingOutlet outlet;
    std::swap(outlet, outlet_);
    open(query);
    publish("b", "1");  // does not match, but moves the cursor
    settle();
    pass(1500ms);
    EXPECT_TRUE(frames().empty());
    pass(500ms);
    const auto sent = messages();
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_TRUE(sent[0]["readings"].empty());
    pass(10s);
    EXPECT_GE(frames().size(), 5u);
  }
}

TEST_F(WebsocketSession, a_batch_puts_the_heartbeat_off) {
  open({{"topic", "a"}, {"heartbeat", "2"}});
  pass(1500ms);
  publish("a", "1");
  settle();
  EXPECT_EQ(frames().size(), 1u);
  pass(1500ms);
  EXPECT_TRUE(frames().empty());
}

TEST_F(WebsocketSession, a_client_that_answers_pings_stays) {
  open({{"heartbeat", "60"}});
  int pings = 0;
  for (Instant time = 0s; time < 10 * kPingInterval; time += kTick) {
    pass(kTick);
    for (const Frame& frame : frames()) {
      if (frame.first != kPing) continue;
      ++pings;
      receive(kPong, frame.payload);
    }
  }
  EXPECT_GE(pings, 9);
  EXPECT_FALSE(outlet_.closed());
}

TEST_F(WebsocketSession, a_client_that_answers_no_ping_is_closed) {
  open({});
  pass(kPingInterval);
  EXPECT_EQ(frames().back().first, kPing);
  for (Instant time = 0s; time < 2 * kPingInterval; time += kTick) {
    receive(kPing, "");  // alive, but answers nothing
    EXPECT_FALSE(outlet_.closed());
    pass(kTick);
  }
  EXPECT_EQ(frames().back(), close_with(1008, "timeout"));
  EXPECT_EQ(problems(Code::timeout), 1u);
  EXPECT_EQ(reached(Limit::unanswered_pings), 1u);
  pass(kCloseWait);
  EXPECT_TRUE(outlet_.closed());
}

TEST_F(WebsocketSession, the_wait_for_pongs_pauses_while_the_socket_takes_no_bytes) {
  open({{"topic", "a"}});
  pass(kPingInterval + kPingInterval / 2);
  frames();
  outlet_.fill();
  publish("a", "1");
  settle();
  frames();
  pass(1h);
  EXPECT_TRUE(frames().empty());
  outlet_.drain();
  session_->on_drained();
  pass(kPingInterval + kPingInterval / 4);
  for (const Frame& frame : frames()) EXPECT_NE(frame.first, kClose);
  pass(kPingInterval / 2);
  EXPECT_EQ(frames().back(), close_with(1008, "timeout"));
}

TEST_F(WebsocketSession, is_subscribed_before_its_client_can_read_the_answer) {
  outlet_.meanwhile([this] { publish("a", "7"); });
  std::vector<Frame> sent = open({{"topic", "a"}});
  settle();
  for (Frame& frame : frames()) sent.push_back(std::move(frame));
  EXPECT_EQ(values(parse(sent)), std::vector<int>{7});
}

TEST_F(WebsocketSession, a_client_that_lags_is_disconnected_with_a_cursor_that_stays_good) {
  limits_.slow_client = SlowClient::disconnect;
  open({{"topic", "a"}});
  outlet_.fill();
  publish("a", "1");
  settle();
  const std::string cursor = messages().back()["cursor"];
  publish("a", "2");
  settle();
  for (Instant waited{0}; waited <= limits_.client_lag; waited += kTick) {
    pass(kTick);
    hub_.tick();
  }
  EXPECT_TRUE(frames().empty());
  outlet_.drain();
  session_->on_drained();
  const std::vector<Frame> last = frames();
  ASSERT_EQ(last.size(), 2u);
  const Json error = Json::parse(last[0].payload);
  EXPECT_EQ(error["type"], "error");
  EXPECT_EQ(error["code"], "slow");
  EXPECT_EQ(last[1], close_with(1013, "slow"));
  EXPECT_EQ(problems(Code::slow), 1u);
  pass(kCloseWait);
  EXPECT_TRUE(outlet_.closed());

  outlet_ = KeepingOutlet();
  EXPECT_EQ(values(parse(open({{"topic", "a"}, {"from", cursor}}))), std::vector<int>{2});
}

TEST_F(WebsocketSession, counts_clients_streams_batches_and_readings) {
  open({{"topic", "a"}});
  EXPECT_EQ(counted().clients.value(), 1u);
  EXPECT_EQ(counted().streams.value(), 1u);
  EXPECT_EQ(counted().batches.value(), 1u);  // the answer is none
  const std::uint64_t bytes = counted().bytes.value();
  publish("a", "1");
  publish("a", "2");
  settle();
  EXPECT_EQ(counted().readings.value(), 2u);
  EXPECT_EQ(counted().bytes.value(), bytes + outlet_.take().size());
  session_.reset();
  EXPECT_EQ(counted().clients.value(), 0u);
}

}  // namespace
}  // namespace fieldcast::websocket::test

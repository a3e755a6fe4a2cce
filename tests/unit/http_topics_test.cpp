// The list of topics behind a real socket, also where it takes several turns.
#include <gtest/gtest.h>

#include "tests/unit/http_server_fixture.hpp"

namespace fieldcast::http {
namespace {

class HttpTopics : public HttpServer {
 protected:
  void append_many() {
    for (std::size_t i = 0; i <= kChunksPerTurn * kSnapshotScan; ++i) append("t/" + std::to_string(i), "1");
    append("t/x/last", "2");
  }

  /// Begins a page that takes another turn, and comes back when it waits for that; none comes before turn().
  void begin_many(Client& client, const std::string& fields = "") {
    run([this] {
      hub_->run();
      turn_ = std::exchange(wakeup_.shard, [this] { waiting_ = true; });
    });
    client.get("/v1/topics?topic=%2B/%2B/last", fields);
    ASSERT_TRUE(until([this] { return waiting_.load(); }));
  }
  void turn() {
    run([this] {
      wakeup_.shard = turn_;
      turn_();
    });
  }

 private:
  std::function<void()> turn_;
  std::atomic<bool> waiting_{false};
};

TEST_F(HttpTopics, AnswersAtOnceWithLengthAndKeepsTheConnection) {
  append("a/b", "1");
  append("a/b", "2");
  Client client(start());
  for (const char* target : {"/v1/topics", "/v1/topics?topic=a/%23", "/v1/topics?topic=a/+&limit=1&after=a%2Fa"}) {
    client.get(target);
    const auto answer = read_answer(client);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.field("Content-Type"), "application/json");
    EXPECT_EQ(answer.field("Cache-Control"), "no-store, no-transform");
    ASSERT_EQ(answer.json()["topics"].size(), 1u) << target;
    EXPECT_EQ(answer.json()["topics"][0]["count"], 2);
    EXPECT_EQ(answer.json()["topics"][0]["latest"]["payload"], 2);
  }
  client.send("HEAD /v1/topics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(read_head(client).field("Content-Type"), "application/json");
  client.send("GET /v1/topics HTTP/1.0\r\n\r\n");
  EXPECT_EQ(read_answer(client).field("Connection"), "close");
  EXPECT_EQ(client.read_to_end(), "");
}

TEST_F(HttpTopics, InAfterAPlusIsASpace) {
  append("a b", "1");
  append("a!", "1");
  start();
  EXPECT_EQ(ask("/v1/topics?after=a+b").json()["topics"].size(), 1u);
  EXPECT_EQ(ask("/v1/topics?after=a%2Bb").json()["topics"].size(), 0u);
}

TEST_F(HttpTopics, WhatTakesSeveralTurnsIsAnsweredWhole) {
  append_many();
  Client client(start());
  begin_many(client, "Origin: https://page.example\r\n");
  client.get("/healthz");
  turn();
  const auto answer = read_answer(client);
  ASSERT_EQ(answer.json()["topics"].size(), 1u);
  EXPECT_EQ(answer.json()["topics"][0]["topic"], "t/x/last");
  EXPECT_EQ(answer.field("Access-Control-Allow-Origin"), "https://page.example");
  EXPECT_EQ(read_answer(client).body, "ok\n") << "what came behind it comes after it";
}

TEST_F(HttpTopics, OneThatIsUnderWayAtAStopIsAnsweredAndClosed) {
  append_many();
  Client client(start());
  begin_many(client);
  std::promise<void> gone;
  run([&] {
    acceptor_->stop();
    server_->stop([&] { gone.set_value(); });
  });
  turn();
  const auto answer = read_answer(client);
  EXPECT_EQ(answer.json()["topics"].size(), 1u);
  EXPECT_EQ(answer.field("Connection"), "close");
  EXPECT_EQ(client.read_to_end(), "");
  client.leave();
  EXPECT_EQ(gone.get_future().wait_for(20s), std::future_status::ready);
}

TEST_F(HttpTopics, AClientThatLeavesMeanwhileIsForgotten) {
  append_many();
  Client client(start());
  begin_many(client);
  client.leave();
  EXPECT_TRUE(until([&] { return counters_.connections.value() == 0; }));
  turn();
  EXPECT_EQ(ask("/healthz").status, 200);
}

TEST_F(HttpTopics, OverTheLimitItIsRefused) {
  limits_.connections = 1;
  const Client first(start());
  ASSERT_TRUE(until([&] { return counters_.connections.value() == 1; }));
  const auto answer = ask("/v1/topics");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.json()["code"], "too_many");
}

}  // namespace
}  // namespace fieldcast::http

// [W-2], [W-3], [W-5] to [W-10]: what a WebSocket client asks for, and what it gets.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/contract/transports.hpp"
#include "tests/support/websocket_subscriber.hpp"

namespace fieldcast::test {
namespace {

Hall& hall() {
  return shared_hall();
}

/// All batches up to the answer, and the answer.
struct Until {
  std::vector<Batch> batches;
  nlohmann::json answer;
};
Until until_answer(WebSocketSubscriber& client) {
  Until found;
  while (auto received = client.next()) {
    if (!received->batch) {
      found.answer = received->answer;
      return found;
    }
    found.batches.push_back(std::move(*received->batch));
  }
  throw std::runtime_error("closed");
}

std::vector<nlohmann::json> payloads(const std::vector<Batch>& batches) {
  std::vector<nlohmann::json> found;
  for (const auto& batch : batches)
    for (const auto& reading : batch.readings) found.push_back(reading.payload);
  return found;
}

// [W-2], [W-5]
TEST(UrlSubscription, IsAnsweredWithTheIdNull) {
  const auto topic = hall().topic();
  hall().publish(topic, "1");
  WebSocketSubscriber client(hall().port(), "?topic=" + topic + "&from=oldest");
  const auto found = until_answer(client);
  EXPECT_EQ(payloads(found.batches), std::vector<nlohmann::json>{1})
      << "all that `from` asks for comes before the answer";
  EXPECT_EQ(found.answer.at("type"), "subscribed");
  EXPECT_TRUE(found.answer.at("id").is_null());
  EXPECT_EQ(found.answer.at("topics"), nlohmann::json({topic}));
  EXPECT_EQ(found.answer.at("cursor"), found.batches.back().cursor);
}

// [W-3]
TEST(WithoutFilters, ThereAreEmptyBatchesOnly) {
  Hall own;
  WebSocketSubscriber client(own.port(), "?heartbeat=1");
  own.publish("a", "1");
  own.broker().stop();
  const auto watching = own.open(Transport::poll, {{"x"}, "oldest", ""});
  for (bool down = false; !down;)
    for (const auto& link : watching->batch().links) down = down || link.state == "down";
  std::string cursor;
  for (int i = 0; i < 3; ++i) {
    const auto batch = client.batch();
    EXPECT_TRUE(batch.readings.empty()) << batch.raw;
    EXPECT_TRUE(batch.links.empty()) << batch.raw;
    EXPECT_FALSE(batch.gap) << batch.raw;
  }
}

// [W-6]
TEST(Id, ComesBackAsItWas) {
  WebSocketSubscriber client(hall().port());
  for (const std::string id :
       {"0", "-7", "1.5", "9007199254740993", "\"\"", "\"two\"", "\"\\u00e9\\n\"", "18446744073709551615"}) {
    client.client().send(R"({"op":"subscribe","id":)" + id + R"(,"topics":["x"]})");
    const auto found = until_answer(client);
    EXPECT_EQ(found.answer.at("type"), "subscribed") << id;
    EXPECT_EQ(found.answer.at("id"), nlohmann::json::parse(id));
  }
}

// [W-6], [W-7]
TEST(BadMessage, IsAnErrorAndTheConnectionStaysOpen) {
  WebSocketSubscriber client(hall().port());
  struct {
    std::string text;
    nlohmann::json id;
  } const cases[] = {
      {"", nullptr},
      {"nonsense", nullptr},
      {"[]", nullptr},
      {"null", nullptr},
      {"{}", nullptr},
      {R"({"op":"subscribe","topics":["a"]})", nullptr},
      {R"({"op":"subscribe","id":null,"topics":["a"]})", nullptr},
      {R"({"op":"subscribe","id":{},"topics":["a"]})", nullptr},
      {R"({"op":"subscribe","id":true,"topics":["a"]})", nullptr},
      {R"({"id":1,"topics":["a"]})", 1},
      {R"({"op":"dance","id":2,"topics":["a"]})", 2},
      {R"({"op":"shout","id":2,"topic":"a","payload":1})", 2},
      {R"({"op":7,"id":2,"topics":["a"]})", 2},
      {R"({"op":"subscribe","id":3})", 3},
      {R"({"op":"subscribe","id":4,"topics":"a"})", 4},
      {R"({"op":"subscribe","id":5,"topics":[]})", 5},
      {R"({"op":"subscribe","id":6,"topics":["a",1]})", 6},
      {R"({"op":"subscribe","id":7,"topics":[["a"]]})", 7},
      {R"({"op":"subscribe","id":8,"topics":["a"],"from":5})", 8},
      {R"({"op":"unsubscribe","id":9})", 9},
      {R"({"op":"subscribe","id":"ten","topics":["a"]} x)", nullptr},
      {R"({"op":"subscribe","id":11,"topics":["a"],)", nullptr},
      {std::string(10'000, '['), nullptr},
  };
  for (const auto& [text, id] : cases) {
    client.client().send(text);
    const auto error = client.error();
    EXPECT_EQ(error.at("code"), "bad_message") << text;
    EXPECT_EQ(error.at("id"), id) << text;
    EXPECT_NE(error.at("message"), "") << text;
  }
  client.send({{"op", "subscribe"}, {"id", 1}, {"topics", {"a"}}, {"from", ""}});
  EXPECT_EQ(client.error().at("code"), "bad_from");
  EXPECT_EQ(client.subscribe({"a"}, "").at("topics"), nlohmann::json({"a"}))
      << "it is still open, and nothing was subscribed";
}

TEST(UnknownMembers, AreIgnored) {
  WebSocketSubscriber client(hall().port());
  client.client().send(R"({"op":"subscribe","id":1,"topics":["a"],"from":"now","future":{"a":[1]}})");
  EXPECT_EQ(until_answer(client).answer.at("type"), "subscribed");
}

// [W-8]
TEST(Subscribe, OnAStreamWithoutFiltersTakesAnyFrom) {
  const auto topic = hall().topic();
  hall().publish(topic, "1");
  hall().publish(topic, "2");
  WebSocketSubscriber client(hall().port());
  const auto before = client.batch().cursor;
  hall().publish(topic, "3");
  for (const auto& [from, expected] :
       std::vector<std::pair<std::string, std::vector<nlohmann::json>>>{{"oldest", {1, 2, 3}},
                                                                        {"-1h", {1, 2, 3}},
                                                                        {"latest", {3}},
                                                                        {"now", {}},
                                                                        {"1970-01-01T00:00:00Z", {1, 2, 3}},
                                                                        {before, {3}}}) {
    client.send({{"op", "subscribe"}, {"id", from}, {"topics", {topic}}, {"from", from}});
    const auto found = until_answer(client);
    EXPECT_EQ(payloads(found.batches), expected) << from;
    EXPECT_EQ(found.answer.at("id"), from);
    EXPECT_EQ(client.unsubscribe({topic}).at("topics"), nlohmann::json::array());
  }
}

// [W-8]
TEST(Subscribe, OnAStreamWithFiltersTakesNowOrLatest) {
  const auto a = hall().topic("a"), b = hall().topic("b");
  hall().publish(b, "0");
  WebSocketSubscriber client(hall().port(), "?topic=" + a);
  const auto cursor = until_answer(client).answer.at("cursor").get<std::string>();
  for (const std::string& from :
       {std::string("oldest"), std::string("-10m"), cursor, std::string("2026-01-01T00:00:00Z")}) {
    client.send({{"op", "subscribe"}, {"id", 1}, {"topics", {b}}, {"from", from}});
    EXPECT_EQ(client.error().at("code"), "bad_from") << from;
  }
  EXPECT_EQ(client.subscribe({b}, "now").at("topics"), nlohmann::json({a, b}));
  hall().publish(b, "1");
  EXPECT_EQ(client.readings(1).at(0).payload, 1);
  hall().publish(a, "2");
  EXPECT_EQ(client.readings(1).at(0).payload, 2);
  EXPECT_EQ(client.unsubscribe({a, "never/there"}).at("topics"), nlohmann::json({b}));
  hall().publish(a, "3");
  hall().publish(b, "4");
  EXPECT_EQ(client.readings(1).at(0).payload, 4) << "a is not subscribed any more";
}

// [W-9]: first what the old filters match, a replay too, then the snapshot, then the answer, then the new.
TEST(Subscribe, TakesEffectBehindAllThatTheOldFiltersMatch) {
  constexpr int kOld = 2'000;
  const auto a = hall().topic("a"), b = hall().topic("b");
  for (int i = 0; i < kOld; ++i) hall().publisher().send({a, std::to_string(i)});
  hall().publish(b, "\"stored\"");
  WebSocketSubscriber client(hall().port(), "?topic=" + a + "&from=oldest");
  client.send({{"op", "subscribe"}, {"id", "more"}, {"topics", {b}}, {"from", "latest"}});
  int expected = 0;
  bool snapshot_seen = false, url_answered = false;
  for (nlohmann::json answer = nlohmann::json::object(); answer.value("id", nlohmann::json()) != "more";) {
    const auto received = client.next();
    ASSERT_TRUE(received);
    if (!received->batch) {
      answer = received->answer;
      url_answered = url_answered || answer.at("id").is_null();
      continue;
    }
    for (const auto& reading : received->batch->readings) {
      if (reading.topic == a) {
        ASSERT_FALSE(snapshot_seen) << "the replay comes before the snapshot";
        ASSERT_EQ(reading.payload, expected++);
        EXPECT_FALSE(received->batch->snapshot);
      } else {
        EXPECT_TRUE(received->batch->snapshot);
        EXPECT_EQ(reading.payload, "stored");
        snapshot_seen = true;
      }
    }
  }
  EXPECT_EQ(expected, kOld);
  EXPECT_TRUE(snapshot_seen);
  EXPECT_TRUE(url_answered);
  hall().publish(b, "\"live\"");
  EXPECT_EQ(client.readings(1).at(0).payload, "live");
}

// [W-9], [W-10]: while readings pour in, nothing is lost or repeated at the change.
TEST(Subscribe, WithLatestOnALiveStreamHasNoSeam) {
  constexpr int kBefore = 300, kAfter = 300;
  const auto a = hall().topic("a"), b = hall().topic("b");
  WebSocketSubscriber client(hall().port(), "?topic=" + a);
  until_answer(client);
  const auto publish = [&](int i) {
    hall().publisher().send({a, std::to_string(i)});
    hall().publisher().send({b, std::to_string(i)});
  };
  for (int i = 0; i < kBefore; ++i) publish(i);
  client.send({{"op", "subscribe"}, {"id", 1}, {"topics", {b}}, {"from", "latest"}});
  for (int i = kBefore; i < kBefore + kAfter; ++i) publish(i);
  hall().publisher().flush();
  int next_a = 0, next_b = -1, snapshots = 0;
  while (next_a < kBefore + kAfter || next_b < kBefore + kAfter) {
    const auto received = client.next();
    ASSERT_TRUE(received);
    if (!received->batch) continue;
    ASSERT_FALSE(received->batch->gap);
    for (const auto& reading : received->batch->readings) {
      const int number = reading.payload;
      if (reading.topic == a) {
        ASSERT_EQ(number, next_a++);
      } else if (received->batch->snapshot) {
        EXPECT_EQ(++snapshots, 1);
        next_b = number + 1;
      } else {
        next_b = next_b < 0 ? number : next_b;  // no reading of b had come yet when the snapshot was taken
        ASSERT_EQ(number, next_b++);
      }
    }
  }
}

// [W-10]
TEST(Subscribe, AgainWithLatestSendsTheSnapshotAgain) {
  const auto topic = hall().topic();
  hall().publish(topic, "1");
  WebSocketSubscriber client(hall().port());
  for (int i = 0; i < 3; ++i) {
    client.send({{"op", "subscribe"}, {"id", i}, {"topics", {topic}}, {"from", "latest"}});
    const auto found = until_answer(client);
    EXPECT_EQ(payloads(found.batches), std::vector<nlohmann::json>{1}) << i;
    EXPECT_EQ(found.answer.at("topics"), nlohmann::json({topic}));
  }
}

// [W-5]: handed back on any transport, an answer's cursor goes on behind all that came before it.
TEST(Answer, CursorIsWhereEverythingWasDelivered) {
  const auto topic = hall().topic();
  WebSocketSubscriber client(hall().port());
  const auto cursor = client.subscribe({topic}, "oldest").at("cursor").get<std::string>();
  hall().publish(topic, "1");
  EXPECT_EQ(client.readings(1).at(0).payload, 1);
  const auto behind = client.unsubscribe({topic}).at("cursor").get<std::string>();
  hall().publish(topic, "2");
  for (const auto transport : kTransports) {
    const auto all = hall().open(transport, {{topic}, cursor, ""})->readings(2);
    EXPECT_EQ(all[0].payload, 1);
    EXPECT_EQ(hall().open(transport, {{topic}, behind, ""})->readings(1).at(0).payload, 2);
  }
}

}  // namespace
}  // namespace fieldcast::test

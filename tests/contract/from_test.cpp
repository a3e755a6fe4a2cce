// [C-1] to [C-3], [C-5], [F-1], [F-3] to [F-7], [F-11]: where a stream starts. Snapshots are in snapshot_test.cpp.
#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/contract/transports.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/websocket_subscriber.hpp"

namespace fieldcast::test {
namespace {

/// Publishes 0 to count-1, each at a millisecond of its own, and returns them as the log has them.
std::vector<Reading> publish_numbers(Hall& hall, const std::string& topic, int count) {
  for (int i = 0; i < count; ++i) {
    hall.publish(topic, std::to_string(i));
    for (const auto published = now_ms(); now_ms() <= published;) continue;  // at most a millisecond
  }
  return hall.open(Transport::poll, {{topic}, "oldest", ""})->readings(static_cast<std::size_t>(count));
}

class From : public OverTransports {};

// [F-1]
TEST_P(From, NowIsTheDefaultAndStartsWithTheNextReading) {
  const auto topic = hall().topic();
  hall().publish(topic, "0");
  for (const std::string from : {"", "now"}) {
    const auto stream = open({{topic}, from, ""});
    EXPECT_TRUE(stream->batch().readings.empty());
    hall().publish(topic, "1");
    EXPECT_EQ(numbers(stream->readings(1)), std::vector<int>{1});
  }
}

// [F-3]
TEST_P(From, OldestStartsWithTheOldestReadingKept) {
  const auto topic = hall().topic();
  publish_numbers(hall(), topic, 3);
  EXPECT_EQ(numbers(open({{topic}, "oldest", ""})->readings(3)), (std::vector<int>{0, 1, 2}));
}

// [F-4]
TEST_P(From, ASpanStartsWithTheFirstReadingOfThatTimeOrLater) {
  const auto topic = hall().topic();
  publish_numbers(hall(), topic, 3);
  for (const std::string from : {"-3600000ms", "-3600s", "-60m", "-1h", "-1d"})
    EXPECT_EQ(numbers(open({{topic}, from, ""})->readings(3)), (std::vector<int>{0, 1, 2})) << from;
  const auto stream = open({{topic}, "-0s", ""});
  EXPECT_TRUE(stream->batch().readings.empty());
  hall().publish(topic, "3");
  EXPECT_EQ(numbers(stream->readings(1)), std::vector<int>{3});
}

// [F-5]
TEST_P(From, ATimeStartsWithTheFirstReadingOfThatTimeOrLater) {
  const auto topic = hall().topic();
  const auto published = publish_numbers(hall(), topic, 3);
  const auto time = published[1].time;
  const auto since = [&](std::int64_t from) {  // two readings may come in the same millisecond
    std::vector<int> expected;
    for (int i = 0; i < 3; ++i)
      if (published[static_cast<std::size_t>(i)].time >= from) expected.push_back(i);
    return expected;
  };
  const auto got = [&](const Query& query, std::size_t count) {
    return count == 0 ? std::vector<int>{} : numbers(open(query)->readings(count));
  };
  for (const auto& from : {rfc3339(time), rfc3339(time, 1), rfc3339(time, -5), rfc3339(time - 1)})
    EXPECT_EQ(got({{topic}, from, ""}, since(from == rfc3339(time - 1) ? time - 1 : time).size()),
              since(from == rfc3339(time - 1) ? time - 1 : time))
        << from;
  EXPECT_EQ(got({{topic}, rfc3339(time + 1), ""}, since(time + 1).size()), since(time + 1));
  EXPECT_EQ(numbers(open({{topic}, "1970-01-01T00:00:00Z", ""})->readings(3)), (std::vector<int>{0, 1, 2}));
  // A plus in a time is a plus, as it is typed.
  EXPECT_EQ(got({{topic}, "", "&from=" + rfc3339(time, 2)}, since(time).size()), since(time));
  EXPECT_TRUE(open({{topic}, "2999-01-01T00:00:00Z", ""})->batch().readings.empty());
}

// [F-6], [C-1], [C-2], [F-7]
TEST_P(From, ACursorGoesOnOnEveryTransport) {
  const auto topic = hall().topic();
  const auto start = open({{topic}, "", ""})->batch().cursor;
  publish_numbers(hall(), topic, 3);
  const auto first = open({{topic}, start, ""});
  EXPECT_EQ(numbers(first->readings(3)), (std::vector<int>{0, 1, 2}));
  const auto cursor = first->cursor();
  EXPECT_TRUE(is_cursor(cursor)) << cursor;
  hall().publish(topic, "3");
  first->cut();
  for (const auto next : kTransports)
    EXPECT_EQ(numbers(hall().open(next, {{topic}, cursor, ""})->readings(1)), std::vector<int>{3}) << to_string(next);
  const auto gone_on = open({{topic}, cursor, ""});
  EXPECT_EQ(numbers(gone_on->readings(1)), std::vector<int>{3});
  hall().publish(topic, "4");
  EXPECT_EQ(numbers(gone_on->readings(1)), std::vector<int>{4}) << "live behind what was stored";
}

// [C-2]
TEST_P(From, EveryCursorOfAStreamIsGood) {
  const auto topic = hall().topic();
  const auto stream = open({{topic}, "", ""});
  std::vector<std::string> cursors{stream->batch().cursor};
  for (int i = 0; i < 4; ++i) {
    hall().publish(topic, std::to_string(i));
    EXPECT_EQ(numbers(stream->readings(1)), std::vector<int>{i});
    cursors.push_back(stream->cursor());
  }
  for (std::size_t i = 0; i < 4; ++i)
    for (const auto other : kTransports) {
      const auto readings = hall().open(other, {{topic}, cursors[i], ""})->readings(4 - i);
      EXPECT_EQ(readings[0].payload, i) << to_string(other);
    }
}

// [C-3]
TEST_P(From, ACursorIsGoodForOtherFilters) {
  const auto mine = hall().topic("mine"), other = hall().topic("other");
  const auto stream = open({{mine}, "", ""});
  stream->batch();
  hall().publish(other, "1");
  hall().publish(mine, "2");
  EXPECT_EQ(numbers(stream->readings(1)), std::vector<int>{2});
  hall().publish(other, "3");
  hall().publish(mine, "4");
  EXPECT_EQ(numbers(open({{mine, other}, stream->cursor(), ""})->readings(2)), (std::vector<int>{3, 4}));
}

INSTANTIATE_TEST_SUITE_P(C, From, each_transport(), transport_name);

// [C-5], [F-11]
std::vector<std::string> garbage() {
  const auto cursor = shared_hall().open(Transport::poll, {{"x"}, "", ""})->batch().cursor;
  auto mistyped = cursor;
  mistyped[mistyped.size() / 2] = mistyped[mistyped.size() / 2] == 'a' ? 'b' : 'a';
  auto swapped = cursor;
  std::swap(swapped[1], swapped[2]);
  std::vector<std::string> found{"yesterday",
                                 "Now",
                                 "now ",
                                 "0",
                                 "-1",
                                 "-10",
                                 "10m",
                                 "-10y",
                                 "-m",
                                 "--1m",
                                 "-1.5h",
                                 "-99999999999999999999d",
                                 "2026-01-01",
                                 "2026-13-01T00:00:00Z",
                                 "2026-01-01T24:00:00Z",
                                 "2026-02-30T00:00:00Z",
                                 "2026-01-01T00:00:00",
                                 "2026-01-01T00:00:00.Z",
                                 "1764000000123",
                                 "\xF0\x9F\x8C\xA1",
                                 std::string(65, 'a'),
                                 std::string(10'000, 'a'),
                                 cursor.substr(0, cursor.size() - 1),
                                 cursor + "a",
                                 mistyped,
                                 "\"" + cursor + "\""};
  if (swapped != cursor) found.push_back(swapped);
  return found;
}

TEST(BadFrom, IsRefusedOverHttp) {
  for (const auto& from : garbage())
    for (const std::string path : {"/v1/poll", "/v1/events"}) {
      const auto response = http_get(shared_hall().port(), path + "?topic=x&from=" + percent_encoded(from));
      EXPECT_EQ(response.status, 400) << from;
      EXPECT_EQ(nlohmann::json::parse(response.body).at("code"), "bad_from") << from;
    }
}

TEST(BadFrom, IsRefusedByAWebSocket) {
  WebSocketSubscriber asking(shared_hall().port());
  for (const auto& from : garbage()) {
    WebSocketSubscriber client(shared_hall().port(), "?topic=x&from=" + percent_encoded(from));
    const auto error = client.error();
    EXPECT_EQ(error.at("code"), "bad_from") << from;
    EXPECT_TRUE(error.at("id").is_null());
    EXPECT_EQ(client.close_code(), 1008);
    EXPECT_EQ(client.close_reason(), "bad_from");

    asking.send({{"op", "subscribe"}, {"id", 7}, {"topics", {"x"}}, {"from", from}});
    EXPECT_EQ(asking.error().at("code"), "bad_from") << from;
  }
}

}  // namespace
}  // namespace fieldcast::test

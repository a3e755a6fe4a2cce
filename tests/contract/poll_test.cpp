// [P-1] to [P-4]: the long poll.
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tests/contract/transports.hpp"
#include "tests/support/http_client.hpp"

namespace fieldcast::test {
namespace {

std::string target(const std::string& topic, const std::string& more) {
  return "/v1/poll?topic=" + percent_encoded(topic) + more;
}

// [P-1], [P-3]
TEST(Poll, WaitsForTheNextReading) {
  auto& hall = shared_hall();
  const auto topic = hall.topic();
  HttpConnection connection(hall.port());
  const auto first =
      parse_batch(connection({target(topic, "&timeout=60"), {}}, Deadline(std::chrono::seconds(20))).body);
  EXPECT_TRUE(first.readings.empty()) << "without a cursor it answers at once";
  connection.send(Request{target(topic, "&timeout=60&from=" + first.cursor), {}});
  hall.publish(hall.topic("other"), "0");
  hall.publish(topic, "1");
  const auto next = parse_batch(connection.read(false, Deadline(std::chrono::seconds(20))).body);
  ASSERT_EQ(next.readings.size(), 1u) << next.raw;
  EXPECT_EQ(next.readings[0].payload, 1);
}

// [P-1]: all there is, up to the limit.
TEST(Poll, AnswersWithAllThereIsUpToTheLimit) {
  auto& hall = shared_hall();
  const auto topic = hall.topic();
  auto cursor = parse_batch(http_get(hall.port(), target(topic, "")).body).cursor;
  const auto start = cursor;
  for (int i = 0; i < 600; ++i) hall.publisher().send({topic, std::to_string(i)});
  hall.settle();
  const auto count = [&](const std::string& more) {
    return parse_batch(http_get(hall.port(), target(topic, more)).body).readings.size();
  };
  EXPECT_EQ(count("&from=" + start), 500u) << "the default";
  EXPECT_EQ(count("&limit=1&from=" + start), 1u);
  EXPECT_EQ(count("&limit=599&from=" + start), 599u);
  EXPECT_EQ(count("&limit=600&from=" + start), 600u);
  EXPECT_EQ(count("&limit=10000&from=" + start), 600u);
  // Link entries count, too.
  const auto oldest = parse_batch(http_get(hall.port(), target(topic, "&limit=7&from=oldest")).body);
  std::size_t entries = oldest.readings.size();
  for (const auto& link : oldest.links) entries += link.snapshot ? 0 : 1;
  EXPECT_EQ(entries, 7u) << oldest.raw;
  int expected = 0;
  while (expected < 600) {
    const auto batch = parse_batch(http_get(hall.port(), target(topic, "&limit=37&from=" + cursor)).body);
    ASSERT_FALSE(batch.readings.empty());
    ASSERT_LE(batch.readings.size(), 37u);
    for (const auto& reading : batch.readings) ASSERT_EQ(reading.payload, expected++);
    cursor = batch.cursor;
  }
}

// [P-1], [P-2]: however short its patience.
TEST(Poll, AnswersWithWhatIsOnDisk) {
  constexpr int kReadings = 1'000;
  Hall own({.storage = "memory_readings = 64\ncommit_interval = \"20ms\"\n"});
  auto cursor = parse_batch(http_get(own.port(), target("a", "")).body).cursor;
  for (int i = 0; i < kReadings; ++i) own.publisher().send({"a", std::to_string(i)});
  own.settle();
  own.wait_until_stored();
  own.settle();  // with one more, that is in memory
  for (int expected = 0; expected < kReadings;) {
    const auto batch = parse_batch(http_get(own.port(), target("a", "&timeout=0&from=" + cursor)).body);
    ASSERT_FALSE(batch.readings.empty()) << "behind " << expected;
    ASSERT_FALSE(batch.gap);
    for (const auto& reading : batch.readings) ASSERT_EQ(reading.payload, expected++);
    cursor = batch.cursor;
  }
  EXPECT_GE(own.metric("fieldcast_history_entries_total"), kReadings / 2);
}

// [P-2]
TEST(Poll, AnswersEmptyAtItsTimeout) {
  auto& hall = shared_hall();
  const auto topic = hall.topic();
  const auto cursor = parse_batch(http_get(hall.port(), target(topic, "")).body).cursor;
  const auto waited = [&](const std::string& timeout) {
    const auto begin = std::chrono::steady_clock::now();
    const auto batch =
        parse_batch(http_get(hall.port(), target(topic, "&timeout=" + timeout + "&from=" + cursor)).body);
    EXPECT_TRUE(batch.readings.empty());
    EXPECT_FALSE(batch.gap);
    return std::chrono::steady_clock::now() - begin;
  };
  EXPECT_LT(waited("0"), std::chrono::seconds(1));
  const auto one = waited("1");
  EXPECT_GE(one, std::chrono::seconds(1));
  EXPECT_LT(one, std::chrono::seconds(10));
}

// [P-4]: the ends of the ranges are inside. Outside is in http_test.cpp.
TEST(Poll, TakesTheEndsOfItsRanges) {
  for (const std::string more : {"&limit=1", "&limit=10000", "&timeout=0", "&timeout=60"})
    EXPECT_EQ(http_get(shared_hall().port(), target("a", more)).status, 200) << more;
}

TEST(Poll, OfAClientThatLeftIsForgotten) {
  Hall own;
  const auto cursor = parse_batch(http_get(own.port(), "/v1/poll?topic=x").body).cursor;
  const auto before = own.metric("fieldcast_clients");
  HttpConnection connection(own.port());
  connection.send(Request{"/v1/poll?topic=x&timeout=60&from=" + cursor, {}});
  const Deadline deadline;
  while (own.metric("fieldcast_clients") <= before) ASSERT_GT(deadline.left_ms(), 0);
  connection.socket().cut();
  while (own.metric("fieldcast_clients") > before) ASSERT_GT(deadline.left_ms(), 0);
}

}  // namespace
}  // namespace fieldcast::test

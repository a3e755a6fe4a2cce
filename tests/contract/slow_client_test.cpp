// [S-1], [S-4] to [S-6], [G-1], [G-5], [G-6], [L-3], [E-5], [W-11]: clients that do not read for a while.
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/contract/transports.hpp"
#include "tests/support/event_reader.hpp"
#include "tests/support/reached.hpp"
#include "tests/support/recorder.hpp"
#include "tests/support/websocket_subscriber.hpp"

namespace fieldcast::test {
namespace {

// Of the client's socket; with what the gateway's takes it is far less than the 2.4 MB of kReadings.
constexpr int kReceiveBuffer = 4'096;
constexpr int kReadings = 800;
constexpr std::size_t kPadding = 3'000;
// Of encoded readings: less than that.
constexpr const char* kSmallViews = "view_bytes = \"2MiB\"\n";

constexpr Transport kStreams[] = {Transport::websocket, Transport::events};

/// Publishes {"n":0,…} and so on, with readings of another topic between, and waits until all are in the log.
void publish_numbers(Hall& hall, const std::string& topic, int first, int count) {
  const std::string padding(kPadding, 'x');
  for (int n = first; n < first + count; ++n) {
    hall.publisher().send({topic, "{\"n\":" + std::to_string(n) + ",\"padding\":\"" + padding + "\"}"});
    if (n % 10 == 0) hall.publisher().send({topic + "/other", "0"});
  }
  hall.settle();
}

/// Expects the next numbers, and returns the one that is due then.
int expect_numbers(const std::vector<Reading>& readings, int next) {
  for (const auto& reading : readings) EXPECT_EQ(reading.payload.at("n"), next++);
  return next;
}

constexpr const char* kLagOfASecond = "client_lag = \"1s\"\n";

/// Returns when whatever is in the log has waited for longer than so many seconds: after heartbeats of another client,
/// each of which comes a quarter of a second early at most.
void wait_for_lag(const Hall& hall, int seconds = 1) {
  const auto other = hall.open(Transport::events, {{"nothing"}, "", "&heartbeat=1"});
  for (int i = 0; i < 2 + 2 * seconds; ++i) other->batch();
}

/// A client that stops for longer than a client_lag of so many seconds, and reads on. First, behind what its socket
/// holds, it `reads` so far, in time unless the machine is very slow.
void expect_one_gap(Transport transport, const Gateway::Options& options, int seconds = 1, int reads = 0) {
  constexpr int kBefore = 10, kBehind = 20, kAll = kBefore + kReadings;
  Hall own(options);
  const auto slow = own.open(transport, {{"a", "a/+/x"}, "", ""}, kReceiveBuffer);
  slow->batch();
  publish_numbers(own, "a", 0, kBefore);
  int next = expect_numbers(slow->readings(kBefore), 0);  // it had caught up once
  publish_numbers(own, "a", kBefore, kReadings);
  own.wait_until_stored();
  own.settle();  // with one more the log's memory drops what it has too many

  Batch batch;
  while (!batch.gap && next < reads) {
    batch = slow->batch();
    next = expect_numbers(batch.readings, next);
  }
  wait_for_lag(own, seconds);
  while (!batch.gap && next < kAll) {
    batch = slow->batch();
    next = expect_numbers(batch.readings, next);
  }
  ASSERT_TRUE(batch.gap) << "all came: " << batch.raw.substr(0, 500);
  EXPECT_EQ(batch.gap->reason, "slow");
  ASSERT_TRUE(batch.gap->missed) << batch.raw;
  EXPECT_EQ(next + static_cast<int>(*batch.gap->missed), kAll) << "what came before the gap, and in it";
  EXPECT_LT(next, kAll / 2) << "it comes as soon as the client reads";
  EXPECT_TRUE(batch.readings.empty()) << batch.raw;
  ASSERT_EQ(batch.links.size(), 1u) << batch.raw;
  EXPECT_TRUE(batch.links[0].snapshot);
  if (reads > 0) {
    EXPECT_GT(own.metric("fieldcast_history_entries_total"), 0) << "it was being served from disk";
  }

  publish_numbers(own, "a", kAll, kBehind);
  expect_numbers(slow->readings(kBehind), kAll);
  EXPECT_EQ(own.metric("fieldcast_gaps_total"), 1);
  EXPECT_EQ(reached(own, "client_lag"), 1);
  if (options.limits.ends_with(kSmallViews)) {
    EXPECT_GE(own.metric("fieldcast_streams_fell_behind_total"), 1);
  }

  // The log has it all, and the gap's cursor is where it went on.
  expect_numbers(own.open(Transport::poll, {{"a"}, "oldest", ""})->readings(kAll + kBehind), 0);
  expect_numbers(own.open(Transport::poll, {{"a"}, batch.cursor, ""})->readings(kBehind), kAll);
}

class SlowClient : public ::testing::TestWithParam<Transport> {};

// [S-4], [G-1], [G-5], [G-6], [L-3]
TEST_P(SlowClient, GetsOneGapWithWhatItMissedAndGoesOn) {
  expect_one_gap(GetParam(), {.limits = kLagOfASecond});
}

// [S-4]: what it missed is not in its view any more.
TEST_P(SlowClient, GetsTheSameGapOutOfTheLog) {
  expect_one_gap(GetParam(), {.limits = std::string(kLagOfASecond) + kSmallViews});
}

// [S-4]: nor in memory: it was catching up from disk when it stopped.
TEST_P(SlowClient, GetsTheSameGapInTheMiddleOfWhatIsOnDisk) {
  const auto limits = std::string("client_lag = \"3s\"\n") + kSmallViews;
  expect_one_gap(GetParam(), {.storage = "memory_readings = 400\n", .limits = limits}, 3, 100);
}

// [S-1]: its view and the log's memory have long forgotten what it is to get.
TEST_P(SlowClient, BelowTheLimitLosesNothing) {
  Hall own({.storage = "memory_readings = 64\ncommit_interval = \"20ms\"\n", .limits = kSmallViews});
  const auto slow = own.open(GetParam(), {{"a"}, "", ""}, kReceiveBuffer);
  const auto quick = own.open(GetParam(), {{"a"}, "", ""});
  slow->batch();
  quick->batch();
  publish_numbers(own, "a", 0, kReadings);
  expect_numbers(quick->readings(kReadings), 0);
  own.wait_until_stored();
  own.settle();  // with one more, that is in memory
  const auto from_disk = own.metric("fieldcast_history_entries_total");
  expect_numbers(slow->readings(kReadings), 0);
  EXPECT_EQ(own.metric("fieldcast_gaps_total"), 0);
  EXPECT_GE(own.metric("fieldcast_streams_fell_behind_total"), 1);
  EXPECT_GT(own.metric("fieldcast_history_entries_total"), from_disk);
}

// [S-6]: however long its first replay takes, and what comes meanwhile belongs to it.
TEST_P(SlowClient, IsNoneBeforeItEverCaughtUp) {
  Hall own({.limits = kLagOfASecond});
  publish_numbers(own, "a", 0, kReadings);
  const auto slow = own.open(GetParam(), {{"a"}, "oldest", ""}, kReceiveBuffer);
  publish_numbers(own, "a", kReadings, 10);
  wait_for_lag(own);
  expect_numbers(slow->readings(kReadings + 10), 0);
  EXPECT_EQ(own.metric("fieldcast_gaps_total"), 0);
}

INSTANTIATE_TEST_SUITE_P(S4, SlowClient, ::testing::ValuesIn(kStreams), transport_name);

/// A hall whose slow clients are disconnected.
Gateway::Options disconnecting() {
  return {.limits = std::string(kLagOfASecond) + "slow_client = \"disconnect\"\n"};
}

// [S-6]
TEST(Poll, IsNeverSlow) {
  Hall own(disconnecting());
  const auto poll = own.open(Transport::poll, {{"a"}, "", ""});
  poll->batch();
  publish_numbers(own, "a", 0, kReadings);
  wait_for_lag(own);
  expect_numbers(poll->readings(kReadings), 0);
}

/// The cursor goes on where the connection ended, over each transport.
void expect_the_rest(const Hall& hall, const std::string& cursor, int next) {
  EXPECT_GT(next, 0) << "what was in its socket came";
  EXPECT_LT(next, kReadings);
  for (const auto transport : kTransports) {
    const auto back = hall.open(transport, {{"a"}, cursor, ""});
    expect_numbers(back->readings(static_cast<std::size_t>(kReadings - next)), next);
  }
  EXPECT_EQ(hall.metric("fieldcast_gaps_total"), 0);
}

// [S-5], [W-11]
TEST(SlowWebSocket, IsDisconnectedAndItsCursorStaysGood) {
  Hall own(disconnecting());
  WebSocketSubscriber slow(own.port(), "?topic=a", kReceiveBuffer);
  std::string cursor = slow.batch().cursor;
  publish_numbers(own, "a", 0, kReadings);
  wait_for_lag(own);
  int next = 0;
  nlohmann::json error;
  while (const auto received = slow.next()) {
    ASSERT_LT(next, kReadings) << "all came";
    EXPECT_TRUE(error.is_null()) << "something came behind " << error;
    if (!received->batch) {
      if (received->answer.at("type") != "subscribed") error = received->answer;
      continue;
    }
    EXPECT_FALSE(received->batch->gap);
    next = expect_numbers(received->batch->readings, next);
    cursor = received->batch->cursor;
  }
  EXPECT_EQ(error.value("type", ""), "error") << error;
  EXPECT_EQ(error.value("code", ""), "slow") << error;
  EXPECT_TRUE(error.at("id").is_null()) << error;
  EXPECT_NE(error.value("message", ""), "") << error;
  EXPECT_EQ(slow.client().close_code(), 1013);
  EXPECT_EQ(slow.close_reason(), "slow");
  EXPECT_EQ(reached(own, "client_lag"), 1);
  expect_the_rest(own, cursor, next);
}

// [S-5], [E-5]
TEST(SlowEventStream, IsEndedAndItsCursorStaysGood) {
  Hall own(disconnecting());
  EventReader slow(own.port(), {"/v1/events?topic=a", {{"Accept", "text/event-stream"}}}, kReceiveBuffer);
  std::string cursor = slow.next()->id;
  publish_numbers(own, "a", 0, kReadings);
  wait_for_lag(own);
  int next = 0;
  std::string problem;
  while (const auto event = slow.next()) {
    ASSERT_LT(next, kReadings) << "all came";
    EXPECT_EQ(problem, "") << "something came behind it: " << event->data;
    if (event->type == "problem") {
      problem = event->data;
      EXPECT_EQ(event->id, cursor) << "a browser comes back with the last batch's";
      continue;
    }
    const auto batch = parse_batch(event->data);
    EXPECT_FALSE(batch.gap);
    next = expect_numbers(batch.readings, next);
    cursor = event->id;
  }
  ASSERT_NE(problem, "");
  record("Problem", problem);
  const auto parsed = nlohmann::json::parse(problem);
  EXPECT_EQ(parsed.at("code"), "slow");
  EXPECT_NE(parsed.at("detail"), "");
  EXPECT_EQ(reached(own, "client_lag"), 1);
  expect_the_rest(own, cursor, next);
}

}  // namespace
}  // namespace fieldcast::test

// [B-1] to [B-7], [R-1], [R-2], [S-1]: what every batch promises.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/contract/transports.hpp"
#include "tests/support/http_client.hpp"

namespace fieldcast::test {
namespace {

class Batches : public OverTransports {};

// [B-2], [B-3]
TEST_P(Batches, TheFirstComesAtOnceEmptyIfNeedBe) {
  const auto batch = open({{hall().topic()}, "", ""})->batch();
  EXPECT_TRUE(batch.readings.empty());
  EXPECT_FALSE(batch.gap);
  EXPECT_FALSE(batch.snapshot);
}

// [R-1], [R-2]
TEST_P(Batches, SeqIncreasesAndTimeIsTheGateways) {
  const auto topic = hall().topic();
  const auto stream = open({{topic}, "", ""});
  stream->batch();
  const auto before = now_ms();
  for (int i = 0; i < 5; ++i) hall().publish(topic, std::to_string(i));
  const auto after = now_ms();
  const auto readings = stream->readings(5);
  for (std::size_t i = 0; i < readings.size(); ++i) {
    EXPECT_EQ(readings[i].payload, i);
    EXPECT_LT(readings[i].seq, std::uint64_t{1} << 53);
    EXPECT_GE(readings[i].time, before);
    EXPECT_LE(readings[i].time, after);
    EXPECT_GT(readings[i].seq, i == 0 ? 0 : readings[i - 1].seq);
  }
}

// [S-1]
TEST_P(Batches, AClientThatDoesNotReadDelaysNobodyAndLosesNothing) {
  constexpr int kReadings = 4'000;
  const auto topic = hall().topic();
  const auto slow = open({{topic}, "", ""});  // reads nothing until the other has it all
  const auto quick = open({{topic}, "", ""});
  quick->batch();
  slow->batch();
  const std::string padding(1'000, 'x');
  for (int i = 0; i < kReadings; ++i) hall().publisher().send({topic, std::to_string(i) + padding});
  EXPECT_EQ(quick->readings(kReadings).back().payload, std::to_string(kReadings - 1) + padding);
  const auto caught_up = slow->readings(kReadings);
  for (int i = 0; i < kReadings; ++i)
    ASSERT_EQ(caught_up[static_cast<std::size_t>(i)].payload, std::to_string(i) + padding);
}

INSTANTIATE_TEST_SUITE_P(B, Batches, each_transport(), transport_name);

class BoundedBatches : public ::testing::TestWithParam<Transport> {
 protected:
  static void SetUpTestSuite() { hall_ = std::make_unique<Hall>(Gateway::Options{.limits = "batch_bytes = 4096\n"}); }
  static void TearDownTestSuite() { hall_.reset(); }
  static inline std::unique_ptr<Hall> hall_;
};

// [B-6]
TEST_P(BoundedBatches, HoldTheLimitOrOneReading) {
  const auto topic = hall_->topic();
  const auto start = hall_->open(GetParam(), {{topic}, "", ""})->batch().cursor;
  std::vector<std::size_t> sizes;
  for (std::size_t i = 0; i < 20; ++i) sizes.push_back(i == 7 ? 10'000 : 1'000);
  for (const auto size : sizes) hall_->publisher().send({topic, "\"" + std::string(size, 'x') + "\""});
  hall_->settle();
  const auto stream = hall_->open(GetParam(), {{topic}, start, ""});
  for (std::size_t found = 0; found < sizes.size();) {
    const auto batch = stream->batch_with_readings();
    EXPECT_TRUE(batch.readings.size() == 1 || batch.raw.size() < 4'096 + 200) << batch.raw.size();
    for (const auto& reading : batch.readings) EXPECT_EQ(reading.payload.get<std::string>().size(), sizes.at(found++));
  }
}

INSTANTIATE_TEST_SUITE_P(B6, BoundedBatches, each_transport(), transport_name);

// [B-1]
void expect_same_bytes(Hall& hall) {
  const auto topic = hall.topic();
  const auto start = hall.open(Transport::poll, {{topic}, "", ""})->batch().cursor;
  for (int i = 0; i < 1'200; ++i) hall.publisher().send({topic, "{\"n\":" + std::to_string(i) + "}"});
  hall.publish(topic, "text \xF0\x9F\x8C\xA1");
  hall.publish(topic, "\xff");
  hall.wait_until_stored();
  hall.settle();  // with one more, that is in memory
  for (const std::string& from : {start, std::string("oldest"), std::string("latest")}) {
    const auto count = from == "latest" ? 1u : 1'202u;
    const auto batches = raw_batches(hall, Transport::websocket, {{topic}, from, ""}, count);
    EXPECT_EQ(raw_batches(hall, Transport::events, {{topic}, from, ""}, count), batches) << from;
    EXPECT_EQ(raw_batches(hall, Transport::poll, {{topic}, from, ""}, count), batches) << from;
  }
}

TEST(OneBatch, HasTheSameBytesOnEveryTransport) {
  expect_same_bytes(shared_hall());
}

TEST(OneBatch, HasTheSameBytesFromDisk) {
  Hall own({.storage = "memory_readings = 64\ncommit_interval = \"20ms\"\n"});
  expect_same_bytes(own);
  EXPECT_GE(own.metric("fieldcast_history_entries_total"), 6 * 1'000) << "most of it came from there";
}

// [B-7]
class OneEncoding : public ::testing::TestWithParam<int> {};

TEST_P(OneEncoding, IsForAllClientsOfAThreadWithTheSameFilters) {
  constexpr int kClients = 100, kReadings = 10;
  const int threads = GetParam();
  Hall own({.server = "threads = " + std::to_string(threads) + "\n"});
  const std::vector<std::string> filters{"line/a", "line/+/x", "line/b/#", "line/c"};
  std::vector<std::unique_ptr<StreamClient>> clients;
  for (int i = 0; i < kClients; ++i) {
    auto mine = filters;
    std::rotate(mine.begin(), mine.begin() + i % 4, mine.end());
    if (i % 2 == 1) std::swap(mine[0], mine[1]);
    clients.push_back(own.open(kTransports[i % 3], {mine, "", ""}));
    clients.back()->batch();
  }
  const auto before = own.metric("fieldcast_encodings_total");
  for (int n = 0; n < kReadings; ++n) {
    own.publisher().publish({"line/a", std::to_string(n)});
    std::set<std::string> bytes;
    for (const auto& client : clients) bytes.insert(client->batch_with_readings().raw);
    EXPECT_EQ(bytes.size(), 1u) << "the same for all";
  }
  EXPECT_EQ(own.metric("fieldcast_encodings_total") - before, threads * kReadings) << "clients are on every thread";
}

INSTANTIATE_TEST_SUITE_P(B7, OneEncoding, ::testing::Values(1, 4));

// [B-4]
TEST(Cursor, MovesPastReadingsThatDoNotMatch) {
  auto& hall = shared_hall();
  const auto mine = hall.topic("mine"), other = hall.topic("other");
  for (const auto transport : {Transport::websocket, Transport::events}) {
    const auto stream = hall.open(transport, {{mine}, "", "&heartbeat=1"});
    const auto first = stream->batch().cursor;
    hall.publish(other, "1");
    const auto quiet = stream->batch();
    EXPECT_TRUE(quiet.readings.empty()) << quiet.raw;
    EXPECT_NE(quiet.cursor, first) << to_string(transport);
    EXPECT_TRUE(hall.open(transport, {{mine, other}, quiet.cursor, ""})->batch().readings.empty());
  }
  const auto poll = [&](const std::string& from) {
    return parse_batch(
        http_get(hall.port(), "/v1/poll?timeout=0&topic=" + percent_encoded(mine) + "&from=" + from).body);
  };
  const auto first = poll("now").cursor;
  hall.publish(other, "2");
  EXPECT_NE(poll(first).cursor, first);
}

// [B-5]
TEST(Heartbeat, ComesAtLeastOnceInItsTime) {
  const auto topic = shared_hall().topic();
  const auto port = shared_hall().port();
  for (const auto transport : {Transport::websocket, Transport::events}) {
    const auto stream = open_stream(transport, port, {{topic}, "", "&heartbeat=1"});
    stream->batch();
    for (int i = 0; i < 3; ++i) {
      // A client reconnects after two heartbeats of silence, so that is the bound.
      const auto batch = stream->batch(Deadline(std::chrono::seconds(2)));
      EXPECT_TRUE(batch.readings.empty()) << batch.raw;
    }
  }
}

}  // namespace
}  // namespace fieldcast::test

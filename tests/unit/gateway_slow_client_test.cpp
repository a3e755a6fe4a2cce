// What becomes of a stream whose client does not take what there is: limits.client_lag and limits.slow_client.
#include "tests/unit/gateway_stream_fixture.hpp"

namespace fieldcast {
namespace {

using namespace std::chrono_literals;
using test::Reader;

class SlowClientTest : public test::StreamTest {
 protected:
  void wait(Instant time) {
    for (const Instant end = clock.steady + time; clock.steady < end;) {
      clock.steady += kTick;
      hub.tick();
    }
    run();
  }

  void publish(const std::string& topic, int count, const std::string& payload = "1") {
    for (int i = 0; i < count; ++i) append(topic, payload);
    hub.run();
    run();
  }

  /// Takes all there is; the batches' bytes.
  std::vector<std::string> take(Reader& reader) {
    std::vector<std::string> batches;
    for (int told = -1; told != reader.told; run()) {
      told = reader.told;
      while (const auto batch = reader.stream.next()) {
        readings += batch->readings;
        batches.push_back(batch->json);
      }
    }
    return batches;
  }

  std::unique_ptr<Reader> open(const FilterSet& filters, From::Kind kind = From::Kind::now) {
    auto reader = std::make_unique<Reader>(hub);
    EXPECT_EQ(reader->stream.begin(filters, from(kind), std::nullopt), std::nullopt);
    return reader;
  }

  static bool states(const std::string& batch, const std::string& gap) {
    return batch.find("\"gap\":" + gap) != std::string::npos;
  }

  std::size_t readings = 0;  // taken
};

TEST_F(SlowClientTest, WhoIsNotOverTheLagGetsEverything) {
  const auto reader = open(FilterSet({"a"}));
  take(*reader);
  publish("a", 10);
  wait(limits.client_lag - 1s);
  publish("a", 10);
  for (const std::string& batch : take(*reader)) EXPECT_EQ(batch.find("\"gap\""), std::string::npos) << batch;
  EXPECT_EQ(readings, 20u);
}

TEST_F(SlowClientTest, WhoIsOverTheLagGoesOnAtTheHeadBehindOneGapThatCounts) {
  const auto reader = open(FilterSet({"a"}));
  take(*reader);
  publish("a", 3);
  publish("b", 5);
  ASSERT_EQ(take(*reader).size(), 1u);
  publish("a", 7);
  publish("b", 5);
  wait(limits.client_lag + 1s);
  publish("a", 2);
  const auto batches = take(*reader);
  ASSERT_EQ(batches.size(), 1u);
  EXPECT_TRUE(states(batches[0], R"({"reason":"slow","missed":9})")) << batches[0];
  EXPECT_NE(batches[0].find("\"readings\":[]"), std::string::npos) << "at once, in an empty batch";
  EXPECT_EQ(counters.gaps[static_cast<std::size_t>(GapReason::slow)].value(), 1u);
  publish("a", 4);
  const auto later = take(*reader);
  ASSERT_EQ(later.size(), 1u);
  EXPECT_EQ(later[0].find("\"gap\""), std::string::npos);
  EXPECT_EQ(readings, 3u + 4u);
}

TEST_F(SlowClientTest, WhatFellOffTheRingIsCountedToo) {
  limits.view_bytes = 20'000;
  limits.batch_bytes = 10'000;
  const auto reader = open(FilterSet({"a"}));
  take(*reader);
  for (int i = 0; i < 60; ++i) publish("a", 1, std::string(1'000, '1'));
  // Half of them it reads from the log, and then again none.
  std::size_t taken = 0;
  while (taken < 30) taken += reader->stream.next()->readings;
  EXPECT_EQ(counters.fell_behind.value(), 1u);
  wait(limits.client_lag + 1s);
  publish("a", 5);
  const auto batches = take(*reader);
  ASSERT_EQ(batches.size(), 1u);
  EXPECT_TRUE(states(batches[0], "{\"reason\":\"slow\",\"missed\":" + std::to_string(65 - taken) + "}")) << batches[0];
}

TEST_F(SlowClientTest, OnlyWhatMatchesMakesAClientSlow) {
  const auto reader = open(FilterSet({"a"}));
  take(*reader);
  publish("b", 10);
  wait(2 * limits.client_lag);
  publish("a", 1);
  wait(limits.client_lag / 2);
  for (const std::string& batch : take(*reader)) EXPECT_EQ(batch.find("\"gap\""), std::string::npos) << batch;
  EXPECT_EQ(readings, 1u);
}

TEST_F(SlowClientTest, TheFirstReplayIsNeverSlow) {
  limits.batch_bytes = 1'000;
  publish("a", 100, std::string(500, '1'));
  wait(2 * limits.client_lag);
  const auto reader = open(FilterSet({"a"}), From::Kind::oldest);
  while (const auto batch = reader->stream.next()) {
    EXPECT_EQ(batch->json.find("\"gap\""), std::string::npos) << batch->json;
    readings += batch->readings;
    wait(limits.client_lag);
  }
  take(*reader);
  EXPECT_EQ(readings, 100u);
}

TEST_F(SlowClientTest, APollIsNeverSlow) {
  Reader poll(hub, {Transport::poll, kPageEntries, true});
  ASSERT_EQ(poll.stream.begin(FilterSet({"a"}), From{}, std::nullopt), std::nullopt);
  take(poll);
  publish("a", 1);
  wait(2 * limits.client_lag);
  const auto batches = take(poll);
  ASSERT_EQ(batches.size(), 1u);
  EXPECT_EQ(batches[0].find("\"gap\""), std::string::npos);
}

TEST_F(SlowClientTest, AChangeOfFiltersThatWaitsTakesEffectBehindTheGap) {
  const auto reader = open(FilterSet({"a"}));
  take(*reader);
  publish("a", 6);
  ASSERT_EQ(reader->stream.subscribe("1", FilterSet({"b"}), From{}), std::nullopt);
  publish("b", 2);  // of the new filters
  publish("a", 1);
  wait(limits.client_lag + 1s);
  publish("b", 3);
  const auto batches = take(*reader);
  ASSERT_EQ(batches.size(), 3u);
  EXPECT_TRUE(states(batches[0], R"({"reason":"slow","missed":6})")) << batches[0];
  EXPECT_NE(batches[1].find("\"subscribed\""), std::string::npos) << batches[1];
  EXPECT_TRUE(states(batches[2], R"({"reason":"slow","missed":6})")) << "2 + 1 + 3 of the new ones: " << batches[2];
}

TEST_F(SlowClientTest, DisconnectEndsTheStreamWhereItIs) {
  limits.slow_client = SlowClient::disconnect;
  const auto reader = open(FilterSet({"a"}));
  take(*reader);
  publish("a", 2);
  const std::string cursor(reader->stream.next()->cursor());
  publish("a", 3);
  wait(limits.client_lag + 1s);
  EXPECT_EQ(reader->stream.next(), nullptr);
  EXPECT_TRUE(reader->stream.too_slow());
  EXPECT_EQ(reader->stream.heartbeat()->cursor(), cursor);

  From back;
  back.kind = From::Kind::cursor;
  back.cursor = *parse_cursor(cursor);
  Reader again(hub);
  ASSERT_EQ(again.stream.begin(FilterSet({"a"}), back, std::nullopt), std::nullopt);
  const auto batches = take(again);
  ASSERT_EQ(batches.size(), 1u);
  EXPECT_EQ(batches[0].find("\"gap\""), std::string::npos);
  EXPECT_EQ(readings, 3u);
}

TEST_F(SlowClientTest, MarksDoNotGrowWithTheLag) {
  limits.client_lag = 1h;
  const auto reader = open(FilterSet({"a"}));
  take(*reader);
  publish("a", 1);
  wait(59min);
  EXPECT_EQ(take(*reader).size(), 1u);
  EXPECT_EQ(readings, 1u);
  publish("a", 1);
  wait(1h + 1min);
  const auto batches = take(*reader);
  ASSERT_EQ(batches.size(), 1u);
  EXPECT_TRUE(states(batches[0], R"({"reason":"slow","missed":1})")) << batches[0];
}

}  // namespace
}  // namespace fieldcast

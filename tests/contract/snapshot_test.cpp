// [F-2], [F-7] to [F-10], [W-10]: the latest reading of every topic, then live.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/contract/transports.hpp"
#include "tests/support/websocket_subscriber.hpp"

namespace fieldcast::test {
namespace {

class Snapshot : public OverTransports {};

// [F-2], [F-8], [F-9]
TEST_P(Snapshot, HoldsTheLatestReadingOfEachTopicAndEndsAtOnce) {
  const auto base = hall().topic("s");
  for (const std::string payload : {"0", "1"})
    for (const std::string topic : {"/a", "/b", "/c"}) hall().publish(base + topic, payload);
  hall().publish(base + "/b", "2");
  const auto stream = open({{base + "/#"}, "latest", ""});
  const auto snapshot = stream->batch();
  EXPECT_TRUE(snapshot.snapshot);
  EXPECT_FALSE(snapshot.gap);
  std::map<std::string, int> latest;
  for (const auto& reading : snapshot.readings) latest[reading.topic.substr(base.size())] = reading.payload.get<int>();
  EXPECT_EQ(latest, (std::map<std::string, int>{{"/a", 1}, {"/b", 2}, {"/c", 1}}));
  EXPECT_EQ(snapshot.readings.size(), 3u);
  const auto end = stream->batch();
  EXPECT_FALSE(end.snapshot) << end.raw;
  EXPECT_TRUE(end.readings.empty()) << end.raw;
  hall().publish(base + "/a", "3");
  EXPECT_EQ(stream->readings(1).at(0).payload, 3);
}

// [F-9]
TEST_P(Snapshot, OfNothingIsAnEmptyBatch) {
  const auto batch = open({{hall().topic()}, "latest", ""})->batch();
  EXPECT_FALSE(batch.snapshot);
  EXPECT_TRUE(batch.readings.empty());
}

// [F-7], [F-8]: cut inside, it goes on from the cursor on every transport.
TEST_P(Snapshot, GoesOnFromACursorInside) {
  constexpr int kTopics = 1'200;  // more than two batches
  const auto base = hall().topic("s");
  const auto name = [&](int i) { return base + "/" + std::to_string(i); };
  for (int i = 0; i < kTopics; ++i) hall().publisher().send({name(i), "0"});
  hall().settle();

  const auto stream = open({{base + "/#"}, "latest", ""});
  const auto first = stream->batch();
  ASSERT_TRUE(first.snapshot);
  ASSERT_LT(first.readings.size(), static_cast<std::size_t>(kTopics));
  stream->cut();
  std::set<std::string> sent;
  for (const auto& reading : first.readings) sent.insert(reading.topic);
  const auto remaining = [&] {
    for (int i = 0; i < kTopics; ++i)
      if (!sent.contains(name(i))) return name(i);
    return std::string();
  }();
  const auto known = *sent.begin();
  hall().publish(known, "1");
  hall().publish(remaining, "2");

  for (const auto transport : kTransports) {
    const auto rest = hall().open(transport, {{base + "/#"}, first.cursor, ""});
    std::set<std::string> snapshot;
    std::vector<Reading> live;
    for (bool inside = true; live.size() < 2;) {
      const auto batch = rest->batch();
      ASSERT_FALSE(batch.gap) << batch.raw.substr(0, 500);
      ASSERT_TRUE(inside || !batch.snapshot) << "a snapshot batch behind its end";
      inside = batch.snapshot;
      for (const auto& reading : batch.readings) {
        if (!inside) {
          live.push_back(reading);
          continue;
        }
        EXPECT_TRUE(snapshot.insert(reading.topic).second) << "twice: " << reading.topic;
        EXPECT_FALSE(sent.contains(reading.topic)) << "again: " << reading.topic;
        EXPECT_EQ(reading.payload, 0) << reading.topic;
      }
    }
    EXPECT_FALSE(snapshot.contains(remaining)) << "it has a newer reading";
    EXPECT_EQ(snapshot.size() + sent.size() + 1, static_cast<std::size_t>(kTopics));
    ASSERT_EQ(live.size(), 2u);
    EXPECT_EQ(live[0].topic, known);
    EXPECT_EQ(live[1].topic, remaining);
  }
}

INSTANTIATE_TEST_SUITE_P(F, Snapshot, each_transport(), transport_name);

// [F-10]
TEST(SnapshotThatForgot, StatesAGap) {
  Hall own({.limits = "topics = 8\n"});
  for (int i = 0; i < 8; ++i) own.publish("forgotten/" + std::to_string(i), "1");
  for (int i = 0; i < 8; ++i) own.publish("known/" + std::to_string(i), "1");
  for (const auto transport : kTransports) {
    const auto batch = own.open(transport, {{"known/#", "forgotten/#"}, "latest", ""})->batch();
    ASSERT_TRUE(batch.gap) << batch.raw;
    EXPECT_EQ(batch.gap->reason, "expired");
    EXPECT_FALSE(batch.gap->missed);
    EXPECT_FALSE(batch.readings.empty());
    for (const auto& reading : batch.readings) EXPECT_TRUE(reading.topic.starts_with("known/")) << batch.raw;
  }
}

}  // namespace
}  // namespace fieldcast::test

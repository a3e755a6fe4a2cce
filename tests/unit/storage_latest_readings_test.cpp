// The latest reading of each topic, its order and its bounds.
#include <gtest/gtest.h>

#include "storage/latest_readings.hpp"

namespace fieldcast {
namespace {

class LatestReadingsTest : public testing::Test {
 protected:
  void remember(const std::string& topic, const std::string& payload = "1") { remember_at(++seq, topic, payload); }

  void remember_at(std::uint64_t at, const std::string& topic, const std::string& payload,
                   const std::string& broker = "local") {
    Entry entry;
    entry.broker = broker;
    entry.kind = Kind::json;
    entry.topic = topic;
    entry.payload = payload;
    entry.seq = at;
    latest.remember(entry);
  }

  std::vector<std::string> topics(std::uint64_t after, std::uint64_t until) {
    std::vector<std::string> topics;
    while (after < until) {
      Chunk chunk;
      after = latest.step(
          after, until, [](std::string_view) { return true; }, 2, 1'000'000, chunk);
      for (const Entry& entry : chunk.entries) topics.emplace_back(entry.topic);
    }
    return topics;
  }

  Limits limits;
  Counters counters;
  LatestReadings latest{limits, counters};
  std::uint64_t seq = 0;
};

using Topics = std::vector<std::string>;

TEST_F(LatestReadingsTest, ComeInTheOrderOfTheLog) {
  for (const std::string topic : {"a", "b", "c", "a", "d", "b"}) remember(topic);
  EXPECT_EQ(topics(0, seq), (Topics{"c", "a", "d", "b"}));
  EXPECT_EQ(topics(4, seq), (Topics{"d", "b"}));
  EXPECT_EQ(topics(0, 4), (Topics{"c", "a"})) << "b has a newer one behind that head";
  EXPECT_FALSE(latest.forgot());
}

TEST_F(LatestReadingsTest, ForgetTheTopicThatIsSilentLongest) {
  limits.topics = 3;
  for (const std::string topic : {"a", "b", "a", "c", "d"}) remember(topic);
  EXPECT_EQ(topics(0, seq), (Topics{"a", "c", "d"}));
  EXPECT_TRUE(latest.forgot());
  EXPECT_EQ(counters.topics_forgotten.value(), 1u);
  EXPECT_EQ(counters.topics.value(), 3u);
}

TEST_F(LatestReadingsTest, KeepTheirBoundOfBytes) {
  limits.latest_bytes = 10'000;
  for (int i = 0; i < 100; ++i) remember("t" + std::to_string(i), std::string(900, '1'));
  const auto kept = topics(0, seq);
  EXPECT_LE(kept.size(), 11u);
  EXPECT_GE(kept.size(), 5u);
  EXPECT_EQ(kept.back(), "t99");
}

TEST_F(LatestReadingsTest, AreNotReplacedByOlderOnes) {
  remember_at(10, "a", "new");
  remember_at(3, "a", "old");
  remember_at(4, "b", "from a database that came later");
  EXPECT_EQ(latest.find("a")->payload, "new");
  EXPECT_EQ(latest.find("b")->seq, 4u);
  EXPECT_EQ(latest.find("c"), nullptr);
  EXPECT_EQ(topics(0, 10), (Topics{"b", "a"}));
}

TEST_F(LatestReadingsTest, TellTheBrokerThatEachCameFrom) {
  remember_at(1, "a", "10", "hall");
  remember_at(2, "b", "20", "yard");
  remember_at(3, "c", "30", "");
  EXPECT_EQ(latest.find("a")->broker, "hall");
  remember_at(4, "a", "40", "a broker with a longer name than a string holds by itself");
  Chunk chunk;
  latest.step(
      0, 4, [](std::string_view topic) { return topic != "b"; }, 10, 1'000'000, chunk);
  ASSERT_EQ(chunk.entries.size(), 2u);
  EXPECT_EQ(chunk.entries[0].broker, "");
  EXPECT_EQ(chunk.entries[0].topic, "c");
  EXPECT_EQ(chunk.entries[0].payload, "30");
  EXPECT_EQ(chunk.entries[1].broker, "a broker with a longer name than a string holds by itself");
  EXPECT_EQ(chunk.entries[1].topic, "a");
  EXPECT_EQ(chunk.entries[1].payload, "40");
}

TEST_F(LatestReadingsTest, CountTheBrokersNamesToo) {
  limits.latest_bytes = 100'000;
  const auto kept_with = [this](const std::string& broker) {
    for (int i = 0; i < 1'000; ++i) remember_at(++seq, "t" + std::to_string(i), "1", broker);
    return counters.topics.value();
  };
  const std::uint64_t with_none = kept_with(""), with_one = kept_with(std::string(kBrokerNameBytes, 'b'));
  EXPECT_LT(with_one, with_none);
  EXPECT_NEAR(static_cast<double>(with_one), 100'000 / (100'000.0 / static_cast<double>(with_none) + kBrokerNameBytes),
              2);
  EXPECT_EQ(kept_with(""), with_none) << "what was counted for former ones is not any more";
}

}  // namespace
}  // namespace fieldcast

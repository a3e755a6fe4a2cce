// The latest reading of each topic and the count of its readings, their orders and bounds.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "storage/latest_readings.hpp"
#include "tests/unit/reached.hpp"

namespace fieldcast {
namespace {

class LatestReadingsTest : public testing::Test {
 protected:
  void remember(const std::string& topic, const std::string& payload = "1") { remember_at(++seq, topic, payload); }

  void remember_at(std::uint64_t at, const std::string& topic, const std::string& payload,
                   const std::string& broker = "local") {
    latest.remember(reading(at, topic, payload, broker));
  }

  /// Good as long as its strings are.
  static Entry reading(std::uint64_t at, std::string_view topic, std::string_view payload = "1",
                       std::string_view broker = "local") {
    Entry entry;
    entry.broker = broker;
    entry.kind = Kind::json;
    entry.topic = topic;
    entry.payload = payload;
    entry.seq = at;
    return entry;
  }

  using Counts = std::vector<std::pair<std::string, std::uint64_t>>;

  /// By name, in steps of two.
  Counts counts(const FilterSet& filters = {}, std::string after = "") {
    Counts counts;
    for (bool more = true; more;) {
      Chunk chunk;
      more = latest.step_by_name(after, filters, 2, 1'000'000, chunk);
      EXPECT_EQ(chunk.counts.size(), chunk.entries.size());
      for (std::size_t i = 0; i < chunk.counts.size(); ++i)
        counts.emplace_back(chunk.entries[i].topic, chunk.counts[i]);
    }
    return counts;
  }

  static std::vector<std::string> topics_of(const Chunk& chunk) {
    std::vector<std::string> topics;
    for (const Entry& entry : chunk.entries) topics.emplace_back(entry.topic);
    return topics;
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
  EXPECT_EQ(test::reached(counters, Limit::topics), 1u);
  EXPECT_EQ(counters.topics.value(), 3u);
}

TEST_F(LatestReadingsTest, KeepTheirBoundOfBytes) {
  limits.latest_bytes = 10'000;
  for (int i = 0; i < 100; ++i) remember("t" + std::to_string(i), std::string(900, '1'));
  const auto kept = topics(0, seq);
  EXPECT_LE(kept.size(), 11u);
  EXPECT_GE(kept.size(), 5u);
  EXPECT_EQ(kept.back(), "t99");
  EXPECT_EQ(test::reached(counters, Limit::latest_bytes), 100 - kept.size());
  EXPECT_LE(counters.latest_bytes.value(), limits.latest_bytes);
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

TEST_F(LatestReadingsTest, ComeByTheBytesOfTheirNamesWithTheirCounts) {
  for (const std::string topic : {"b", "a/b", "\xC3\xA9", "a", "$x", "a/b", "a b", "a/b", "B"}) remember(topic);
  EXPECT_EQ(counts(), (Counts{{"$x", 1}, {"B", 1}, {"a", 1}, {"a b", 1}, {"a/b", 3}, {"b", 1}, {"\xC3\xA9", 1}}));
  EXPECT_EQ(counts({}, "a"), (Counts{{"a b", 1}, {"a/b", 3}, {"b", 1}, {"\xC3\xA9", 1}}));
  EXPECT_EQ(counts({}, "a/"), (Counts{{"a/b", 3}, {"b", 1}, {"\xC3\xA9", 1}})) << "a name that is not there";
  EXPECT_EQ(counts({}, "\xC3\xA9"), Counts{});
  EXPECT_EQ(counts(FilterSet({"#"})).size(), 6u) << "all but $x";
  EXPECT_EQ(counts(FilterSet({"a/#", "B"})), (Counts{{"B", 1}, {"a", 1}, {"a/b", 3}}));
  EXPECT_EQ(counts(FilterSet({"a/#", "B"}), "B"), (Counts{{"a", 1}, {"a/b", 3}}));
  EXPECT_EQ(counts(FilterSet({"zzz"})), Counts{});
}

TEST_F(LatestReadingsTest, AStepByNameIsBounded) {
  for (std::size_t i = 0; i < 3 * kSnapshotScan; ++i) remember("t/" + std::to_string(100'000 + i) + "/a");
  remember("u");
  Chunk chunk;
  std::string after;
  EXPECT_TRUE(latest.step_by_name(after, {}, 100'000, 1'000'000, chunk));
  EXPECT_EQ(chunk.entries.size(), kSnapshotScan);
  EXPECT_EQ(after, chunk.entries.back().topic);
  after.clear();
  EXPECT_TRUE(latest.step_by_name(after, FilterSet({"+/+/b"}), 100'000, 1'000'000, chunk));
  EXPECT_TRUE(chunk.entries.empty());
  EXPECT_EQ(after, "t/" + std::to_string(100'000 + kSnapshotScan - 1) + "/a") << "so many were looked at";
  EXPECT_TRUE(latest.step_by_name(after, {}, 100'000, 1, chunk));
  EXPECT_EQ(chunk.entries.size(), 1u) << "at least one";
  after.clear();
  EXPECT_FALSE(latest.step_by_name(after, FilterSet({"a", "u/#", "t/100000/#"}), 100'000, 1'000'000, chunk))
      << "what no filter can match is passed over in one step";
  EXPECT_EQ(topics_of(chunk), (Topics{"t/100000/a", "u"}));
}

TEST_F(LatestReadingsTest, CountAReadingOnce) {
  remember_at(1, "a", "1");
  remember_at(2, "a", "1");
  remember_at(2, "a", "1");
  remember_at(1, "a", "1");
  EXPECT_EQ(counts(), (Counts{{"a", 2}}));
  latest.restore(reading(2, "a"), 10);
  EXPECT_EQ(counts(), (Counts{{"a", 2}})) << "a state that is not newer";
  latest.restore(reading(4, "a"), 10);
  remember_at(3, "a", "1");
  EXPECT_EQ(counts(), (Counts{{"a", 10}})) << "the state has counted it";
  remember_at(5, "a", "1");
  latest.restore(reading(3, "b"), 7);
  EXPECT_EQ(counts(), (Counts{{"a", 11}, {"b", 7}}));
}

TEST_F(LatestReadingsTest, ATopicThatWasForgottenIsCountedAnew) {
  limits.topics = 2;
  for (const std::string topic : {"a", "a", "a", "b", "c"}) remember(topic);
  EXPECT_EQ(counts(), (Counts{{"b", 1}, {"c", 1}}));
  remember("a");
  EXPECT_EQ(counts(), (Counts{{"a", 1}, {"c", 1}}));
}

TEST_F(LatestReadingsTest, TakeOverWhatWasBefore) {
  using Counted = LatestReadings::Counted;
  // From a journal that was there first, then live.
  latest.remember(reading(11, "both"), Counted::provisionally);
  latest.remember(reading(12, "both"), Counted::provisionally);
  latest.remember(reading(13, "journal"), Counted::provisionally);
  latest.remember(reading(14, "lost"), Counted::provisionally);
  latest.remember(reading(21, "both", "new"));
  latest.remember(reading(22, "live"));
  LatestReadings former(limits, counters);
  former.restore(reading(5, "disk"), 50);
  former.restore(reading(6, "both"), 60);
  for (const std::uint64_t at : {10u, 11u, 12u}) former.remember(reading(at, "both"));
  former.remember(reading(13, "journal"));
  former.restore(reading(30, "live", "newest"), 3);
  former.set_forgot();
  int steps = 0;
  for (; !former.empty(); ++steps) latest.take_over(former, 2);
  EXPECT_EQ(steps, 2);
  EXPECT_EQ(counts(), (Counts{{"both", 64}, {"disk", 50}, {"journal", 1}, {"live", 4}, {"lost", 1}}));
  EXPECT_EQ(latest.find("both")->payload, "new");
  EXPECT_EQ(latest.find("live")->payload, "newest");
  EXPECT_TRUE(latest.forgot());
  remember_at(31, "both", "1");
  EXPECT_EQ(counts(FilterSet({"both"})), (Counts{{"both", 65}}));
}

TEST_F(LatestReadingsTest, WhatIsTakenOverKeepsTheBounds) {
  limits.topics = 2;
  remember_at(10, "new", "1");
  LatestReadings former(limits, counters);
  former.restore(reading(1, "old"), 5);
  former.restore(reading(2, "older than new"), 6);
  latest.take_over(former, 10);
  EXPECT_EQ(counts(), (Counts{{"new", 1}, {"older than new", 6}}));
  EXPECT_TRUE(latest.forgot());
}

}  // namespace
}  // namespace fieldcast

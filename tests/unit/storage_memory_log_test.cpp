// The log in memory against a plain list of all that was appended.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "storage/memory_log.hpp"

namespace fieldcast {
namespace {

class SetClock final : public Clock {
 public:
  std::int64_t wall_ms() const noexcept override { return wall; }
  Instant now() const noexcept override { return Instant{0}; }
  std::int64_t wall = 1'000;
};

struct Kept {
  std::uint64_t seq;
  std::int64_t time;
  std::string topic, payload;
};

class MemoryLogTest : public testing::Test {
 protected:
  MemoryLogTest() { limits.payload = 1'000; }

  void open(std::size_t bytes, std::size_t entries) {
    log = std::make_unique<MemoryLog>(clock, limits, MemoryLog::Options{bytes, entries}, counters);
  }

  bool append(const std::string& topic, const std::string& payload, bool retained = false) {
    NewEntry entry;
    entry.kind = Kind::json;
    entry.topic = topic;
    entry.payload = payload;
    entry.retained = retained;
    if (!log->append(entry)) return false;
    all.push_back({log->head(), clock.wall, topic, payload});
    return true;
  }

  std::vector<Kept> read_all(std::size_t step) {
    std::vector<Kept> got;
    for (std::uint64_t at = log->floor(); at < log->head();) {
      Chunk chunk;
      EXPECT_EQ(log->read(at, log->head(), step, chunk), log->floor());
      EXPECT_FALSE(chunk.entries.empty());
      for (const Entry& entry : chunk.entries) {
        got.push_back({entry.seq, entry.time, std::string(entry.topic), std::string(entry.payload)});
      }
      at = chunk.entries.back().seq;
    }
    return got;
  }

  std::vector<std::string> latest(std::uint64_t after, std::uint64_t until) {
    std::vector<std::string> topics;
    while (after < until) {
      Chunk chunk;
      after = log->latest(
          after, until, [](std::string_view) { return true; }, 2, 1'000'000, chunk);
      for (const Entry& entry : chunk.entries) topics.emplace_back(entry.topic);
    }
    return topics;
  }

  SetClock clock;
  Limits limits;
  Counters counters;
  std::unique_ptr<MemoryLog> log;
  std::vector<Kept> all;
};

TEST_F(MemoryLogTest, KeepsTheNewestOfWhatWasAppended) {
  std::mt19937 random(1);
  for (const std::size_t entries : {std::size_t{64}, std::size_t{1'000'000}}) {
    all.clear();
    open(MemoryLog::smallest_ring(limits), entries);
    for (int i = 0; i < 5'000; ++i) {
      clock.wall += static_cast<int>(random() % 10) - 3;
      append("t" + std::to_string(random() % 50) + std::string(random() % 3 == 0 ? random() % 3'000 : 0, 'x'),
             std::string(random() % limits.payload, '1'));
      if (i % 500 != 499) continue;
      ASSERT_LE(log->head() - log->floor(), entries);
      const auto got = read_all(1 + random() % 5'000);
      ASSERT_EQ(got.size(), log->head() - log->floor());
      ASSERT_GE(got.size(), std::min<std::size_t>(entries, 40)) << "the ring is used";
      for (std::size_t k = 0; k < got.size(); ++k) {
        const Kept& expected = all[all.size() - got.size() + k];
        ASSERT_EQ(got[k].seq, expected.seq);
        ASSERT_EQ(got[k].time, expected.time);
        ASSERT_EQ(got[k].topic, expected.topic);
        ASSERT_EQ(got[k].payload, expected.payload);
      }
    }
  }
}

TEST_F(MemoryLogTest, HoldsTheLargestReadingInTheSmallestRing) {
  limits.payload = 4'096;
  open(MemoryLog::smallest_ring(limits), 1'000);
  for (int i = 0; i < 10; ++i) {
    const std::string topic(65'535, static_cast<char>('a' + i));
    append(topic, std::string(limits.payload, '1'));
    const auto got = read_all(1);
    ASSERT_FALSE(got.empty());
    EXPECT_EQ(got.back().topic, topic);
  }
  EXPECT_THROW(open(MemoryLog::smallest_ring(limits) - 1, 1'000), std::invalid_argument);
}

TEST_F(MemoryLogTest, FindsATimeInTheOrderOfTheLog) {
  open(1u << 20, 1'000);
  for (const std::int64_t time : {100, 200, 150, 300, 300, 50, 400}) {
    clock.wall = time;
    append("a", "1");
  }
  const std::vector<std::pair<std::int64_t, std::uint64_t>> cases{{0, 0},   {100, 0}, {101, 1}, {200, 1},
                                                                  {201, 3}, {300, 3}, {301, 6}, {401, 7}};
  for (const auto& [time, position] : cases) EXPECT_EQ(log->before(time), position) << time;
}

TEST_F(MemoryLogTest, TellsTheLatestOfEachTopicInTheOrderOfTheLog) {
  open(1u << 20, 2);  // they outlive the ring
  for (const std::string topic : {"a", "b", "c", "a", "d", "b"}) append(topic, "1");
  EXPECT_EQ(latest(0, log->head()), (std::vector<std::string>{"c", "a", "d", "b"}));
  EXPECT_EQ(latest(4, log->head()), (std::vector<std::string>{"d", "b"}));
  EXPECT_EQ(latest(0, 4), (std::vector<std::string>{"c", "a"})) << "b has a newer one behind that head";
  EXPECT_FALSE(log->forgot_topics());
}

TEST_F(MemoryLogTest, ForgetsTheTopicThatIsSilentLongest) {
  limits.topics = 3;
  open(1u << 20, 1'000);
  for (const std::string topic : {"a", "b", "a", "c", "d"}) append(topic, "1");
  EXPECT_EQ(latest(0, log->head()), (std::vector<std::string>{"a", "c", "d"}));
  EXPECT_TRUE(log->forgot_topics());
  EXPECT_EQ(counters.topics_forgotten.value(), 1u);
  EXPECT_EQ(counters.topics.value(), 3u);
}

TEST_F(MemoryLogTest, BoundsTheBytesOfLatestReadings) {
  limits.latest_bytes = 10'000;
  open(1u << 20, 1'000);
  for (int i = 0; i < 100; ++i) append("t" + std::to_string(i), std::string(900, '1'));
  const auto topics = latest(0, log->head());
  EXPECT_LE(topics.size(), 11u);
  EXPECT_GE(topics.size(), 5u);
  EXPECT_EQ(topics.back(), "t99");
}

TEST_F(MemoryLogTest, LeavesOutARetainedRepeat) {
  open(1u << 20, 1'000);
  EXPECT_TRUE(append("a", "1", true));
  EXPECT_FALSE(append("a", "1", true));
  EXPECT_TRUE(append("a", "2", true));
  EXPECT_TRUE(append("a", "1", true)) << "equal to an older one only";
  EXPECT_TRUE(append("a", "1")) << "not retained: a new reading";
  EXPECT_TRUE(append("b", "1", true));
  EXPECT_EQ(counters.retained_repeats.value(), 1u);
  EXPECT_EQ(log->head(), 5u);
}

TEST_F(MemoryLogTest, EachHasATagOfItsOwn) {
  open(1u << 20, 1'000);
  const auto tag = log->tag();
  open(1u << 20, 1'000);
  EXPECT_NE(log->tag(), tag);
}

}  // namespace
}  // namespace fieldcast

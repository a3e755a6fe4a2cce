#include "app/watch.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "app/loop_lag.hpp"
#include "tests/unit/log_lines.hpp"

namespace fieldcast {
namespace {

using namespace std::chrono_literals;

class WatchClock final : public Clock {
 public:
  std::int64_t wall_ms() const noexcept override { return 1'764'000'000'000; }
  Instant now() const noexcept override { return at; }
  Instant at = 1h;
};

class WatchTest : public testing::Test {
 protected:
  WatchClock clock_;
  Counters log_, shard_;
  std::vector<const Counters*> sets_{&log_, &shard_};
  test::LogLines lines_;
  Watch watch_{sets_, clock_};
};

TEST_F(WatchTest, NotesEachLimitOfAKeyThatIsReachedWithItsNumber) {
  watch_.look();
  EXPECT_EQ(lines_.count(""), 0u);
  log_.reached(Limit::topics);
  shard_.reached(Limit::views);
  shard_.reached(Limit::views);
  shard_.reached(Limit::head_bytes);  // a client's own fault
  watch_.look();
  watch_.look();
  const auto lines = lines_.of(Event::limit_reached);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].name, "views");
  EXPECT_EQ(lines[0].text, "limits.views is reached");
  EXPECT_EQ(lines[0].times, 2u);
  EXPECT_EQ(lines[1].name, "topics");
  shard_.reached(Limit::views);
  watch_.look();
  EXPECT_EQ(lines_.of(Event::limit_reached).size(), 3u);
}

TEST_F(WatchTest, NotesEntriesThatAreLostAndDamage) {
  log_.lost_entries.add(7);
  log_.damaged.add();
  watch_.look();
  watch_.look();
  ASSERT_EQ(lines_.of(Event::entries_lost).size(), 1u);
  EXPECT_EQ(lines_.of(Event::entries_lost)[0].times, 7u);
  EXPECT_EQ(lines_.of(Event::data_damaged).size(), 1u);
  EXPECT_EQ(lines_.count(""), 2u);
}

TEST_F(WatchTest, KnowsSinceWhenClientsAreTurnedAway) {
  watch_.look();
  EXPECT_FALSE(watch_.clients_refused());
  shard_.reached(Limit::connections);
  watch_.look();
  EXPECT_EQ(watch_.clients_refused(), clock_.wall_ms());
  clock_.at += kRefusing - 1s;
  watch_.look();
  EXPECT_TRUE(watch_.clients_refused());
  shard_.reached(Limit::connections);
  watch_.look();
  clock_.at += kRefusing - 1s;
  watch_.look();
  EXPECT_TRUE(watch_.clients_refused()) << "another one was";
  clock_.at += 1s;
  watch_.look();
  EXPECT_FALSE(watch_.clients_refused());
}

TEST(LoopLag, IsTheLongestOfTheLastMinuteOrTwo) {
  LoopLag lag;
  lag.note(1h, 5ms);
  lag.note(1h + 10s, 900ms);
  lag.note(1h + 20s, 5ms);
  EXPECT_EQ(lag.value(), 900ms);
  lag.note(1h + 70s, 7ms);
  EXPECT_EQ(lag.value(), 900ms);
  lag.note(1h + 131s, 6ms);
  EXPECT_EQ(lag.value(), 7ms);
  lag.note(3h, 1ms);  // held up for long: what was before is over
  EXPECT_EQ(lag.value(), 1ms);
}

}  // namespace
}  // namespace fieldcast

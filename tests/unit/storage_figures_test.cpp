// What the log tells of itself for the metrics.
#include <gtest/gtest.h>

#include <string>

#include "storage/durable_log.hpp"
#include "tests/unit/storage_durable_log_fixture.hpp"

namespace fieldcast::test {
namespace {

class LogFiguresTest : public DurableLogTest {
 protected:
  std::int64_t forward(std::chrono::milliseconds time) {
    clock.steady += time;
    return clock.wall += time.count();
  }
};

TEST_F(LogFiguresTest, TellWhatIsInMemoryAndWhatWaitsForTheDisk) {
  open();
  const LogFigures empty = log->figures();
  EXPECT_EQ(empty.head, 0u);
  EXPECT_EQ(empty.epochs, 1u);
  EXPECT_EQ(empty.oldest_entry, 0);
  EXPECT_EQ(empty.oldest_in_memory, 0);
  EXPECT_EQ(empty.journal_used_bytes, 0u);
  EXPECT_EQ(empty.journal_bytes, options.memory_bytes);
  EXPECT_EQ(empty.last_commit, 0);
  EXPECT_TRUE(empty.storage_up);
  EXPECT_EQ(empty.keep_bytes, options.keep_bytes);
  EXPECT_EQ(empty.keep_for, options.keep_for);

  const std::int64_t first = forward(std::chrono::seconds(5));
  append("a", std::string(500, '1'));
  forward(std::chrono::seconds(5));
  append("b", std::string(500, '1'));
  const LogFigures two = log->figures();
  EXPECT_EQ(two.head, 2u);
  EXPECT_EQ(two.oldest_entry, first);
  EXPECT_EQ(two.oldest_in_memory, first);
  EXPECT_GT(two.journal_used_bytes, 1'000u);
  EXPECT_LT(two.journal_used_bytes, 1'300u);
  EXPECT_GT(two.unstored_bytes, 1'000u);
}

TEST_F(LogFiguresTest, TellOfTheLastCommitAndTheDisk) {
  open();
  append("a");
  clock.meanwhile = [this] { forward(std::chrono::milliseconds(1)); };  // the commit asks for the time
  log->store_turn();
  clock.meanwhile = nullptr;
  const LogFigures figures = log->figures();
  EXPECT_EQ(figures.last_commit, clock.wall);
  EXPECT_GT(figures.last_commit_time.count(), 0);
  EXPECT_EQ(counters.commit_us.value(), static_cast<std::uint64_t>(figures.last_commit_time.count()));
  EXPECT_EQ(figures.unstored_bytes, 0u);
  EXPECT_GT(figures.free_bytes, 0u);

  append("b");
  log->store_turn();
  EXPECT_GE(log->figures().last_commit, figures.last_commit);
  log->finish();
  EXPECT_EQ(log->figures().storage_since, figures.storage_since) << "nothing has changed";
}

TEST_F(LogFiguresTest, TellTheOldestEntryOnDiskAlsoAfterAStartAndRetention) {
  options.keep_for = std::chrono::hours(1);
  options.memory_entries = 1;
  open();
  const std::int64_t first = forward(std::chrono::seconds(1));
  append("a");
  log->store_turn();
  forward(std::chrono::seconds(1));
  append("b");
  log->store_turn();
  forward(std::chrono::seconds(1));
  append("c");  // a and b are on disk only
  EXPECT_EQ(log->figures().oldest_entry, first);
  EXPECT_GT(log->figures().oldest_in_memory, first);
  stop();
  open();
  EXPECT_EQ(log->figures().oldest_entry, first);
  EXPECT_EQ(log->figures().epochs, 2u);
  // An eighth of keep_for closes a block, and with the third of them the first is too old.
  std::int64_t second = 0;
  for (int block = 0; block < 9; ++block) {
    const std::int64_t now = forward(std::chrono::minutes(8));
    if (block == 0) second = now;
    append("d");
    log->store_turn();
  }
  EXPECT_GT(counters.expired_blocks.value(), 0u);
  EXPECT_GE(log->figures().oldest_entry, second);
}

TEST_F(LogFiguresTest, CountReadsThatWait) {
  open();
  append("a");
  log->store_turn();
  EXPECT_EQ(log->figures().reads_waiting, 0u);
  read = std::make_shared<HistoryRead>();
  read->until = 1;
  read->filters = FilterSet({"#"});
  read->max_entries = read->max_bytes = 1'000;
  log->read_history(read, shard);
  EXPECT_EQ(log->figures().reads_waiting, 1u);
  EXPECT_TRUE(log->history_turn());
  EXPECT_EQ(log->figures().reads_waiting, 0u);
}

}  // namespace
}  // namespace fieldcast::test

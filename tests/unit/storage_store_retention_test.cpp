// What the database forgets, when, and what it still knows then: retention, log time and the state.
#include <filesystem>

#include "storage/schema.hpp"
#include "tests/unit/storage_store_fixture.hpp"

namespace fieldcast {
namespace {

using namespace std::chrono_literals;
using test::Entries;
using test::Kept;
using test::random_bytes;

class StoreRetentionTest : public test::StoreTest {
 protected:
  /// So many readings that the tail becomes a block before them.
  void commit_block(const std::string& topic = "hall/1") {
    Entries entries;
    const std::uint64_t first = store->last_seq() + 1;
    for (std::uint64_t seq = first; seq < first + kBlockEntries; ++seq) entries.add(seq, topic, "1");
    commit(entries.all());
  }

  std::int64_t blocks() const { return number("SELECT count(*) FROM block"); }
};

TEST_F(StoreRetentionTest, BlocksGoWhenTheyAreOlderThanTheyMayBe) {
  options.keep_for = 60min;
  open();
  for (int i = 0; i < 5; ++i) {
    commit_block();
    clock.pass(10min);
  }
  EXPECT_EQ(blocks(), 4);
  EXPECT_EQ(store->floor(), 0u);
  EXPECT_EQ(store->expired(), 0u);
  clock.pass(10min + 1ms);  // the first is 60 min and 1 ms old
  commit_reading("hall/1");
  EXPECT_EQ(blocks(), 4);
  EXPECT_EQ(store->expired(), kBlockEntries);
  EXPECT_EQ(store->floor(), kBlockEntries);
  EXPECT_EQ(counters.expired_blocks.value(), 1u);
  EXPECT_EQ(number("SELECT count(*) FROM body"), 4);
  commit_reading("hall/1");
  EXPECT_EQ(blocks(), 4) << "only where a block is closed";

  clock.pass(240h);
  commit_block();
  EXPECT_EQ(blocks(), 1) << "the newest is kept in any case";
  open();
  EXPECT_EQ(store->expired(), 5 * kBlockEntries);
  EXPECT_EQ(store->floor(), 5 * kBlockEntries);
}

TEST_F(StoreRetentionTest, ANearlySilentLogKeepsItsBoundOfAge) {
  options.keep_for = 80h;
  open();
  for (int i = 0; i < 300; ++i) {
    if (i % 50 == 49) open();
    clock.pass(1h);
    commit_reading("hall/1");
  }
  EXPECT_LE(300 - store->floor(), 80 + 10 + 1 + 10) << "an eighth longer, and the block that is not closed yet";
  EXPECT_GE(300 - store->floor(), 80u);
}

TEST_F(StoreRetentionTest, AWallClockThatJumpsDeletesNothing) {
  options.keep_for = 72h;
  open();
  commit_block();
  commit_block();
  const std::int64_t now = clock.wall;
  for (const std::int64_t wall : {2'147'483'647'000, std::int64_t{0}, now, std::int64_t{1}}) {
    clock.wall = wall;
    commit_block();  // while it runs
    open();          // and at a start
    commit_block();
  }
  EXPECT_EQ(store->expired(), 0u);
  EXPECT_EQ(blocks(), 9);
}

TEST_F(StoreRetentionTest, LogTimeGoesOnWhileTheGatewayIsOffButADayAtMost) {
  open();
  commit_reading("hall/1");
  clock.pass(3h);
  EXPECT_EQ(store->log_ms(), 3 * 3'600'000);
  commit_reading("hall/1");
  clock.wall += 3'600'000;
  clock.steady = 5s;  // of another start of the machine
  open();
  EXPECT_EQ(store->log_ms(), 4 * 3'600'000);
  clock.wall -= 7'200'000;
  open();
  EXPECT_EQ(store->log_ms(), 3 * 3'600'000) << "never back";
  clock.wall += 1'000'000'000'000;
  open();
  EXPECT_EQ(store->log_ms(), 27 * 3'600'000);
}

TEST_F(StoreRetentionTest, LogTimeSurvivesDamage) {
  open();
  commit_reading("hall/1");
  clock.pass(3h);
  commit_block();
  change("DELETE FROM tail");
  open();
  EXPECT_EQ(store->log_ms(), 3 * 3'600'000) << "by the block";
  change("UPDATE body SET data = zeroblob(length(data))");
  open();
  EXPECT_EQ(store->log_ms(), 0) << "by its row";
  clock.pass(5h);
  commit_block();
  commit_block();
  change("DELETE FROM tail");
  change("UPDATE body SET data = zeroblob(length(data))");
  open();
  EXPECT_EQ(store->log_ms(), 5 * 3'600'000);
}

TEST_F(StoreRetentionTest, TheFileStaysWithinItsBytes) {
  std::mt19937_64 random(8);
  options.keep_bytes = kSmallestKeep;
  open();
  std::uint64_t written = 0, most = 0, seq = 0;
  while (written < 10 * options.keep_bytes) {
    Entries entries;
    for (std::uint64_t bytes = 0; bytes < (1u << 20);) {
      const std::size_t size = random() % 20'000;
      entries.add(++seq, "hall/" + std::to_string(random() % 100),
                  random_bytes(random, size / 2) + std::string(size / 2, '.'));
      bytes += size / 2;
    }
    commit(entries.all());
    written += 1u << 20;
    most = std::max(most, store->bytes());
    ASSERT_LE(store->bytes(), options.keep_bytes);
    clock.pass(1s);
  }
  EXPECT_GT(most, options.keep_bytes / 2) << "and makes use of them";
  EXPECT_EQ(counters.database_bytes.value(), store->bytes());
  EXPECT_GT(states, 3);
  EXPECT_EQ(store->floor(), store->expired());
  EXPECT_EQ(store->floor(), static_cast<std::uint64_t>(number("SELECT min(first_seq) FROM block")) - 1);
}

TEST_F(StoreRetentionTest, ASmallerBoundIsReachedStepByStep) {
  std::mt19937_64 random(9);
  open();
  const auto commit_large = [&] { commit_reading("hall/1", random_bytes(random, 600'000)); };
  Entries entries;
  for (std::uint64_t seq = 1; seq <= 80; ++seq) entries.add(seq, "hall/1", random_bytes(random, 600'000));
  commit(entries.all());
  EXPECT_EQ(blocks(), 80);
  commit_large();
  EXPECT_EQ(blocks(), 81);
  EXPECT_LE(store->bytes() - std::filesystem::file_size(path()), kWriteAheadBytes) << "once it begins anew";
  options.keep_bytes = kSmallestKeep;
  open();
  commit_large();
  EXPECT_EQ(blocks(), 82 - 64);
  commit_large();
  EXPECT_LT(blocks(), 14);
  EXPECT_LE((number("PRAGMA page_count") - number("PRAGMA freelist_count")) * 1'024, 8 << 20);
}

TEST_F(StoreRetentionTest, AStateIsWrittenBeforeWhatItNeedsIsDeleted) {
  options.keep_for = 5min;  // less than kStateAge
  open();
  std::mt19937_64 random(10);
  for (int i = 0; i < 40; ++i) {
    commit_block(i % 10 == 0 ? "rare/" + std::to_string(i) : "hall/" + std::to_string(i % 3));
    clock.pass(1min);
    ASSERT_LE(store->expired(), static_cast<std::uint64_t>(
                                    number("SELECT coalesce((SELECT value FROM fact WHERE name = 'state_seq'), 0)")));
    if (random() % 4 == 0) open();
  }
  EXPECT_LE(blocks(), 8);
  EXPECT_GT(states, 0);
  open();
  std::map<std::string, Kept> known;
  std::uint64_t seq = 0;
  for (const Kept& kept : loaded()) {
    known.insert_or_assign(kept.topic, kept);
    ASSERT_GT(kept.entry.seq, seq) << "in log order";
    seq = kept.entry.seq;
  }
  EXPECT_EQ(known, latest) << "of every topic, also of those whose readings have expired";
  EXPECT_TRUE(known.contains("rare/0"));
  EXPECT_EQ(loaded_counts(), counts) << "also of what has expired";
  EXPECT_EQ(counts.at("rare/0"), kBlockEntries);
}

TEST_F(StoreRetentionTest, WithoutAStateNothingIsDeleted) {
  options.keep_for = 1min;
  open();
  for (int i = 0; i < 5; ++i) {
    store->begin();
    Entries entries;
    const std::uint64_t first = store->last_seq() + 1;
    for (std::uint64_t seq = first; seq < first + kBlockEntries; ++seq) entries.add(seq, "hall/1", "1");
    store->add(entries.all());
    EXPECT_EQ(store->wants_state(), i >= 2) << "two blocks are there, and the first is old";
    store->expire();
    store->commit();
    clock.pass(2min);
  }
  EXPECT_EQ(blocks(), 4);
  EXPECT_EQ(store->expired(), 0u);
}

TEST_F(StoreRetentionTest, AStateIsWrittenAnewWhenItIsOldAndABlockIsClosed) {
  open();
  commit_block();
  clock.pass(kStateAge - 1ms);
  commit_block();
  EXPECT_EQ(states, 0);
  clock.pass(1ms);
  commit_block();
  EXPECT_EQ(states, 1);
  clock.pass(2 * kStateAge);
  commit_reading("hall/1");  // closes the block
  EXPECT_EQ(states, 2);
  commit_block();
  open();
  commit_block();
  EXPECT_EQ(states, 2) << "its age is known over a start";
  clock.pass(2 * kStateAge);
  commit_block();
  EXPECT_EQ(states, 3);
  clock.pass(2 * kStateAge);
  commit_reading("hall/1");
  EXPECT_EQ(states, 4);
  clock.pass(2 * kStateAge);
  commit_reading("hall/1");
  EXPECT_EQ(states, 4) << "only where a block is closed";
}

TEST_F(StoreRetentionTest, AStateIsReplacedAsAWhole) {
  open();
  const auto write = [&](std::size_t pieces, bool forgot) {
    Entries entries;
    entries.add(store->last_seq() + 1, "hall/1", "1");
    store->begin();
    store->add(entries.all());
    std::size_t given = 0;
    store->write_state(
        [&](Chunk& chunk) {
          chunk.entries.assign(1, entries.all().front());
          chunk.entries[0].topic = "latest";
          chunk.counts = {given + 7};
          return given++ < pieces;
        },
        forgot);
    store->commit();
  };
  write(3, false);
  EXPECT_EQ(loaded().size(), 3u);
  EXPECT_EQ(loaded()[0].topic, "latest");
  EXPECT_EQ(loaded_counts(), (std::map<std::string, std::uint64_t>{{"latest", 9}}));
  write(2, true);
  open();
  EXPECT_EQ(loaded().size(), 2u);
  EXPECT_TRUE(store->forgot_topics());
  write(0, false);
  open();
  EXPECT_TRUE(loaded().empty());
  EXPECT_FALSE(store->forgot_topics());
}

TEST_F(StoreRetentionTest, ADamagedPieceOfTheStateIsLeftOutAndSaid) {
  options.keep_for = 1min;
  open();
  commit_block("gone");
  commit_block("gone");
  clock.pass(1h);
  commit_block("there");
  ASSERT_EQ(states, 1);
  change("UPDATE state SET data = zeroblob(length(data))");
  open();
  EXPECT_FALSE(store->forgot_topics());
  EXPECT_TRUE(loaded().empty());
  EXPECT_TRUE(store->forgot_topics());
  EXPECT_EQ(counters.damaged.value(), 1u);
}

TEST_F(StoreRetentionTest, ABodyThatIsMissingIsDamaged) {
  open();
  commit_block("a");
  commit_block("b");
  change("DELETE FROM body");
  open();
  EXPECT_EQ(loaded().size(), kBlockEntries);
  EXPECT_EQ(counters.damaged.value(), 1u);
  EXPECT_TRUE(store->forgot_topics());
}

}  // namespace
}  // namespace fieldcast

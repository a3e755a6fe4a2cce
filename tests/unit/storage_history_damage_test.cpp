// The reader over a database that is damaged, away or cut: never a wrong reading, never a loss that is not told, and as
// much as there is.
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/storage_history_fixture.hpp"

namespace fieldcast {
namespace {

namespace fs = std::filesystem;

class HistoryDamageTest : public test::HistoryTest {
 protected:
  /// The database's file as bytes, without anything in its write-ahead log.
  std::string file() {
    database().run("PRAGMA wal_checkpoint(TRUNCATE)");
    std::ifstream in(path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void overwrite(std::size_t at, std::string_view bytes) {
    std::fstream out(path(), std::ios::binary | std::ios::in | std::ios::out);
    out.seekp(static_cast<std::streamoff>(at));
    out << bytes;
    ASSERT_TRUE(out.flush());
  }
  /// Breaks the chain of pages that hold these bytes of a blob, so that SQLite itself finds the damage.
  void break_pages_of(std::string_view bytes) {
    const std::string before = file();
    const std::size_t at = before.find(bytes);
    ASSERT_NE(at, std::string::npos);
    overwrite(at / kPageBytes * kPageBytes, std::string(4, '\xFF'));
  }

  std::mt19937_64 random{1};
};

using Seqs = std::vector<std::uint64_t>;
using Lost = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

TEST_F(HistoryDamageTest, ADamagedBlockOrRecordIsAHoleAndCountedOnce) {
  store_block(readings(1, 10));
  store_block(readings(11, 20));
  store_block(readings(21, 30));
  store_record(readings(31, 40), 30);
  store_record(readings(41, 50), 30);
  damage_body(11);
  lose(11, 20);
  damage("tail", "data", "part = 1 AND first_seq = 31");
  lose(31, 40);
  for (int run = 0; run < 3; ++run) {
    const Replay all = replay({.until = 50});
    EXPECT_EQ(all.lost, (Lost{{10, 20}, {30, 40}}));
    EXPECT_EQ(all.seqs.size(), 30u);
    const Replay back = replay({.until = 50, .order = Order::descending});
    EXPECT_EQ(back.lost, (Lost{{30, 40}, {10, 20}}));
    EXPECT_EQ(back.seqs.size(), 30u);
    EXPECT_EQ(counters.damaged.value(), 2u);
    store_record(readings(51 + run, 51 + run));  // the tail is read again
  }
  EXPECT_EQ(history->fault(), "");
}

TEST_F(HistoryDamageTest, ARecordWithoutAllItsPartsIsDamaged) {
  store_record(readings(1, 10), 30);
  store_record(readings(11, 20), 30);
  change("DELETE FROM tail WHERE part = 1 AND first_seq = 11");
  lose(11, 20);
  EXPECT_EQ(replay({.until = 20}).lost, (Lost{{10, 20}}));
  EXPECT_EQ(counters.damaged.value(), 1u);
}

TEST_F(HistoryDamageTest, ABodyOfOtherEntriesIsDamaged) {
  store_block(readings(1, 10));
  store_block(readings(11, 20));
  store_block(readings(21, 30));
  for (const char* other : {"1", "21"}) {
    change("UPDATE body SET data = (SELECT data FROM body WHERE first_seq = " + std::string(other) +
           ") WHERE first_seq = 11");
    lose(11, 20);
    reopen();
    EXPECT_EQ(replay({.until = 30}).lost, (Lost{{10, 20}}));
  }
  EXPECT_EQ(counters.damaged.value(), 2u);
}

TEST_F(HistoryDamageTest, DamagedTopicsCostNoReading) {
  store_block(readings(1, 10, "a"));
  damage("block", "topics", "first_seq = 1");
  EXPECT_EQ(replay({.until = 10, .filters = {"a"}}).seqs.size(), 10u);
  EXPECT_EQ(replay({.until = 10, .filters = {"b"}}).lost, Lost{});
}

TEST_F(HistoryDamageTest, DamageThatSqliteFindsInABodyIsThatBlocksOnly) {
  const std::string payload = test::random_bytes(random, 8'000);
  store_block(readings(1, 10));
  store_block({reading(11, "a", payload)});
  store_block(readings(12, 20));
  break_pages_of(std::string_view(payload).substr(4'000, 100));
  lose(11, 11);
  const Replay all = replay({.until = 20});
  EXPECT_EQ(all.lost, (Lost{{10, 11}}));
  EXPECT_EQ(all.seqs.size(), 19u);
  EXPECT_EQ(counters.damaged.value(), 1u);
}

TEST_F(HistoryDamageTest, AnErrorOnTheWayTakesNothingBack) {
  store_block(readings(1, 10));
  const std::string topic = test::random_bytes(random, 8'000);
  store_block({reading(11, topic, "1")});
  // The list of blocks cannot be read any further.
  change("DELETE FROM body WHERE first_seq = 11");
  break_pages_of(std::string_view(topic).substr(4'000, 100));
  lose(11, 11);
  const auto step = read({.until = 20});
  EXPECT_EQ(step->reached, 10u);
  EXPECT_EQ(step->chunk.entries.size(), 10u);
  EXPECT_NE(history->fault(), "");
  EXPECT_EQ(read({.after = 10, .until = 20})->reached, 20u);
  EXPECT_EQ(counters.damaged.value(), 0u);
  read({.until = 5});
  EXPECT_EQ(history->fault(), "");
  all_damage_known = false;
  const auto back = read({.until = 20, .order = Order::descending});
  EXPECT_TRUE(back->lost) << "it begins with what cannot be read";
  EXPECT_EQ(back->reached, 0u);
}

TEST_F(HistoryDamageTest, ADatabaseThatIsAwayHasLostAllUntilItComes) {
  EXPECT_EQ(replay({.after = 5, .until = 100}).lost, (Lost{{5, 100}}));
  EXPECT_NE(history->fault().find(path()), std::string::npos) << history->fault();
  EXPECT_FALSE(fs::exists(path())) << "a reader makes no database";
  store_block(readings(1, 100));
  EXPECT_EQ(replay({.until = 100}).seqs.size(), 100u);
  EXPECT_EQ(history->fault(), "");
  EXPECT_EQ(counters.damaged.value(), 0u);
}

TEST_F(HistoryDamageTest, WhatIsNoDatabaseHasLostAll) {
  directory.write("fieldcast.db", std::string(5'000, 'x'));
  EXPECT_EQ(replay({.until = 100}).lost, (Lost{{0, 100}}));
  EXPECT_NE(history->fault(), "");
  directory.write("fieldcast.db", "");
  EXPECT_EQ(replay({.until = 100}).lost, (Lost{{0, 100}}));
  EXPECT_NE(history->fault(), "") << "it has no tables";
}

// 512 bytes of garbage anywhere, as a bad sector leaves them: SQLite often does not notice.
TEST_F(HistoryDamageTest, NeverAWrongReadingNorASilentLoss) {
  std::uint64_t seq = 0;
  for (int block = 0; block < 30; ++block) {
    std::vector<Entry> entries;
    for (int i = 0; i < 40; ++i) {
      ++seq;
      entries.push_back(reading(seq, "t/" + std::to_string(random() % 50), test::random_bytes(random, 50)));
    }
    store_block(entries);
  }
  for (int record = 0; record < 20; ++record, seq += 20) store_record(readings(seq + 1, seq + 20));
  const std::string good = file();
  all_damage_known = false;
  std::size_t runs_with_loss = 0, runs_with_errors = 0;
  for (int run = 0; run < 150 && !HasFailure(); ++run) {
    SCOPED_TRACE(run);
    const std::size_t at = random() % (good.size() / 512) * 512;
    overwrite(at, test::random_bytes(random, 512));
    reopen();
    Replay all;
    for (std::uint64_t after = 0; after < seq && !HasFailure();) {
      const auto step = read({.after = after, .until = seq, .max_entries = 100});
      if (step->lost) all.lost.emplace_back(after, step->reached);
      if (history->fault() != "") ++runs_with_errors;
      after = step->reached;
    }
    for (std::uint64_t until = seq; until > 0 && !HasFailure();) {
      until = read({.until = until, .order = Order::descending, .max_entries = 100})->reached;
    }
    if (!all.lost.empty()) ++runs_with_loss;
    history.reset();
    overwrite(at, std::string_view(good).substr(at, 512));
  }
  EXPECT_GT(runs_with_loss, 50u);
  EXPECT_GT(runs_with_errors, 5u);
  all_damage_known = true;
  reopen();
  EXPECT_EQ(replay({.until = seq}).seqs.size(), seq) << "mended";
}

}  // namespace
}  // namespace fieldcast

// Pages of history from the program's own database: whole blocks of it, one that is damaged, and those that expire
// while a client pages through them.
#include "storage/sqlite.hpp"
#include "tests/unit/gateway_history_page_fixture.hpp"

namespace fieldcast {
namespace {

using namespace std::chrono_literals;
using test::downwards;
using test::from_cursor;
using test::from_kind;
using test::gap_of;
using test::Seqs;
using test::seqs_of;
using test::upwards;

class HistoryPageDiskTest : public test::HistoryPageTest {
 protected:
  HistoryPageDiskTest() {
    limits.batch_bytes = 16u << 20;  // pages end at their limit
    options.memory_entries = 100;
    options.keep_for = 1h;
  }

  void append_many(std::size_t count) {
    while (count-- != 0) append("a");
    log->store_turn();
  }
  void append_until_blocks(std::uint64_t blocks) {
    while (counters.blocks.value() < blocks) append_many(500);
  }
  std::uint64_t ask(const char* sql) const {
    return static_cast<std::uint64_t>(Database(files.database(), Database::Mode::existing).number(sql));
  }
  void pass(std::chrono::milliseconds time) {
    clock.steady += time;
    clock.wall += time.count();
  }
};

TEST_F(HistoryPageDiskTest, BlocksTailAndMemoryAreOneHistory) {
  open();
  append_until_blocks(1);
  for (int i = 0; i < 10; ++i) append("rare");
  append_until_blocks(2);
  for (int i = 0; i < 500; ++i) {
    append(i % 100 == 7 ? "rare" : "b");
    if (i % 50 == 0) log->store_turn();
  }
  ASSERT_EQ(counters.blocks.value(), 2u);
  const std::uint64_t head = log->head();
  for (const std::size_t limit : {999u, 10'000u}) {
    EXPECT_EQ(walk({FilterSet({"#"}), {}, {}, {}, limit, kUp}), upwards(1, head));
    EXPECT_EQ(walk({FilterSet({"#"}), {}, {}, {}, limit, kDown}), downwards(head, 1));
  }
  Seqs rare = walk({FilterSet({"rare"}), {}, {}, {}, 4, kUp});
  EXPECT_EQ(rare.size(), 15u);
  std::reverse(rare.begin(), rare.end());
  EXPECT_EQ(walk({FilterSet({"rare"}), {}, {}, {}, 4, kDown}), rare);
  EXPECT_EQ(walk({FilterSet({"none"}), {}, {}, {}, 4, kUp}), Seqs{});
  close();
  open();
  EXPECT_EQ(walk({FilterSet({"rare"}), {}, {}, {}, 4, kDown}), rare) << "over a restart";
}

TEST_F(HistoryPageDiskTest, WhatExpiredBetweenTwoPages) {
  open();
  append_until_blocks(1);
  const auto up = page(kUp, 500);
  const auto down = page(kDown, 5'000);
  pass(2h);
  append_until_blocks(2);
  const std::uint64_t floor = log->floor();
  ASSERT_GT(floor, down->cursor.seq);

  const auto on = page(kUp, 2, "#", from_cursor(up->cursor));
  EXPECT_EQ(gap_of(*on), "expired");
  EXPECT_EQ(seqs_of(*on), upwards(floor + 1, floor + 2)) << "on from the floor";
  const auto back = page(kDown, 2, "#", from_cursor(down->cursor));
  EXPECT_EQ(gap_of(*back), "") << "the history ends at the floor";
  EXPECT_EQ(seqs_of(*back), Seqs{});
  EXPECT_FALSE(back->more);
  // Whoever asks anew is told of no gap.
  EXPECT_EQ(gap_of(*page(kUp, 2)), "");
  EXPECT_EQ(gap_of(*page(kUp, 2, "#", from_kind(From::Kind::oldest))), "");
  const auto all = page(kDown, 10'000);
  EXPECT_EQ(seqs_of(*all), downwards(log->head(), floor + 1));
  EXPECT_FALSE(all->more);
  EXPECT_EQ(all->cursor, at(floor));
}

TEST_F(HistoryPageDiskTest, WhatExpiresWhileAPageIsRead) {
  open();
  append_until_blocks(1);
  test::PageAsker asker;
  HistoryPageReader up(*hub, asker, {FilterSet({"#"}), {}, {}, {}, 3, kUp});
  HistoryPageReader down(*hub, asker, {FilterSet({"#"}), from_cursor(at(3'000)), {}, {}, 3, kDown});
  ASSERT_EQ(up.take(), nullptr);
  ASSERT_EQ(down.take(), nullptr);
  pass(2h);
  append_until_blocks(2);
  const std::uint64_t floor = log->floor();
  ASSERT_GT(floor, 3'000u);
  while (log->history_turn() || std::exchange(shard.woken, false)) hub->run();
  ASSERT_EQ(asker.told, 2);
  const auto on = up.take(), end = down.take();
  EXPECT_EQ(gap_of(*on), "expired");
  EXPECT_EQ(seqs_of(*on), upwards(floor + 1, floor + 3));
  EXPECT_TRUE(on->more);
  EXPECT_EQ(gap_of(*end), "");
  EXPECT_EQ(seqs_of(*end), Seqs{});
  EXPECT_FALSE(end->more);
}

TEST_F(HistoryPageDiskTest, ADamagedBlockIsAGapBetweenTwoPages) {
  open();
  append_until_blocks(3);
  const std::uint64_t lost_first = ask("SELECT first_seq FROM block ORDER BY first_seq LIMIT 1 OFFSET 1");
  const std::uint64_t lost_last = ask("SELECT last_seq FROM block ORDER BY first_seq LIMIT 1 OFFSET 1");
  Database(files.database(), Database::Mode::existing)
      .run(
          "UPDATE body SET data = zeroblob(100) WHERE first_seq = "
          "(SELECT first_seq FROM block ORDER BY first_seq LIMIT 1 OFFSET 1)");
  const Seqs first = upwards(1, lost_first - 1), last = upwards(lost_last + 1, log->head());
  for (const std::size_t limit : {std::size_t{4'000}, first.size(), std::size_t{9'000}}) {
    std::vector<std::string> gaps;
    Seqs all = first;
    all.insert(all.end(), last.begin(), last.end());
    EXPECT_EQ(walk({FilterSet({"#"}), {}, {}, {}, limit, kUp}, &gaps), all);
    std::reverse(all.begin(), all.end());
    EXPECT_EQ(walk({FilterSet({"#"}), {}, {}, {}, limit, kDown}, &gaps), all);
    EXPECT_EQ(gaps, (std::vector<std::string>{"storage", "storage"}));
  }
  const auto up = page(kUp, 9'000);
  EXPECT_EQ(seqs_of(*up), first) << "it ends before the gap";
  EXPECT_TRUE(up->more);
  const auto down = page(kDown, 10'000);
  EXPECT_EQ(down->chunk.entries.back().seq, lost_last + 1);
  EXPECT_TRUE(down->more);
  EXPECT_FALSE(page(kUp, 9, "none")->gap) << "its topics are known to be others";
}

}  // namespace
}  // namespace fieldcast

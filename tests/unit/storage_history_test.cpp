// The reader of the database, step by step: everything comes once and in order, and what is missing is told.
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/storage_history_fixture.hpp"

namespace fieldcast {
namespace {

using test::HistoryTest;
using Seqs = std::vector<std::uint64_t>;
using Lost = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

Seqs from_to(std::uint64_t first, std::uint64_t last) {
  Seqs seqs;
  for (std::uint64_t seq = first; seq <= last; ++seq) seqs.push_back(seq);
  return seqs;
}

TEST_F(HistoryTest, PagesOfEverySizeGiveEverything) {
  store_block(readings(1, 9));
  store_block(readings(10, 10, "b"));
  store_block(readings(11, 40));
  store_record(readings(41, 43));
  store_record(readings(44, 60, "c"), 20);  // in many parts
  store_record({link(61)});
  for (std::size_t entries = 1; entries <= 62; ++entries) {
    EXPECT_EQ(replay({.until = 61, .max_entries = entries}).seqs, from_to(1, 61)) << entries;
  }
  for (std::size_t bytes = 1; bytes <= 200; ++bytes) {
    EXPECT_EQ(replay({.until = 61, .max_bytes = bytes}).seqs, from_to(1, 61)) << bytes;
  }
  for (std::uint64_t after = 0; after < 61; ++after) {
    for (std::uint64_t until = after + 1; until <= 61; ++until) {
      EXPECT_EQ(replay({.after = after, .until = until}).seqs, from_to(after + 1, until));
    }
  }
}

TEST_F(HistoryTest, PagesOfEverySizeGiveEverythingBackwards) {
  store_block(readings(1, 9));
  store_block(readings(10, 10, "b"));
  store_block(readings(11, 40));
  store_record(readings(41, 43));
  store_record(readings(44, 60, "c"), 20);
  store_record({link(61)});
  const Order down = Order::descending;
  const auto backwards = [](std::uint64_t first, std::uint64_t last) {
    Seqs seqs = from_to(first, last);
    std::reverse(seqs.begin(), seqs.end());
    return seqs;
  };
  for (std::size_t entries = 1; entries <= 62; ++entries) {
    EXPECT_EQ(replay({.until = 61, .order = down, .max_entries = entries}).seqs, backwards(1, 61)) << entries;
  }
  for (std::size_t bytes = 1; bytes <= 200; ++bytes) {
    EXPECT_EQ(replay({.until = 61, .order = down, .max_bytes = bytes}).seqs, backwards(1, 61)) << bytes;
  }
  for (std::uint64_t after = 0; after < 61; ++after) {
    for (std::uint64_t until = after + 1; until <= 61; ++until) {
      EXPECT_EQ(replay({.after = after, .until = until, .order = down}).seqs, backwards(after + 1, until));
    }
  }
}

TEST_F(HistoryTest, AStepBringsAllThatItMay) {
  for (std::uint64_t first = 1; first < 1'000; first += 100) store_block(readings(first, first + 99));
  store_record(readings(1'001, 1'100));
  EXPECT_EQ(read({.until = 1'100, .max_entries = 250})->chunk.entries.size(), 250u);
  const auto step = read({.until = 1'100, .max_bytes = 500});  // "a" and its number: 3 bytes for the most
  EXPECT_GE(step->chunk.bytes.size(), 500u);
  EXPECT_EQ(step->reached, step->chunk.entries.back().seq);
}

TEST_F(HistoryTest, AStepLooksAtFewBlocksAndEndsBehindThem) {
  for (std::uint64_t first = 1; first < 1'000; first += 10) store_block(readings(first, first + 9));
  EXPECT_EQ(read({.until = 1'000})->reached, 10 * kHistoryBlocks);
  // What it only passes over costs less.
  EXPECT_EQ(read({.until = 1'000, .filters = {"b"}})->reached, 1'000u);
  for (std::uint64_t seq = 1'001; seq <= 2'000; ++seq) store_block(readings(seq, seq));
  EXPECT_EQ(read({.after = 1'000, .until = 2'000, .filters = {"b"}})->reached, 1'000 + kHistoryRows);
  EXPECT_EQ(read({.after = 1'000, .until = 2'000, .since = std::int64_t{1} << 60})->reached, 1'000 + kHistoryRows);
  const Order down = Order::descending;
  EXPECT_EQ(read({.until = 1'000, .order = down})->reached, 1'000 - 10 * kHistoryBlocks);
  EXPECT_EQ(read({.until = 2'000, .filters = {"b"}, .order = down})->reached, 2'000 - kHistoryRows);
}

TEST_F(HistoryTest, AReadingLargerThanAStepComesAlone) {
  store_block({reading(1, "a", "1"), reading(2, "a", std::string(50'000, 'x')), reading(3, "a", "3")});
  EXPECT_EQ(read({.after = 1, .until = 3, .max_bytes = 1'000})->reached, 2u);
  EXPECT_EQ(read({.until = 3, .max_bytes = 1'000})->reached, 2u);
  EXPECT_EQ(replay({.until = 3, .max_bytes = 1}).seqs, from_to(1, 3));
  EXPECT_EQ(replay({.until = 3, .max_entries = 0, .max_bytes = 0}).seqs, from_to(1, 3)) << "no step is for nothing";
}

TEST_F(HistoryTest, WhatIsMissingIsToldAtItsPlace) {
  store_block(readings(5, 9));
  auto with_hole = readings(20, 22);
  with_hole.push_back(reading(25, "a", "25"));
  store_block(with_hole);
  store_record(readings(30, 32));
  const Replay all = replay({.until = 40});
  EXPECT_EQ(all.seqs, (Seqs{5, 6, 7, 8, 9, 20, 21, 22, 25, 30, 31, 32}));
  EXPECT_EQ(all.lost, (Lost{{0, 4}, {9, 19}, {22, 24}, {25, 29}, {32, 40}}));
  // Also to who asks for other topics.
  EXPECT_EQ(replay({.until = 40, .filters = {"b"}}).lost, all.lost);
  // No further than it was asked.
  EXPECT_EQ(replay({.until = 3}).lost, (Lost{{0, 3}}));
  EXPECT_EQ(replay({.after = 10, .until = 15}).lost, (Lost{{10, 15}}));
  EXPECT_EQ(replay({.after = 33, .until = 40}).lost, (Lost{{33, 40}}));
  // The same, backwards.
  const Order down = Order::descending;
  const Replay back = replay({.until = 40, .order = down});
  EXPECT_EQ(back.seqs, (Seqs{32, 31, 30, 25, 22, 21, 20, 9, 8, 7, 6, 5}));
  EXPECT_EQ(back.lost, (Lost{{32, 40}, {25, 29}, {22, 24}, {9, 19}, {0, 4}}));
  EXPECT_EQ(replay({.until = 40, .filters = {"b"}, .order = down}).lost, back.lost);
  EXPECT_EQ(replay({.after = 2, .until = 3, .order = down}).lost, (Lost{{2, 3}}));
  EXPECT_EQ(replay({.after = 10, .until = 15, .order = down}).lost, (Lost{{10, 15}}));
}

TEST_F(HistoryTest, AnEmptyDatabaseHasLostEverything) {
  database();
  EXPECT_EQ(replay({.after = 3, .until = 1'000'000}).lost, (Lost{{3, 1'000'000}}));
  EXPECT_EQ(history->fault(), "");
}

TEST_F(HistoryTest, BlocksOfOtherTopicsAreNotDecoded) {
  store_block(readings(1, 10, "a"));
  store_block(readings(11, 20, "b"));
  store_block(readings(21, 30, "a"));
  auto with_link = readings(31, 39, "b");
  with_link.push_back(link(40));
  store_block(with_link);
  damage_body(11);  // who decodes it, finds that
  EXPECT_EQ(replay({.until = 30, .filters = {"a"}}).lost, Lost{});
  EXPECT_EQ(counters.damaged.value(), 0u);
  EXPECT_EQ(replay({.until = 40, .filters = {"c"}}).seqs, (Seqs{40})) << "link entries come in any case";

  lose(11, 20);
  EXPECT_EQ(replay({.until = 40, .filters = {"a", "b"}}).lost, (Lost{{10, 20}}));
  EXPECT_EQ(counters.damaged.value(), 1u);
  // The first entry of a time is looked for among all topics.
  EXPECT_EQ(read({.after = 10, .until = 30, .filters = {"a"}, .since = 0})->reached, 30u);
}

TEST_F(HistoryTest, ABlockOutsideOfTheTimesIsNotDecoded) {
  auto early = readings(1, 10), mixed = readings(11, 20), late = readings(21, 29);
  const std::int64_t noon = 1'764'000'000'000;
  for (Entry& entry : early) entry.time = noon - 1;
  for (Entry& entry : mixed) entry.time = noon + (entry.seq == 15 ? 10 : entry.seq == 16 ? 19 : 100);
  for (Entry& entry : late) entry.time = noon + 20;
  late.erase(late.begin() + 3);  // 24
  store_block(early);
  store_block(mixed);
  store_block(late);
  damage_body(1);
  const TimeRange times{noon, noon + 20};
  for (const Order order : {Order::ascending, Order::descending}) {
    const Replay some = replay({.until = 29, .order = order, .times = times});
    EXPECT_EQ(some.seqs, (order == Order::ascending ? Seqs{15, 16} : Seqs{16, 15}));
    EXPECT_EQ(some.lost, (Lost{{23, 24}})) << "clocks jump: what is missing may be of any time";
  }
  EXPECT_EQ(counters.damaged.value(), 0u);
  lose(1, 10);
  EXPECT_EQ(replay({.after = 10, .until = 20, .times = {noon, noon}}).seqs, Seqs{});
  EXPECT_EQ(replay({.until = 20, .times = {std::nullopt, noon + 11}}).lost, (Lost{{0, 10}}));
  EXPECT_EQ(counters.damaged.value(), 1u);
}

TEST_F(HistoryTest, LinkEntriesCanBeLeftOut) {
  store_block({link(1), reading(2, "a", "2"), link(3)});
  store_block({link(4), link(5)});
  store_record({link(6), reading(7, "a", "7")});
  damage_body(4);
  EXPECT_EQ(replay({.until = 7, .filters = {"a"}, .links = false}).seqs, (Seqs{2, 7}));
  EXPECT_EQ(counters.damaged.value(), 0u) << "nothing but links is in it";
}

TEST_F(HistoryTest, AWholeBlockBeforeTheTimeIsNotDecoded) {
  store_block(readings(1, 10));
  store_block(readings(11, 20));
  damage_body(1);
  const auto step = read({.until = 20, .since = there.at(15).entry.time});
  EXPECT_EQ(step->chunk.entries.front().seq, 15u);
  EXPECT_EQ(counters.damaged.value(), 0u);
}

TEST_F(HistoryTest, BeginsAtTheFirstOfATimeHoweverTheClockJumped) {
  const std::int64_t noon = 1'764'000'000'000;
  auto first = readings(1, 6), second = readings(8, 10, "b");
  for (std::size_t i = 0; i < 6; ++i) first[i].time = noon + static_cast<std::int64_t>(i < 3 ? i * 100 : i);
  for (Entry& entry : second) entry.time = noon + 150;
  store_block(first);   // 0 100 200 3 4 5
  store_block(second);  // 150 150 150, behind a hole
  EXPECT_EQ(replay({.until = 10, .since = noon}).seqs, (Seqs{1, 2, 3, 4, 5, 6, 8, 9, 10}));
  EXPECT_EQ(replay({.until = 10, .since = noon + 101}).seqs, (Seqs{3, 4, 5, 6, 8, 9, 10})) << "in log order from there";
  EXPECT_EQ(replay({.after = 3, .until = 10, .since = noon + 101}).seqs, (Seqs{8, 9, 10}));
  EXPECT_EQ(replay({.after = 3, .until = 10, .since = noon + 101}).lost, Lost{}) << "the hole is before it";
  EXPECT_EQ(replay({.until = 10, .since = noon + 101}).lost, (Lost{{6, 7}}));
  EXPECT_EQ(replay({.until = 10, .since = noon + 201}).seqs, Seqs{});

  // It was met, even where the filters leave it out.
  EXPECT_EQ(read({.until = 6, .filters = {"b"}, .since = noon + 200})->since, std::nullopt);
  EXPECT_EQ(read({.until = 2, .filters = {"b"}, .since = noon + 200})->since, noon + 200);
}

TEST_F(HistoryTest, SeesWhatIsStoredAndDeletedBetweenTwoSteps) {
  store_block(readings(1, 10));
  store_block(readings(11, 20));
  store_record(readings(21, 22));
  EXPECT_EQ(replay({.until = 22}).seqs, from_to(1, 22));
  store_record(readings(23, 24));
  EXPECT_EQ(replay({.until = 24}).seqs, from_to(1, 24));
  // The tail becomes a block; its slots stay as they are, and count no more.
  store_block(readings(21, 24));
  EXPECT_EQ(replay({.until = 24}).seqs, from_to(1, 24));
  EXPECT_EQ(replay({.until = 24, .order = Order::descending}).seqs.size(), 24u);
  change("UPDATE tail SET first_seq = 25, last_seq = 25 WHERE slot = 1");  // one is used again, by a damaged record
  EXPECT_EQ(replay({.until = 25}).lost, (Lost{{24, 25}}));
  store_record(readings(26, 30));
  EXPECT_EQ(replay({.after = 25, .until = 30}).seqs, from_to(26, 30));
  change("DELETE FROM tail");
  lose(26, 30);
  EXPECT_EQ(replay({.after = 25, .until = 30}).lost, (Lost{{25, 30}}));
  // Deleted between two steps, although they were decoded.
  EXPECT_EQ(read({.until = 24, .max_entries = 5})->reached, 5u);
  change("DELETE FROM block WHERE first_seq = 1; DELETE FROM body WHERE first_seq = 1");
  lose(1, 10);
  const Replay rest = replay({.after = 5, .until = 24});
  EXPECT_EQ(rest.lost, (Lost{{5, 10}}));
  EXPECT_EQ(rest.seqs, from_to(11, 24));
}

TEST_F(HistoryTest, KeepsTheBlocksThatWereUsedLast) {
  const std::string payload(kDecodedBytes / 4, 'p');  // and something besides: so three are kept
  for (std::uint64_t seq = 1; seq <= 5; ++seq) store_block({reading(seq, "a", payload)});
  const auto is_lost = [&](std::uint64_t seq) { return read({.after = seq - 1, .until = seq})->lost; };
  for (const std::uint64_t seq : {1, 2, 3, 1, 4}) EXPECT_FALSE(is_lost(seq));  // 4 takes the place of 2
  // From here on the database has none of them.
  change("DELETE FROM body");
  for (const std::uint64_t seq : {1, 3, 4}) EXPECT_FALSE(is_lost(seq));
  lose(2, 2);
  EXPECT_TRUE(is_lost(2));
}

TEST_F(HistoryTest, KeepsTheLastBlockHoweverLarge) {
  store_block({reading(1, "a", std::string(kDecodedBytes, 'p')), reading(2, "a", "2")});
  EXPECT_EQ(read({.until = 2, .max_entries = 1})->reached, 1u);
  change("DELETE FROM body");
  EXPECT_EQ(read({.after = 1, .until = 2})->reached, 2u);
  EXPECT_FALSE(read({.after = 1, .until = 2})->lost);
}

TEST_F(HistoryTest, NoTransactionOutlivesAStep) {
  store_block(readings(1, 100));
  const auto is_free = [&] {
    store_record(readings(there.rbegin()->first + 1, there.rbegin()->first + 1));
    database().run("PRAGMA busy_timeout=0");
    return database().number("PRAGMA wal_checkpoint(TRUNCATE)") == 0;
  };
  read({.until = 100, .max_entries = 5});
  EXPECT_TRUE(is_free());
  read({.until = 200});
  EXPECT_TRUE(is_free());
  change("ALTER TABLE tail RENAME TO gone");
  all_damage_known = false;
  EXPECT_TRUE(read({.after = 100, .until = 200})->lost);
  change("ALTER TABLE gone RENAME TO tail");
  EXPECT_TRUE(is_free());
}

TEST_F(HistoryTest, ReadsWhatTheStoreWrote) {
  test::HandClock clock;
  Store store({path(), std::chrono::hours(24), std::uint64_t{1} << 30}, clock, counters);
  std::mt19937_64 random(1);
  std::uint64_t seq = 0;
  while (seq < 2 * kBlockEntries + 500) {
    auto entries = readings(seq + 1, seq + 1 + random() % 300, "t/" + std::to_string(random() % 5));
    if (random() % 10 == 0) entries.push_back(link(entries.back().seq + 1));
    store.begin();
    store.add(entries);
    store.commit();
    for (const Entry& entry : entries) there.emplace(entry.seq, entry);
    seq = entries.back().seq;
  }
  ASSERT_GE(counters.blocks.value(), 2u);
  const Replay all = replay({.until = seq, .max_entries = 500});
  EXPECT_EQ(all.seqs, from_to(1, seq));
  EXPECT_EQ(all.lost, Lost{});
  EXPECT_EQ(replay({.until = seq, .filters = {"t/3"}}).lost, Lost{});
}

// Any layout, with holes and damage, asked in any way.
TEST_F(HistoryTest, EveryStepAgreesWithTheModel) {
  std::size_t entries = 0, gaps = 0;
  for (unsigned seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const auto one_of = [&](std::uint64_t n) { return random() % n; };
    clear();
    std::uint64_t seq = one_of(5);
    std::int64_t time = 0;
    const std::uint64_t pieces = 1 + one_of(20), blocks = one_of(pieces + 1);
    for (std::uint64_t piece = 0; piece < pieces; ++piece) {
      std::vector<Entry> held;
      const std::string topic(1, static_cast<char>('a' + one_of(4)));
      if (one_of(4) == 0) seq += one_of(6);
      const bool mixed = one_of(3) == 0;
      for (std::uint64_t count = 1 + one_of(30); count != 0; --count) {
        seq += one_of(60) == 0 ? 2 : 1;
        time += static_cast<std::int64_t>(one_of(20)) - (one_of(30) == 0 ? 200 : 0);
        held.push_back(mixed && one_of(10) == 0 ? link(seq)
                                                : reading(seq, mixed ? topic + "/" + std::to_string(one_of(3)) : topic,
                                                          std::to_string(random())));
        held.back().time = time;
      }
      const std::string first = std::to_string(held.front().seq);
      const bool damaged = one_of(6) == 0;
      if (piece < blocks) {
        store_block(held);
        if (damaged && one_of(2) == 0) {
          damage_body(held.front().seq);
        } else if (damaged) {
          change("DELETE FROM body WHERE first_seq = " + first);
        }
        if (one_of(6) == 0) store_record(held);  // a slot that was not used again yet
        const bool topics_damaged = one_of(6) == 0;
        if (topics_damaged) damage("block", "topics", "first_seq = " + first);
        if (damaged) lose_body(held, !topics_damaged);
      } else {
        store_record(held, 1 + one_of(300));
        if (damaged && one_of(2) == 0) {
          damage("tail", "data", "part = 0 AND first_seq = " + first);
        } else if (damaged) {
          change("DELETE FROM tail WHERE part = parts - 1 AND first_seq = " + first);
        }
      }
      if (damaged) lose(held.front().seq, held.back().seq);
    }
    for (int run = 0; run < 30 && !HasFailure(); ++run) {
      Ask ask{.after = one_of(seq), .until = 0, .filters = {}};
      ask.until = ask.after + 1 + one_of(seq + 5 - ask.after);
      const std::vector<std::string> filters{"#", "a", "b/#", "+/1", "c/0", "z"};
      for (std::uint64_t n = 1 + one_of(2); n != 0; --n) ask.filters.push_back(filters[one_of(filters.size())]);
      if (one_of(2) == 0) {
        ask.order = Order::descending;
      } else if (one_of(3) == 0) {
        ask.since = time - static_cast<std::int64_t>(one_of(2'000));
      }
      if (one_of(3) == 0) ask.times.start = time - static_cast<std::int64_t>(one_of(2'000));
      if (one_of(3) == 0) ask.times.end = time - static_cast<std::int64_t>(one_of(2'000));
      ask.links = one_of(2) == 0;
      ask.max_entries = 1 + one_of(run % 2 == 0 ? 10 : 1'000);
      ask.max_bytes = 1 + one_of(run % 3 == 0 ? 100 : 10'000);
      const Replay all = replay(ask);
      entries += all.seqs.size();
      gaps += all.lost.size();
    }
    if (HasFailure()) return;
  }
  EXPECT_GT(entries, 10'000u);
  EXPECT_GT(gaps, 1'000u);
}

}  // namespace
}  // namespace fieldcast

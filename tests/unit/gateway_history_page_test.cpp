// Pages of history over the program's log: in memory, on disk, over restarts; where they begin and end, and what their
// cursors say.
#include <filesystem>

#include "tests/unit/gateway_history_page_fixture.hpp"

namespace fieldcast {
namespace {

using test::downwards;
using test::from_cursor;
using test::from_kind;
using test::gap_of;
using test::HistoryPageTest;
using test::Seqs;
using test::seqs_of;
using test::upwards;

TEST_F(HistoryPageTest, AnEmptyLogHasAnEmptyPage) {
  open();
  for (const Order order : {kUp, kDown}) {
    const auto empty = page(order);
    EXPECT_EQ(seqs_of(*empty), Seqs{});
    EXPECT_FALSE(empty->more);
    EXPECT_FALSE(empty->gap);
    EXPECT_EQ(empty->cursor, at(0));
    EXPECT_EQ(empty->head, at(0));
  }
}

TEST_F(HistoryPageTest, BothOrdersFromMemory) {
  open();
  for (int i = 0; i < 10; ++i) append(i % 2 == 0 ? "a" : "b");
  const auto up = page(kUp, 3);
  EXPECT_EQ(seqs_of(*up), (Seqs{1, 2, 3}));
  EXPECT_TRUE(up->more);
  EXPECT_EQ(up->cursor, at(3));
  EXPECT_EQ(up->head, at(10));
  const auto next = page(kUp, 7, "#", from_cursor(up->cursor));
  EXPECT_EQ(seqs_of(*next), upwards(4, 10));
  EXPECT_FALSE(next->more) << "it holds the last one";
  EXPECT_EQ(next->cursor, at(10));

  const auto down = page(kDown, 3);
  EXPECT_EQ(seqs_of(*down), (Seqs{10, 9, 8}));
  EXPECT_TRUE(down->more);
  EXPECT_EQ(down->cursor, at(7));
  EXPECT_EQ(down->head, at(10));
  const auto before = page(kDown, 7, "#", from_cursor(down->cursor));
  EXPECT_EQ(seqs_of(*before), downwards(7, 1));
  EXPECT_FALSE(before->more);
  EXPECT_EQ(before->cursor, at(0));
}

TEST_F(HistoryPageTest, MoreIsSaidOnlyWhereMoreMatches) {
  open();
  append("a");
  append("b");
  append("a");
  append("b");
  EXPECT_FALSE(page(kUp, 2, "a")->more);
  EXPECT_EQ(page(kUp, 2, "a")->cursor, at(4)) << "the head, since nothing matches up to there";
  EXPECT_TRUE(page(kUp, 1, "a")->more);
  EXPECT_EQ(page(kUp, 1, "a")->cursor, at(2)) << "right before the next one";
  EXPECT_FALSE(page(kDown, 2, "b")->more);
  EXPECT_EQ(page(kDown, 2, "b")->cursor, at(0));
  EXPECT_TRUE(page(kDown, 1, "b")->more);
  EXPECT_EQ(page(kDown, 1, "b")->cursor, at(2));
}

TEST_F(HistoryPageTest, LinkEntriesDoNotCome) {
  open();
  append_link();
  append("a");
  append_link();
  for (const Order order : {kUp, kDown}) {
    const auto in_memory = page(order, 1);
    EXPECT_EQ(seqs_of(*in_memory), (Seqs{2}));
    EXPECT_FALSE(in_memory->more);
  }
  log->store_turn();
  options.memory_entries = 1;
  close();
  open();
  append("b");
  EXPECT_EQ(seqs_of(*page(kUp, 5, "a")), Seqs{2});
  EXPECT_EQ(counters.history_entries.value(), 1u) << "nor are they read";
  for (const Order order : {kUp, kDown}) EXPECT_EQ(walk({FilterSet({"#"}), {}, {}, {}, 1, order}).size(), 2u);
}

TEST_F(HistoryPageTest, ReadingsKeepAllThatIsKnownOfThem) {
  options.memory_entries = 1;
  open();
  append("x", "\"on\"");
  append("x", "on", Kind::text);
  append("x", std::string("\0\xFF", 2), Kind::binary);
  append("x", "", Kind::omitted);
  const auto look = [&] {
    const auto all = page(kUp);
    std::vector<std::string> told;
    for (const Entry& entry : all->chunk.entries) {
      std::string& json = told.emplace_back();
      append_entry(json, entry, true);
    }
    return told;
  };
  const auto in_memory = look();
  ASSERT_EQ(in_memory.size(), 4u);
  EXPECT_NE(in_memory[3].find("\"size\":1000000"), std::string::npos);
  log->store_turn();
  append("y");  // only this one is left in memory
  EXPECT_EQ(counters.history_reads.value(), 0u);
  auto from_disk = look();
  EXPECT_EQ(from_disk.size(), 5u);
  EXPECT_NE(counters.history_reads.value(), 0u);
  from_disk.pop_back();
  EXPECT_EQ(from_disk, in_memory);
}

TEST_F(HistoryPageTest, BothOrdersGoOverFromDiskToMemory) {
  options.memory_entries = 10;
  open();
  for (int i = 0; i < 100; ++i) {
    append(i % 10 == 0 ? "rare" : "often");
    if (i % 7 == 0) log->store_turn();
  }
  for (std::size_t limit = 1; limit <= 101; limit += 9) {
    EXPECT_EQ(walk({FilterSet({"#"}), {}, {}, {}, limit, kUp}), upwards(1, 100)) << limit;
    EXPECT_EQ(walk({FilterSet({"#"}), {}, {}, {}, limit, kDown}), downwards(100, 1)) << limit;
    EXPECT_EQ(walk({FilterSet({"rare"}), {}, {}, {}, limit, kDown}), (Seqs{91, 81, 71, 61, 51, 41, 31, 21, 11, 1}));
  }
}

TEST_F(HistoryPageTest, TheTimesOfReadingsAreJudgedOneByOne) {
  options.memory_entries = 3;
  open();
  for (const std::int64_t time : {100, 200, 300, 150, 250, 200, 400}) append_at(time);
  for (int run = 0; run < 2; ++run) {
    EXPECT_EQ(walk({FilterSet({"a"}), {}, 150, 300, 2, kUp}), (Seqs{2, 4, 5, 6})) << "start is in, end is not";
    EXPECT_EQ(walk({FilterSet({"a"}), {}, 150, 300, 2, kDown}), (Seqs{6, 5, 4, 2}));
    EXPECT_EQ(walk({FilterSet({"a"}), {}, 300, {}, 1, kUp}), (Seqs{3, 7}));
    EXPECT_EQ(walk({FilterSet({"a"}), {}, {}, 200, 5, kDown}), (Seqs{4, 1}));
    const auto none = page({FilterSet({"a"}), {}, 500, {}, 5, kUp});
    EXPECT_EQ(none->cursor, none->head);
    EXPECT_FALSE(none->more);
    log->store_turn();
    append_at(1'000, "b");  // the oldest leave memory
  }
}

TEST_F(HistoryPageTest, BeginsAtTheFirstReadingOfATime) {
  options.memory_entries = 3;
  open();
  for (const std::int64_t time : {100, 200, 300, 150, 250, 200, 400}) append_at(time);
  for (int run = 0; run < 2; ++run) {
    const auto read_from = [&](const From& from) { return seqs_of(*page({FilterSet({"#"}), from, {}, 500, 50, kUp})); };
    EXPECT_EQ(read_from(from_kind(From::Kind::time, 201)), (Seqs{3, 4, 5, 6, 7})) << "in log order from there";
    EXPECT_EQ(read_from(from_kind(From::Kind::time, 100)), upwards(1, 7));
    EXPECT_EQ(read_from(from_kind(From::Kind::time, 5'000)), Seqs{});
    EXPECT_EQ(read_from(from_kind(From::Kind::ago, clock.wall - 300)), (Seqs{3, 4, 5, 6, 7}));
    EXPECT_EQ(read_from(from_kind(From::Kind::oldest)), upwards(1, 7));
    // Together with a range.
    EXPECT_EQ(walk({FilterSet({"#"}), from_kind(From::Kind::time, 201), {}, 300, 1, kUp}), (Seqs{4, 5, 6}));
    log->store_turn();
    append_at(1'000);
  }
}

TEST_F(HistoryPageTest, WhereAPageCannotBegin) {
  open();
  append("a");
  for (const From::Kind kind : {From::Kind::now, From::Kind::latest, From::Kind::unknown}) {
    const HistoryPageRequest up{FilterSet({"a"}), from_kind(kind), {}, {}, 5, kUp};
    ASSERT_TRUE(fault(up));
    EXPECT_EQ(fault(up)->code, Code::bad_from);
    EXPECT_FALSE(read(up)->more);
  }
  for (const From::Kind kind : {From::Kind::now, From::Kind::oldest, From::Kind::time, From::Kind::ago}) {
    const HistoryPageRequest down{FilterSet({"a"}), from_kind(kind), {}, {}, 5, kDown};
    ASSERT_TRUE(fault(down));
    EXPECT_EQ(fault(down)->code, Code::bad_from);
    EXPECT_NE(fault(down)->detail.find("use end"), std::string::npos);
    EXPECT_FALSE(read(down)->more);
  }
}

TEST_F(HistoryPageTest, APageHoldsNoMoreThanABatchOrOneReading) {
  limits.batch_bytes = 1'000;
  options.memory_entries = 2;
  open();
  append("a", std::string(300, '1'));
  append("a", std::string(300, '2'));
  append("a", std::string(300, '3'));
  append("a", std::string(20'000, '4'));
  append("b", std::string(200, '\1'), Kind::text);  // six times as long in JSON
  append("a");
  for (int run = 0; run < 2; ++run) {
    EXPECT_EQ(seqs_of(*page(kUp)), (Seqs{1, 2}));
    EXPECT_TRUE(page(kUp)->more);
    EXPECT_EQ(seqs_of(*page(kUp, 10, "#", from_cursor(at(3)))), (Seqs{4}));
    EXPECT_EQ(seqs_of(*page(kUp, 10, "#", from_cursor(at(4)))), (Seqs{5}));
    EXPECT_EQ(seqs_of(*page(kDown, 10, "#", from_cursor(at(4)))), (Seqs{4}));
    EXPECT_EQ(walk({FilterSet({"a"}), {}, {}, 1'764'000'000'001, 100, kUp}), (Seqs{1, 2, 3, 4, 6}));
    EXPECT_EQ(walk({FilterSet({"a"}), {}, {}, 1'764'000'000'001, 100, kDown}), (Seqs{6, 4, 3, 2, 1}));
    log->store_turn();
    clock.wall = 1'764'000'000'001;
    append("a");
  }
}

TEST_F(HistoryPageTest, LargeReadingsInMemoryComeBackwardsToo) {
  open();
  for (int i = 0; i < 20; ++i) append("a", std::string(i % 3 == 0 ? 40'000 : 10, '1'));
  EXPECT_EQ(walk({FilterSet({"#"}), {}, {}, {}, 100, kDown}), downwards(20, 1));
}

TEST_F(HistoryPageTest, ALongWalkGivesWay) {
  open();
  for (int i = 0; i < 5'000; ++i) append("a", std::string(100, '1'));
  for (const Order order : {kUp, kDown}) {
    test::PageAsker asker;
    HistoryPageReader reader(*hub, asker, {FilterSet({"b"}), {}, {}, {}, 5, order});
    std::size_t turns = 0;
    for (; reader.take() == nullptr && turns < 1'000; ++turns) {
      ASSERT_TRUE(std::exchange(shard.woken, false)) << "it does not go on by itself";
      hub->run();
    }
    EXPECT_GE(turns, 2u);
    EXPECT_EQ(asker.told, 1);
  }
}

TEST_F(HistoryPageTest, WhoLeavesIsToldNothing) {
  options.memory_entries = 1;
  open();
  for (int i = 0; i < 50; ++i) append("a");
  log->store_turn();
  append("a");
  test::PageAsker asker;
  std::vector<std::unique_ptr<HistoryPageReader>> readers;
  for (std::size_t i = 0; i < 2 * kHistoryReads; ++i) {
    readers.push_back(std::make_unique<HistoryPageReader>(
        *hub, asker, HistoryPageRequest{FilterSet({"a"}), {}, {}, {}, 5, i % 2 == 0 ? kUp : kDown}));
    readers.back()->take();
  }
  EXPECT_EQ(test::reached(counters, Limit::replays), kHistoryReads);
  EXPECT_EQ(counters.replays_waiting.value(), kHistoryReads);
  readers.resize(1);  // some had asked, others wait to
  EXPECT_EQ(counters.replays_waiting.value(), 0u);
  while (log->history_turn()) hub->run();
  EXPECT_EQ(asker.told, 1);
  EXPECT_EQ(seqs_of(*readers[0]->take()), upwards(1, 5));
  EXPECT_EQ(counters.history_reads.value(), 1u) << "the reads of those that left were not done";
}

TEST_F(HistoryPageTest, TheHeadJoinsAStreamWithoutASeam) {
  open();
  append("a");
  append("a");
  const auto before = page(kDown, 1);
  EXPECT_EQ(before->head, at(2));
  append("a");
  EXPECT_EQ(page(kDown, 1)->head, at(3));
  EXPECT_EQ(hub->position(), 3u) << "views hold what comes behind a page's head";
}

TEST_F(HistoryPageTest, CursorsOfASnapshot) {
  open();
  for (int i = 0; i < 6; ++i) append("a");
  const Cursor snapshot{log->tag(), 2, 5};
  EXPECT_EQ(seqs_of(*page(kUp, 10, "#", from_cursor(snapshot))), upwards(3, 6)) << "nothing is missed";
  EXPECT_EQ(seqs_of(*page(kDown, 10, "#", from_cursor(snapshot))), downwards(5, 1));
  for (const Order order : {kUp, kDown}) {
    EXPECT_EQ(gap_of(*page(order, 10, "#", from_cursor({log->tag(), 5, 2}))), "unknown") << "a place behind its head";
  }
}

TEST_F(HistoryPageTest, ACursorOfAnotherLogIsUnknown) {
  open();
  for (int i = 0; i < 6; ++i) append("a");
  const From unknown = from_cursor({log->tag() + 1, 2, std::nullopt});
  const auto up = page(kUp, 10, "#", unknown);
  EXPECT_EQ(gap_of(*up), "unknown");
  EXPECT_EQ(up->gap->missed, std::nullopt);
  EXPECT_EQ(seqs_of(*up), Seqs{});
  EXPECT_FALSE(up->more);
  EXPECT_EQ(up->cursor, at(6));
  const auto down = page(kDown, 4, "#", unknown);
  EXPECT_EQ(gap_of(*down), "unknown");
  EXPECT_EQ(seqs_of(*down), downwards(6, 3));
  EXPECT_TRUE(down->more);
  EXPECT_EQ(counters.gaps[static_cast<std::size_t>(GapReason::unknown)].value(), 2u);
}

// A power cut: what was not on disk is lost, and the log goes on far ahead.
TEST_F(HistoryPageTest, ALostTailIsAGapBetweenTwoPages) {
  options.brokers = {};
  open();
  for (int i = 0; i < 5; ++i) append("a");
  log->store_turn();
  append("a");
  const Cursor lost = at(6), kept = at(5);
  close();
  std::filesystem::remove_all(files.journal());
  open();
  const std::uint64_t first = append("a");
  ASSERT_GT(first, 1'000u);
  const Seqs all_up{1, 2, 3, 4, 5, first}, all_down{first, 5, 4, 3, 2, 1};
  for (std::size_t limit = 1; limit < 8; ++limit) {
    std::vector<std::string> gaps;
    EXPECT_EQ(walk({FilterSet({"a"}), {}, {}, {}, limit, kUp}, &gaps), all_up);
    EXPECT_EQ(walk({FilterSet({"a"}), {}, {}, {}, limit, kDown}, &gaps), all_down);
    EXPECT_EQ(gaps, (std::vector<std::string>{"storage", "storage"}));
  }
  const auto end = page(kUp, 5);
  EXPECT_TRUE(end->more) << "a gap is to be told";
  EXPECT_EQ(end->cursor, at(5));
  // Even where nothing of it can match.
  const auto nothing = page({FilterSet({"a"}), from_cursor(kept), 0, 1, 5, kUp});
  EXPECT_EQ(gap_of(*nothing), "storage");
  EXPECT_FALSE(nothing->more);
  for (const Cursor& cursor : {lost, kept}) {
    const auto on = page(kUp, 5, "a", from_cursor(cursor));
    EXPECT_EQ(gap_of(*on), "storage");
    EXPECT_EQ(seqs_of(*on), (Seqs{first}));
    const auto back = page(kDown, 2, "a", from_cursor(cursor));
    EXPECT_EQ(gap_of(*back), cursor == lost ? "storage" : "");
    EXPECT_EQ(seqs_of(*back), (Seqs{5, 4}));
  }
}

}  // namespace
}  // namespace fieldcast

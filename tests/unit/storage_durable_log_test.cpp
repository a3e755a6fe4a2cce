// The log over real files: what it keeps in memory and on disk, and how a start goes on after each kind of end.
#include "tests/unit/storage_durable_log_fixture.hpp"

namespace fieldcast {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Topics = std::vector<std::string>;
using DurableLogTest = test::DurableLogTest;

TEST_F(DurableLogTest, ANewLogBeginsAtOne) {
  open();
  EXPECT_EQ(log->head(), 0u);
  EXPECT_EQ(log->floor(), 0u);
  EXPECT_TRUE(log->began_empty());
  EXPECT_TRUE(log->state().up) << log->state().detail;
  append("a");
  EXPECT_EQ(log->head(), 1u);
  EXPECT_EQ(log->end_of(log->tag()), 1u);
  EXPECT_EQ(log->end_of(log->tag() + 1), std::nullopt);
}

TEST_F(DurableLogTest, WakesItsReaders) {
  open();
  log->add_wakeup(shard);
  append("a");
  append("b");
  EXPECT_EQ(shard.woken, 2);
}

TEST_F(DurableLogTest, GoesOnAfterACleanStop) {
  open();
  append("a");
  append("b");
  const auto tag = log->tag();
  stop();
  fs::remove_all(files.journal());  // a reboot
  open();
  EXPECT_EQ(log->head(), 2u);
  EXPECT_NE(log->tag(), tag);
  EXPECT_EQ(log->end_of(tag), 2u);
  EXPECT_TRUE(log->warnings().empty() || log->warnings().size() == 1);  // where /tmp is no tmpfs
  append("c");
  EXPECT_EQ(log->head(), 3u);
  EXPECT_EQ(log->floor(), 0u);
  EXPECT_EQ(topics_of(ask(0, 2).chunk), (Topics{"a", "b"}));
  EXPECT_EQ(latest(), (Topics{"a", "b", "c"}));
  EXPECT_FALSE(log->began_empty());
}

TEST_F(DurableLogTest, GoesOnAfterAKillWithWhatWasNotOnDisk) {
  open();
  append("a");
  log->store_turn();
  append("b");
  append("c");
  const auto tag = log->tag();
  kill();
  open();
  EXPECT_EQ(log->head(), 3u);
  EXPECT_EQ(log->end_of(tag), 3u);
  EXPECT_EQ(topics_in_memory(), (Topics{"a", "b", "c"}));
  append("d");
  log->store_turn();
  EXPECT_EQ(topics_of(ask(0, 4).chunk), (Topics{"a", "b", "c", "d"})) << "what was only in the journal is stored too";
  EXPECT_EQ(latest(), (Topics{"a", "b", "c", "d"}));
}

TEST_F(DurableLogTest, LeavesAHoleAfterAPowerCut) {
  open();
  append("a");
  log->store_turn();
  append("lost");
  const auto tag = log->tag();
  cut_power();
  open();
  EXPECT_EQ(log->head(), 1 + kReserved);
  EXPECT_EQ(log->end_of(tag), 1u) << "what was behind it is lost";
  EXPECT_FALSE(log->warnings().empty());
  append("b");
  log->store_turn();
  EXPECT_EQ(topics_of(ask(0, log->head()).chunk), Topics{"a"});
  EXPECT_EQ(read->reached, 1u);
  EXPECT_TRUE(ask(1, log->head()).lost);
  EXPECT_EQ(read->reached, 1 + kReserved);
  EXPECT_EQ(topics_of(ask(read->reached, log->head()).chunk), Topics{"b"});
  EXPECT_EQ(log->gone(1), GapReason::storage);
}

TEST_F(DurableLogTest, TakesAnOlderCopyOfTheDatabaseForWhatItIs) {
  open();
  append("a");
  const auto first_tag = log->tag();
  stop();
  const auto copy = files.database() + ".copy";
  fs::copy_file(files.database(), copy);
  open();
  append("b");
  const auto second_tag = log->tag();
  stop();
  for (const char* tail : {"", "-wal", "-shm"}) fs::remove(files.database() + tail);
  fs::rename(copy, files.database());
  fs::remove_all(files.journal());
  open();
  EXPECT_EQ(log->end_of(first_tag), 1u);
  EXPECT_EQ(log->end_of(second_tag), std::nullopt) << "an epoch that this copy does not know";
  EXPECT_EQ(latest(), Topics{"a"});
}

TEST_F(DurableLogTest, OnlyTheJournalKnowsWhatCameWhileTheDatabaseWasAway) {
  const auto away = fs::path(files.database());
  fs::create_directory(away);  // no file can be opened there
  open();
  EXPECT_FALSE(log->state().up);
  EXPECT_FALSE(log->state().detail.empty());
  const auto first = log->head();
  append("a");
  log->store_turn();
  EXPECT_FALSE(log->state().up);
  const auto tag = log->tag();
  kill();
  open();
  EXPECT_EQ(log->head(), first + 1);
  EXPECT_EQ(log->end_of(tag), first + 1);
  EXPECT_EQ(topics_in_memory(), Topics{"a"});
  append("b");
  fs::remove(away);
  log->store_turn();
  EXPECT_TRUE(log->state().up) << log->state().detail;
  stop();
  fs::remove_all(files.journal());
  open();
  EXPECT_EQ(log->end_of(tag), first + 1);
  EXPECT_EQ(topics_of(ask(first, first + 2).chunk), (Topics{"a", "b"}));
  EXPECT_EQ(latest(), (Topics{"a", "b"}));
}

TEST_F(DurableLogTest, TakesUpADatabaseThatWasAwayAtTheStart) {
  open();
  append("a");
  append("b");
  const auto tag = log->tag();
  stop();
  fs::remove_all(files.journal());
  const auto elsewhere = files.database() + ".elsewhere";
  fs::rename(files.database(), elsewhere);
  fs::create_directory(files.database());
  open();
  EXPECT_TRUE(log->began_empty());
  EXPECT_EQ(log->end_of(tag), std::nullopt);
  const auto first = log->head();
  append("b", "new");
  fs::remove(files.database());
  fs::rename(elsewhere, files.database());
  log->store_turn();
  EXPECT_TRUE(log->state().up) << log->state().detail;
  EXPECT_EQ(log->end_of(tag), 2u);
  EXPECT_EQ(log->floor(), 0u);
  EXPECT_EQ(latest(), (Topics{"a", "b"}));
  EXPECT_EQ(topics_of(ask(0, first + 1).chunk), (Topics{"a", "b"}));
  EXPECT_TRUE(ask(2, first + 1).lost) << "nobody knows what came in between";
}

TEST_F(DurableLogTest, WhatTheJournalCannotHoldWhileTheDiskIsAwayIsLost) {
  options.memory_bytes = Journal::smallest(limits);
  open();
  append("first");
  log->store_turn();
  // The directory of the database is not there any more for whoever opens it anew.
  kill();
  fs::rename(files.database(), files.database() + ".elsewhere");
  fs::create_directory(files.database());
  open();
  std::uint64_t appended = 0;
  for (; counters.lost_entries.value() < 10; ++appended) append("t", std::string(900, '1'));
  EXPECT_GT(test::reached(counters, Limit::memory_bytes), 0u);
  EXPECT_GT(log->floor(), 1u);
  EXPECT_EQ(log->gone(1), GapReason::storage);
  fs::remove(files.database());
  fs::rename(files.database() + ".elsewhere", files.database());
  log->store_turn();
  ASSERT_TRUE(log->state().up) << log->state().detail;
  EXPECT_EQ(log->floor(), 0u);
  EXPECT_EQ(topics_of(ask(0, log->head()).chunk), Topics{"first"});
  ASSERT_TRUE(ask(1, log->head()).lost);
  EXPECT_EQ(read->reached, 1 + counters.lost_entries.value() - 1) << "all but `first`, which was on disk";
  const auto hole = read->reached;
  EXPECT_EQ(ask(hole, log->head()).chunk.entries.size(), log->head() - hole);
}

TEST_F(DurableLogTest, ASmallMemoryKeepsWhatIsNotOnDisk) {
  options.memory_entries = 64;
  open();
  for (int i = 0; i < 500; ++i) append("t");
  EXPECT_EQ(topics_in_memory().size(), 500u);
  log->store_turn();
  append("t");
  EXPECT_EQ(topics_in_memory().size(), 64u);
  EXPECT_EQ(log->floor(), 0u);
  EXPECT_EQ(ask(0, log->head() - 64).chunk.entries.size(), 437u);
}

TEST_F(DurableLogTest, LooksForATimeInMemoryAndWhereItMayBeOnDisk) {
  options.memory_entries = 4;
  open();
  for (const std::int64_t time : {100, 200, 150, 300, 300, 50, 400}) {
    clock.wall = time;
    append("a");
  }
  EXPECT_EQ(log->before(100), 0u);
  EXPECT_EQ(log->before(151), 1u);
  EXPECT_EQ(log->before(301), 6u);
  EXPECT_EQ(log->before(401), 7u);
  log->store_turn();
  append("a");  // the first four are on disk only now
  EXPECT_EQ(log->before(300), 0u) << "the fourth, on disk";
  EXPECT_EQ(log->before(301), 6u);
}

TEST_F(DurableLogTest, LeavesOutARetainedRepeatAlsoAfterARestart) {
  open();
  EXPECT_TRUE(append("a", "1", true));
  EXPECT_FALSE(append("a", "1", true));
  EXPECT_TRUE(append("a", "2", true));
  EXPECT_TRUE(append("a", "1", true)) << "equal to an older one only";
  EXPECT_TRUE(append("a", "1")) << "not retained: a new reading";
  EXPECT_TRUE(append("b", "1", true));
  EXPECT_EQ(counters.retained_repeats.value(), 1u);
  EXPECT_EQ(log->head(), 5u);
  stop();
  fs::remove_all(files.journal());
  open();
  EXPECT_FALSE(append("b", "1", true));
  EXPECT_TRUE(append("b", "2", true));
}

TEST_F(DurableLogTest, ARetainedReadingOfAnotherBrokerIsNoRepeat) {
  options.brokers = {{"hall", {"#"}}, {"yard", {"#"}}};
  open();
  EXPECT_TRUE(append("a", "1", true, "hall"));
  EXPECT_TRUE(append("a", "1", true, "yard"));
  EXPECT_FALSE(append("a", "1", true, "yard"));
  cut_power();
  open();
  EXPECT_TRUE(append("a", "1", true, "hall")) << "nothing is on disk";
  EXPECT_TRUE(append("a", "1", true, "yard"));
  stop();
  fs::remove_all(files.journal());
  open();
  EXPECT_FALSE(append("a", "1", true, "yard"));
  EXPECT_TRUE(append("a", "1", true, "hall"));
  EXPECT_EQ(counters.retained_repeats.value(), 2u);
}

TEST_F(DurableLogTest, WritesDownForABrokerThatWasUp) {
  options.brokers = {{"local", {"#"}}, {"other", {"#"}}};
  open();
  EXPECT_EQ(log->head(), 2u) << "a new log says that both are down";
  append_link("local", LinkState::up);
  kill();
  open();
  EXPECT_EQ(log->head(), 4u) << "one more, for the one that was up";
  EXPECT_EQ(links(), (std::map<std::string, LinkState>{{"local", LinkState::down}, {"other", LinkState::down}}));
  append_link("other", LinkState::up);
  stop();
  options.brokers = {{"local", {"#"}}};
  open();
  EXPECT_EQ(log->head(), 6u) << "the one that is not configured any more goes down too";
  EXPECT_EQ(links(), (std::map<std::string, LinkState>{{"local", LinkState::down}}));
}

TEST_F(DurableLogTest, TellsTheBrokerOfEachEntryFromWhereverItIsRead) {
  options.brokers = {{"hall", {"#"}}, {"yard", {"#"}}};
  using Brokers = std::vector<std::string>;
  const auto brokers_of = [](const Chunk& chunk) {
    Brokers brokers;
    for (const Entry& entry : chunk.entries) brokers.emplace_back(entry.broker);
    return brokers;
  };
  const auto read_latest = [&] {
    Chunk chunk;
    log->latest(
        0, log->head(), [](std::string_view) { return true; }, 100, 1u << 20, chunk);
    return brokers_of(chunk);
  };
  open();
  append("a", "1", false, "hall");
  append("b", "1", false, "yard");
  append("a", "1", false, "yard");
  append("b", "2", false, "hall");
  const Brokers all{"hall", "yard", "hall", "yard", "yard", "hall"}, last{"yard", "hall"};
  for (const bool killed : {false, true}) {
    if (killed) {
      kill();
      open();
    }
    Chunk chunk;
    log->read(0, log->head(), 1u << 20, chunk);
    EXPECT_EQ(brokers_of(chunk), all);
    EXPECT_EQ(read_latest(), last);
  }
  stop();
  fs::remove_all(files.journal());
  open();
  EXPECT_EQ(brokers_of(ask(0, 6).chunk), all);
  EXPECT_EQ(read_latest(), last);
  Chunk chunk;
  log->links(chunk);
  EXPECT_EQ(brokers_of(chunk), (Brokers{"hall", "yard"}));
  for (const Entry& link : chunk.entries) {
    EXPECT_EQ(link.topic, "");
    EXPECT_EQ(link.payload, "hall");
  }
}

TEST_F(DurableLogTest, NamesBrokersWhereSeveralAreConfigured) {
  for (const std::size_t count : {0u, 1u, 2u, 3u}) {
    options.brokers.clear();
    for (std::size_t i = 0; i < count; ++i) options.brokers.push_back({std::to_string(i), {"#"}});
    open();
    EXPECT_EQ(log->names_brokers(), count > 1) << count;
    EXPECT_EQ(links().size(), count);
    stop();
  }
}

TEST_F(DurableLogTest, ForgetsABrokerThatADatabaseWhichComesLateTells) {
  options.brokers = {{"former", {"#"}}, {"quiet", {"#"}}, {"local", {"#"}}};
  open();
  append_link("former", LinkState::up);
  append_link("local", LinkState::up);
  stop();
  fs::remove_all(files.journal());
  const auto elsewhere = files.database() + ".elsewhere";
  fs::rename(files.database(), elsewhere);
  fs::create_directory(files.database());
  options.brokers = {{"local", {"#"}}};
  open();
  append_link("local", LinkState::up);
  const auto head = log->head();
  fs::remove(files.database());
  fs::rename(elsewhere, files.database());
  log->store_turn();
  ASSERT_TRUE(log->state().up) << log->state().detail;
  EXPECT_EQ(links(), (std::map<std::string, LinkState>{{"local", LinkState::up}}));
  ASSERT_EQ(log->head(), head + 1);
  Chunk chunk;
  log->read(head, head + 1, 1'000, chunk);
  ASSERT_EQ(chunk.entries.size(), 1u);
  EXPECT_EQ(chunk.entries[0].broker, "former");
  EXPECT_EQ(chunk.entries[0].state, LinkState::down);
}

TEST_F(DurableLogTest, ADatabaseOfAnOlderFormatIsLeftAsItIs) {
  open();
  append("a");
  stop();
  fs::remove_all(files.journal());
  Database(files.database(), Database::Mode::existing).run("PRAGMA user_version=1; PRAGMA wal_checkpoint(TRUNCATE)");
  const auto size = fs::file_size(files.database());
  open();
  EXPECT_FALSE(log->state().up);
  EXPECT_NE(log->state().detail.find("an older Fieldcast (format 1"), std::string::npos) << log->state().detail;
  EXPECT_EQ(log->state().detail.find('\n'), std::string::npos);
  EXPECT_GT(log->floor(), 1u) << "nothing of it is read";
  append("b");
  log->store_turn();
  EXPECT_FALSE(log->state().up);
  EXPECT_EQ(topics_in_memory(), Topics{"b"}) << "live delivery goes on";
  EXPECT_EQ(fs::file_size(files.database()), size);
  EXPECT_EQ(Database(files.database(), Database::Mode::existing).number("PRAGMA user_version"), 1);
  for (const char* tail : {"", "-wal", "-shm"}) fs::remove(files.database() + tail);  // moved away
  log->store_turn();
  EXPECT_TRUE(log->state().up) << log->state().detail;
  EXPECT_EQ(latest(), Topics{"b"});
}

TEST_F(DurableLogTest, RemembersFiltersThatABrokerMayStillHave) {
  options.brokers = {{"local", {"a/#", "b"}}};
  open();
  EXPECT_TRUE(log->former_topics("local").empty());
  stop();
  options.brokers = {{"local", {"a/#", "c"}}};
  open();
  EXPECT_EQ(log->former_topics("local"), Topics{"b"});
  stop();
  options.brokers = {{"local", {"b"}}};
  open();
  EXPECT_EQ(log->former_topics("local"), (Topics{"a/#", "c"}));
  EXPECT_TRUE(log->former_topics("other").empty());
  stop();
  options.brokers = {{"local", {"b"}}, {"other", {"a/#"}}};
  open();
  stop();
  options.brokers = {{"local", {"b"}}, {"other", {"d"}}};
  open();
  EXPECT_EQ(log->former_topics("local"), (Topics{"a/#", "c"})) << "each its own";
  EXPECT_EQ(log->former_topics("other"), Topics{"a/#"});
}

TEST_F(DurableLogTest, LatestReadingsOutliveRetention) {
  options.keep_for = 1h;
  options.memory_entries = 1;
  open();
  append("silent");
  for (int block = 0; block < 6; ++block) {
    for (std::size_t i = 0; i < kBlockEntries + 1; ++i) append("t");
    clock.steady += 30min;
    log->store_turn();
  }
  EXPECT_GT(counters.expired_blocks.value(), 0u);
  EXPECT_GT(log->floor(), 1u);
  EXPECT_EQ(log->gone(0), GapReason::expired);
  EXPECT_EQ(latest(), (Topics{"silent", "t"}));
  kill();
  fs::remove_all(files.journal());
  open();
  EXPECT_EQ(latest(), (Topics{"silent", "t"}));
  EXPECT_GT(log->floor(), 1u);
  EXPECT_EQ(log->gone(0), GapReason::expired);
}

TEST_F(DurableLogTest, RemembersThatATopicWasForgotten) {
  limits.topics = 2;
  open();
  for (const std::string topic : {"a", "b", "c"}) append(topic);
  EXPECT_EQ(log->latest_gap(), GapReason::expired);
  stop();
  fs::remove_all(files.journal());
  open();
  EXPECT_EQ(latest().size(), 2u);
  EXPECT_EQ(log->latest_gap(), GapReason::expired);
}

TEST_F(DurableLogTest, ASecondOneOverTheSameFilesIsRefused) {
  open();
  EXPECT_THROW(DurableLog(clock, limits, files.in(), counters), std::runtime_error);
  auto elsewhere = files.in();
  elsewhere.journal += "-elsewhere";
  EXPECT_THROW(DurableLog(clock, limits, elsewhere, counters), FileInUse) << "with a journal of its own too";
  append("a");
  stop();
  DurableLog(clock, limits, elsewhere, counters).finish();
}

TEST_F(DurableLogTest, TakesAnotherSizeOfTheMemoryWhenAllIsOnDisk) {
  options.memory_bytes = 1u << 20;
  open();
  append("a");
  kill();
  options.memory_bytes = 2u << 20;
  open();
  EXPECT_EQ(topics_in_memory(), Topics{"a"}) << "nothing is given up for it";
  stop();
  open();
  const std::string big(900, '1');
  for (int i = 0; i < 1'600; ++i) append("t", big);
  EXPECT_EQ(counters.lost_entries.value(), 0u) << "1.5 MB fit";
}

}  // namespace
}  // namespace fieldcast

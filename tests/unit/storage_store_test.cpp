// The database: what is committed is there after every end, and nothing else is.
#include <signal.h>
#include <sys/resource.h>

#include <filesystem>

#include "storage/store.hpp"
#include "tests/unit/storage_store_fixture.hpp"

namespace fieldcast {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using test::Entries;
using test::kept;
using test::Kept;
using test::random_bytes;
using test::StoreTest;

void add_random(Entries& entries, std::uint64_t seq, std::mt19937_64& random) {
  const auto one_in = [&](std::uint64_t n) { return random() % n == 0; };
  if (one_in(50)) {
    Entry& link = entries.add_link(seq, "broker-" + std::to_string(random() % 3));
    link.state = one_in(2) ? LinkState::up : LinkState::down;
    link.session_resumed = link.state == LinkState::up && one_in(2);
    return;
  }
  const std::size_t size = one_in(4'000) ? 300 * 1'024 : one_in(3) ? 1 : random() % 120;
  Entry& entry = entries.add(seq, "hall/" + std::to_string(random() % 70) + "/value", random_bytes(random, size),
                             "broker-" + std::to_string(one_in(9) ? random() % 300 : 0));
  entry.kind = one_in(20) ? Kind::omitted : static_cast<Kind>(random() % 3);
  if (entry.kind == Kind::omitted) {
    entry.payload = {};
    entry.size = random();
  }
  entry.retained = one_in(9);
  entry.redelivered = one_in(9);
  entry.time += static_cast<std::int64_t>(random() % 1'000'000'000) - 500'000'000;  // a clock that jumps
}

TEST_F(StoreTest, GivesBackWhatItWasGivenOverEveryRestart) {
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    fs::remove(path());
    std::mt19937_64 random(seed);
    Entries all;
    std::uint64_t seq = random() % 1'000'000;
    for (int commits = 0; commits < 60; ++commits) {
      if (!store || random() % 4 == 0) open();
      const std::size_t before = all.all().size();
      for (std::size_t more = random() % 900 + 1; more > 0; --more) {
        seq += random() % 500 == 0 ? 1'000'001 : 1;
        add_random(all, seq, random);
      }
      // Whether they come at once or bit by bit.
      std::span<const Entry> fresh = all.all().subspan(before);
      store->begin();
      while (!fresh.empty()) {
        const std::size_t some = random() % fresh.size() + 1;
        store->add(fresh.first(some));
        fresh = fresh.subspan(some);
      }
      ASSERT_FALSE(store->wants_state());
      store->expire();
      store->commit();
      ASSERT_EQ(store->last_seq(), seq);
    }
    open();
    ASSERT_EQ(loaded(), kept(all.all())) << "seed " << seed;
    EXPECT_EQ(store->end().last_seq, seq);
    EXPECT_EQ(store->floor(), all.all().front().seq - 1);
    EXPECT_GE(number("SELECT count(*) FROM block"), 4);
    store.reset();
  }
  EXPECT_EQ(counters.damaged.value(), 0u);
}

TEST_F(StoreTest, ManySmallReadingsAtOnceBecomeBlocksOfBoundedSize) {
  open();
  Entries entries;
  for (std::uint64_t seq = 1; seq <= 20'000; ++seq) entries.add(seq, "t", "1");
  commit(entries.all());
  EXPECT_EQ(loaded(), kept(entries.all()));
  EXPECT_EQ(number("SELECT max(entries) FROM block"), kBlockEntries);
  EXPECT_EQ(counters.blocks.value(), 3u);
  EXPECT_EQ(counters.stored_entries.value(), 20'000u);
  EXPECT_EQ(counters.commits.value(), 1u);
}

TEST_F(StoreTest, TellsOfEachBlockWhatReadersLookAt) {
  open();
  Entries entries;
  entries.add(10, "a", "1").time = 500;
  entries.add(11, "b", "2").time = -7;
  entries.add(13, "a", "3").time = 20;
  clock.pass(1h);
  commit(entries.all());
  clock.pass(1h);
  Entries more;
  for (std::uint64_t seq = 14; seq < 14 + kBlockEntries; ++seq) more.add(seq, "c", "1");
  commit(more.all());
  ASSERT_EQ(number("SELECT count(*) FROM block"), 1);
  EXPECT_EQ(number("SELECT first_seq FROM block"), 10);
  EXPECT_EQ(number("SELECT last_seq FROM block"), 13);
  EXPECT_EQ(number("SELECT entries FROM block"), 3);
  EXPECT_EQ(number("SELECT first_time FROM block"), -7);
  EXPECT_EQ(number("SELECT last_time FROM block"), 500);
  EXPECT_EQ(number("SELECT log_ms FROM block"), 3'600'000) << "as old as what is in it, not as when it was closed";
  Database database(path(), Database::Mode::existing);
  Statement row(database, "SELECT topics FROM block");
  ASSERT_TRUE(row.step());
  std::vector<std::string> topics;
  bool links = true;
  ASSERT_TRUE(BlockCodec().decode_topics(row.blob(0), topics, links));
  EXPECT_EQ(topics, (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(links);
}

// Each commit takes so many slots, so that the tail is full after few.
constexpr std::size_t kSlots = 64, kCommitsInTail = kTailSlots / kSlots;

class StoreTailTest : public StoreTest {
 protected:
  void commit_slots() { commit_reading("hall/1", random_bytes(random, kSlots * kPartBytes - 200)); }
  void commit_tails(std::size_t count) {
    for (std::size_t i = 0; i < count * kCommitsInTail; ++i) commit_slots();
  }
  std::mt19937_64 random{4};
};

TEST_F(StoreTailTest, CommitsReuseItsSlots) {
  open();
  commit_tails(1);
  EXPECT_EQ(number("SELECT count(*) FROM tail"), kTailSlots);
  EXPECT_EQ(number("SELECT count(*) FROM block"), 0);
  commit_slots();
  EXPECT_EQ(number("SELECT count(*) FROM block"), 1);
  const auto pages = number("PRAGMA page_count");
  for (std::size_t i = 1; i < kCommitsInTail; ++i) commit_slots();
  EXPECT_EQ(number("PRAGMA page_count"), pages) << "a commit makes the file no longer";
  commit_tails(3);
  EXPECT_EQ(number("SELECT count(*) FROM tail"), kTailSlots);
  EXPECT_EQ(number("SELECT count(*) FROM block"), 4);
  EXPECT_LE(number("PRAGMA page_count"), pages + 3 * (kTailSlots + 16)) << "but for the blocks themselves";
  EXPECT_EQ(loaded().size(), 5 * kCommitsInTail);
}

TEST_F(StoreTailTest, EachStartGoesOnBehindIt) {
  Entries entries;
  for (std::uint64_t seq = 1; seq <= 3 * kCommitsInTail; ++seq) {
    entries.add(seq, "hall/1", random_bytes(random, kSlots * kPartBytes - 200));
    open();
    commit(entries.all().last(1));
    ASSERT_EQ(store->floor(), 0u);
    ASSERT_EQ(loaded(), kept(entries.all()));
  }
  EXPECT_EQ(number("SELECT count(*) FROM block"), 2);
}

TEST_F(StoreTest, AnEntryTooLargeForTheTailIsABlockOfItsOwn) {
  std::mt19937_64 random(5);
  open();
  Entries entries;
  for (std::uint64_t seq = 1; seq <= 3; ++seq) entries.add(seq, "small", "1");
  entries.add(4, "large", random_bytes(random, 3u << 20));
  entries.add(5, "large", random_bytes(random, 3u << 20));
  entries.add(6, "small", "6");
  for (const Entry& entry : entries.all()) commit({&entry, 1});
  EXPECT_EQ(number("SELECT count(*) FROM block"), 3);
  EXPECT_EQ(number("SELECT count(*) FROM tail"), 3) << "slots are not deleted for it";
  EXPECT_EQ(loaded(), kept(entries.all()));
  open();
  EXPECT_EQ(loaded(), kept(entries.all()));
}

// --- All or nothing ------------------------------------------------------------------------------------------------

TEST_F(StoreTest, RollbackTakesEverythingBack) {
  options.keep_for = 1min;
  open();
  Entries before, then;
  for (std::uint64_t seq = 11; seq <= 10 + 2 * kBlockEntries; ++seq) before.add(seq, "hall/1", "1");
  for (std::uint64_t seq = 20'000; seq < 20'000 + 2 * kBlockEntries; ++seq) then.add(seq, "hall/2", "2");
  commit(before.all());
  const auto bytes = number("PRAGMA page_count");
  clock.pass(1h);

  for (const bool by_itself : {false, true}) {
    store->begin();
    store->add(then.all());
    ASSERT_TRUE(store->wants_state());
    bool given = false;
    store->write_state(
        [&](Chunk& chunk) {
          chunk.entries.assign(then.all().end() - 1, then.all().end());
          chunk.counts = {1};
          return !std::exchange(given, true);
        },
        true);
    store->expire();
    EXPECT_GT(store->expired(), 0u);
    EXPECT_GT(store->floor(), 10u);
    if (by_itself) {
      store.reset();  // what a crash leaves
      open();
    } else {
      store->rollback();
    }
    EXPECT_EQ(store->last_seq(), 10 + 2 * kBlockEntries);
    EXPECT_EQ(store->floor(), 10u);
    EXPECT_EQ(store->expired(), 0u);
    EXPECT_FALSE(store->forgot_topics());
    EXPECT_EQ(loaded(), kept(before.all()));
    EXPECT_EQ(number("PRAGMA page_count"), bytes);
  }
  EXPECT_EQ(counters.commits.value(), 1u);
  EXPECT_EQ(counters.blocks.value(), 1u);
  EXPECT_EQ(counters.expired_blocks.value(), 0u);
  EXPECT_EQ(counters.stored_entries.value(), 2 * kBlockEntries);

  commit(then.all());
  EXPECT_EQ(store->last_seq(), then.all().back().seq);
  EXPECT_GT(store->expired(), 0u);
  store->rollback();  // there is nothing to take back any more
  EXPECT_EQ(store->last_seq(), then.all().back().seq);
}

/// Files of this process end here for a while, as on a disk that is full.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) : handler_(signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit now{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &now);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    signal(SIGXFSZ, handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  sighandler_t handler_;
  rlimit before_{};
};

TEST_F(StoreTest, AFullDiskTakesNothingAndThenAllAgain) {
  std::mt19937_64 random(6);
  open();
  Entries all;
  std::size_t done = 0;
  // Small commits fail in COMMIT, large ones before it.
  for (const std::size_t size : {100u, 4u << 20}) {
    {
      const FullDisk full(fs::file_size(path() + "-wal") + 50'000);
      bool failed = false;
      for (int i = 0; i < 1'000 && !failed; ++i) {
        all.add(store->last_seq() + 1, "hall/1", random_bytes(random, size));
        try {
          store->begin();
          store->add(all.all().subspan(done));
          store->commit();
          done = all.all().size();
        } catch (const SqliteError& error) {
          failed = true;
          EXPECT_STRNE(error.what(), "");
          if (size > 100) store->rollback();
        }
      }
      ASSERT_TRUE(failed);
      EXPECT_EQ(store->last_seq(), done == 0 ? 0 : all.all()[done - 1].seq);
      EXPECT_EQ(loaded(), kept(all.all().first(done)));
    }
    commit(all.all().subspan(done));
    done = all.all().size();
    EXPECT_EQ(loaded(), kept(all.all()));
  }
  open();
  EXPECT_EQ(loaded(), kept(all.all()));
}

TEST_F(StoreTest, ADamagedRecordIsLeftOutAndCounted) {
  open();
  for (const char* topic : {"a", "b", "c"}) commit_reading(topic);
  const std::int64_t log_ms = store->log_ms();
  change("UPDATE tail SET data = zeroblob(length(data)) WHERE slot = 1");
  clock.pass(10s);
  open();
  EXPECT_FALSE(store->forgot_topics());
  const auto left = loaded();
  ASSERT_EQ(left.size(), 2u);
  EXPECT_EQ(left[0].topic, "a");
  EXPECT_EQ(left[1].topic, "c");
  EXPECT_EQ(counters.damaged.value(), 1u);
  EXPECT_TRUE(store->forgot_topics()) << "the latest reading of some topic may have been in it";
  EXPECT_EQ(store->log_ms(), log_ms + 10'000);

  change("UPDATE tail SET data = zeroblob(length(data)) WHERE slot = 2");
  Entries more;
  for (std::uint64_t seq = 4; seq < 4 + kBlockEntries; ++seq) more.add(seq, "d", "1");
  commit(more.all());
  EXPECT_EQ(counters.damaged.value(), 3u);
  EXPECT_EQ(number("SELECT entries FROM block"), 1);
  EXPECT_EQ(number("SELECT last_seq FROM block"), 3) << "or the damaged record would go on to count";
  EXPECT_EQ(loaded().size(), 1 + kBlockEntries);
  EXPECT_EQ(counters.damaged.value(), 3u);
}

TEST_F(StoreTest, ATailThatIsDamagedAsAWholeIsGivenUp) {
  std::mt19937_64 random(7);
  open();
  commit_reading("a", random_bytes(random, 400 * kPartBytes));
  change("UPDATE tail SET data = zeroblob(length(data))");
  open();
  EXPECT_EQ(store->last_seq(), 1u) << "its positions are not given again";
  Entries more;
  more.add(2, "b", random_bytes(random, 150 * kPartBytes));  // finds no room behind it
  commit(more.all());
  EXPECT_EQ(counters.damaged.value(), 1u);
  open();
  EXPECT_EQ(loaded(), kept(more.all()));
  EXPECT_EQ(counters.damaged.value(), 1u);
}

TEST_F(StoreTest, ARecordWithoutAllItsPartsIsDamaged) {
  std::mt19937_64 random(7);
  open();
  commit_reading("a", random_bytes(random, 3 * kPartBytes));
  commit_reading("b");
  change("DELETE FROM tail WHERE slot = 1");
  open();
  EXPECT_EQ(loaded().size(), 1u);
  EXPECT_EQ(counters.damaged.value(), 1u);
  commit_reading("c");
  EXPECT_EQ(loaded().size(), 2u);
}

// --- The small tables ----------------------------------------------------------------------------------------------

TEST_F(StoreTest, KnowsItsEpochsInOrderAndHowTheLastOneEnded) {
  open();
  EXPECT_TRUE(store->end().epochs.empty());
  EXPECT_FALSE(store->end().clean);
  const std::uint64_t a = 9, b = ~std::uint64_t{0}, c = 5, d = 7;
  store->set_epochs({}, {a, 1});
  commit_reading("hall/1");
  commit_reading("hall/1");

  open();  // a crash
  EXPECT_EQ(store->end().epochs, (std::vector<PastEpoch>{{a, 2}}));
  EXPECT_FALSE(store->end().clean);
  EXPECT_EQ(store->end().last_seq, 2u);
  store->set_epochs(std::vector<PastEpoch>{{a, 40}}, {b, 41});
  store->mark_clean();

  open();
  EXPECT_EQ(store->end().epochs, (std::vector<PastEpoch>{{a, 40}, {b, 2}}));
  EXPECT_TRUE(store->end().clean);
  store->set_epochs(std::vector<PastEpoch>{{a, 40}, {b, 2}}, {c, 3});
  const PastEpoch second_to_last[] = {{b, 2}, {c, 2}};  // the oldest is forgotten
  store->set_epochs(second_to_last, {d, 3});

  open();
  EXPECT_EQ(store->end().epochs, (std::vector<PastEpoch>{{b, 2}, {c, 2}, {d, 2}}));
  EXPECT_FALSE(store->end().clean) << "the mark was another epoch's";
  store->set_epochs(std::vector<PastEpoch>{{1, 1}}, {2, 2});  // of another log
  open();
  EXPECT_EQ(store->end().epochs, (std::vector<PastEpoch>{{1, 1}, {2, 2}}));
}

TEST_F(StoreTest, ACleanStopLeavesOneFile) {
  open();
  store->set_epochs({}, {1, 1});
  commit_reading("hall/1");
  EXPECT_GT(fs::file_size(path() + "-wal"), 0u);
  EXPECT_EQ(store->bytes(), fs::file_size(path()) + fs::file_size(path() + "-wal"));
  store->mark_clean();
  EXPECT_EQ(fs::file_size(path() + "-wal"), 0u);

  // Whoever reads meanwhile does not hold up the stop.
  open();
  Database reader(path(), Database::Mode::existing);
  reader.run("BEGIN");
  reader.number("SELECT count(*) FROM tail");
  store->set_epochs(std::vector<PastEpoch>{{1, 1}}, {2, 2});
  commit_reading("hall/1");
  const auto began = std::chrono::steady_clock::now();
  store->mark_clean();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 4s) << "less than a connection waits for another";
  EXPECT_EQ(number("SELECT last_seq FROM epoch ORDER BY place DESC"), 2);
  reader.run("ROLLBACK");
  open();
  EXPECT_TRUE(store->end().clean);
}

TEST_F(StoreTest, RemembersSubscriptions) {
  open();
  EXPECT_TRUE(store->subscriptions().empty());
  std::multimap<std::string, std::string> filters{{"far", "a/#"}, {"local", "a/#"}, {"local", "b/+"}};
  store->set_subscriptions(filters);
  open();
  EXPECT_EQ(store->subscriptions(), filters);
  filters = {{"local", "c"}};
  store->set_subscriptions(filters);
  open();
  EXPECT_EQ(store->subscriptions(), filters);
}

}  // namespace
}  // namespace fieldcast

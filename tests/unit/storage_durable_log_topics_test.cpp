// The counts of topics: exact over every end of the gateway, whatever was loaded first and whatever came meanwhile.
#include <random>

#include "tests/unit/storage_durable_log_fixture.hpp"

namespace fieldcast {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class TopicCountsTest : public test::DurableLogTest {
 protected:
  using Counts = std::map<std::string, std::uint64_t>;

  Counts counts() {
    Counts counts;
    std::string after;
    for (bool more = true; more;) {
      Chunk chunk;
      more = log->topics(after, {}, 100, 1u << 20, chunk);
      for (std::size_t i = 0; i < chunk.entries.size(); ++i) {
        EXPECT_TRUE(counts.emplace(chunk.entries[i].topic, chunk.counts[i]).second) << chunk.entries[i].topic;
      }
    }
    return counts;
  }

  void append_many(const std::string& topic, int count) {
    for (int i = 0; i < count; ++i) append(topic);
  }

  /// No database can be opened while it is hidden.
  void hide_database() {
    for (const char* end : {"", "-wal", "-shm"}) {
      const std::string file = files.database() + end;
      if (fs::exists(file)) fs::rename(file, file + ".hidden");
    }
    fs::create_directory(files.database());
  }
  void show_database() {
    fs::remove(files.database());
    for (const char* end : {"", "-wal", "-shm"}) {
      const std::string file = files.database() + end;
      if (fs::exists(file + ".hidden")) fs::rename(file + ".hidden", file);
    }
  }

  /// Closes a block, by its age, and writes the state then.
  void write_state() {
    clock.steady += 11min;
    append("state");
    log->store_turn();
  }
};

TEST_F(TopicCountsTest, CountReadingsThatWereTaken) {
  options.brokers = {{"local", {"#"}}};
  open();
  append("a", "1", true);
  append("a", "1", true);  // a repeat
  append("a", "2");
  append("$b");
  append_link("local", LinkState::up);
  EXPECT_EQ(counts(), (Counts{{"a", 2}, {"$b", 1}}));
  EXPECT_EQ(log->latest_gap(), std::nullopt);
}

TEST_F(TopicCountsTest, SurviveEachWayToEnd) {
  options.keep_for = 80min;
  open();
  append_many("a", 3);
  stop();
  fs::remove_all(files.journal());  // a reboot
  open();
  append_many("a", 2);
  append("b");
  log->store_turn();
  append("a");  // in the journal only
  kill();
  open();
  EXPECT_EQ(counts(), (Counts{{"a", 6}, {"b", 1}}));
  write_state();
  append("a");
  log->store_turn();
  append("b");
  kill();
  open();
  EXPECT_EQ(counts(), (Counts{{"a", 7}, {"b", 2}, {"state", 1}})) << "the state, the tail and the journal behind it";
  stop();
  open();
  EXPECT_EQ(counts(), (Counts{{"a", 7}, {"b", 2}, {"state", 1}}));
  log->store_turn();
  append("a");
  cut_power();
  open();
  EXPECT_EQ(counts(), (Counts{{"a", 7}, {"b", 2}, {"state", 1}})) << "what was on disk";
}

TEST_F(TopicCountsTest, OutliveRetention) {
  options.keep_for = 80min;
  options.memory_entries = 1;
  open();
  append_many("silent", 5);
  for (int i = 0; i < 20; ++i) write_state();
  EXPECT_GT(counters.expired_blocks.value(), 0u);
  EXPECT_GT(log->floor(), 5u);
  kill();
  fs::remove_all(files.journal());
  open();
  EXPECT_EQ(counts(), (Counts{{"silent", 5}, {"state", 20}}));
}

TEST_F(TopicCountsTest, ADatabaseThatComesLateIsAddedToWhatCameSince) {
  options.keep_for = 80min;
  open();
  append_many("both", 3);
  append("disk");
  write_state();
  append("both");
  log->store_turn();
  append_many("both", 2);  // from here on in the journal only
  append("journal");
  kill();
  hide_database();
  open();
  EXPECT_EQ(log->latest_gap(), GapReason::storage);
  EXPECT_EQ(counts(), (Counts{{"both", 6}, {"disk", 1}, {"journal", 1}, {"state", 1}})) << "what the journal has";
  append_many("both", 10);
  append("live");
  log->store_turn();
  EXPECT_EQ(counts().at("both"), 16u);
  const Counts all{{"both", 16}, {"disk", 1}, {"journal", 1}, {"live", 1}, {"state", 1}};
  show_database();
  log->store_turn();
  ASSERT_TRUE(log->state().up) << log->state().detail;
  EXPECT_EQ(log->latest_gap(), std::nullopt);
  EXPECT_EQ(counts(), all);
  log->store_turn();
  EXPECT_EQ(counts(), all);
  kill();
  open();
  EXPECT_EQ(counts(), all);
  stop();
  fs::remove_all(files.journal());
  open();
  EXPECT_EQ(counts(), all);
}

TEST_F(TopicCountsTest, ADatabaseThatComesLateWithoutItsJournal) {
  open();
  append_many("a", 3);
  append("b");
  stop();
  fs::remove_all(files.journal());
  hide_database();
  open();
  EXPECT_EQ(counts(), Counts{});
  append_many("a", 2);
  append("c");
  EXPECT_EQ(counts(), (Counts{{"a", 2}, {"c", 1}}));
  show_database();
  log->store_turn();
  EXPECT_EQ(counts(), (Counts{{"a", 5}, {"b", 1}, {"c", 1}}));
}

TEST_F(TopicCountsTest, AKillWhileTheDatabaseIsAwayLosesNothing) {
  open();
  append_many("a", 3);
  log->store_turn();
  append("a");
  kill();
  hide_database();
  for (int start = 0; start < 3; ++start) {
    open();
    append("a");
    log->store_turn();
    kill();
  }
  show_database();
  open();
  EXPECT_EQ(counts(), (Counts{{"a", 7}}));
}

// What the journal had to give up while the disk was away was counted when it came.
TEST_F(TopicCountsTest, CountWhatTheJournalLost) {
  options.memory_bytes = Journal::smallest(limits);
  open();
  append_many("a", 3);
  log->store_turn();
  kill();
  hide_database();
  open();
  std::uint64_t live = 0;
  for (; counters.lost_entries.value() < 10; ++live) append("a", std::string(900, '1'));
  show_database();
  log->store_turn();
  EXPECT_EQ(counts(), (Counts{{"a", 3 + live}}));
}

TEST_F(TopicCountsTest, ATopicThatWasForgottenBeginsAnew) {
  limits.topics = 2;
  open();
  append_many("a", 3);
  append("b");
  append("c");
  append("a");
  EXPECT_EQ(counts(), (Counts{{"a", 1}, {"c", 1}}));
  EXPECT_EQ(log->latest_gap(), GapReason::expired);
  kill();
  open();
  EXPECT_EQ(counts(), (Counts{{"a", 1}, {"c", 1}}));
  EXPECT_EQ(log->latest_gap(), GapReason::expired);
}

// Starts and ends in any order, a state now and then, a database that is away at times: nothing is lost in between, so
// the counts are those of a list.
TEST_F(TopicCountsTest, AreThoseOfAListWhateverHappens) {
  options.keep_for = 80min;
  options.memory_entries = 20;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    std::mt19937_64 random(seed);
    for (const char* end : {"", "-wal", "-shm"}) fs::remove(files.database() + end);
    fs::remove_all(files.journal());
    Counts expected;
    bool hidden = false;
    std::string done;
    open();
    for (int step = 0; step < 120; ++step) {
      switch (random() % 12) {
        case 0:
          done += " stop";
          stop();
          open();
          break;
        case 1:
          done += " kill";
          kill();
          open();
          break;
        case 2:
          if (std::exchange(hidden, !hidden)) {
            done += " shown";
            show_database();
          } else {
            done += " hidden";
            kill();
            hide_database();
            open();
          }
          break;
        case 3:
          done += " aged";
          clock.steady += 11min;
          break;
        case 4:
        case 5:
          done += " turn";
          log->store_turn();
          break;
        default:
          for (std::uint64_t count = random() % 8; count != 0; --count) {
            const std::string topic = "t" + std::to_string(random() % 9);
            append(topic);
            ++expected[topic];
          }
      }
      if (log->latest_gap()) continue;
      ASSERT_EQ(counts(), expected) << "seed " << seed << done;
    }
    if (hidden) show_database();
    stop();
    open();
    ASSERT_EQ(counts(), expected) << "seed " << seed << done;
    log.reset();
  }
  EXPECT_GT(counters.expired_blocks.value(), 0u);
}

// The state is written in pieces, each with its time; readings come before each.
TEST_F(TopicCountsTest, ReadingsThatPourInWhileTheStateIsWrittenAreCountedOnce) {
  constexpr std::size_t kTopics = 3 * kSnapshotScan;
  options.keep_for = 80min;
  options.memory_entries = 1'000;
  open();
  Counts expected;
  std::size_t next = 0;
  const auto pour = [&](std::size_t count) {
    for (; count != 0; --count) {
      next = (next + 7) % kTopics;
      const std::string topic = "t/" + std::to_string(next);
      append(topic);
      ++expected[topic];
    }
  };
  pour(kTopics);
  log->store_turn();
  for (int i = 0; i < 3; ++i) {
    pour(100);
    clock.steady += 11min;
    clock.meanwhile = [&] { pour(200); };
    log->store_turn();
    clock.meanwhile = nullptr;
    EXPECT_EQ(counts(), expected);
    kill();
    open();
    ASSERT_EQ(counts(), expected) << i;
  }
  Database database(files.database(), Database::Mode::existing);
  EXPECT_GT(database.number("SELECT count(*) FROM state"), 3) << "some topics twice";
}

}  // namespace
}  // namespace fieldcast

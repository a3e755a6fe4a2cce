// The log with its threads: commits, answers to many askers, appends that wait, a disk that comes and goes.
#include <atomic>
#include <mutex>
#include <utility>

#include "tests/unit/storage_durable_log_fixture.hpp"

namespace fieldcast {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Topics = std::vector<std::string>;

class RunningLogTest : public test::DurableLogTest {
 protected:
  void run() {
    open();
    log->start();
  }

  void wait_until(const std::function<bool()>& done) {
    for (const auto end = std::chrono::steady_clock::now() + 30s; !done();) {
      ASSERT_LT(std::chrono::steady_clock::now(), end);
      std::this_thread::yield();
    }
  }

  const SystemClock system_clock;
};

TEST_F(RunningLogTest, StoresWithinTheIntervalAndEndsCleanly) {
  options.commit_interval = 10ms;
  run();
  for (int i = 0; i < 100; ++i) append("a");
  wait_until([&] { return counters.stored_entries.value() == 100; });
  append("b");
  EXPECT_TRUE(log->stop(10s));
  log.reset();
  fs::remove_all(files.journal());
  open();
  EXPECT_EQ(log->head(), 101u);
  EXPECT_EQ(latest(), (Topics{"a", "b"}));
}

TEST_F(RunningLogTest, AnswersReadsOfManyAskers) {
  options.commit_interval = 10ms;
  struct Asker final : Wakeup {
    void wake() noexcept override { ++woken; }
    std::atomic<int> woken{0};
  } asker;
  run();
  for (int i = 0; i < 1'000; ++i) append("t" + std::to_string(i % 10));
  wait_until([&] { return counters.stored_entries.value() == 1'000; });
  std::vector<std::shared_ptr<HistoryRead>> reads;
  for (int i = 0; i < 50; ++i) {
    reads.push_back(std::make_shared<HistoryRead>());
    reads.back()->until = 1'000;
    reads.back()->filters = FilterSet({"t" + std::to_string(i % 10)});
    reads.back()->max_entries = 10'000;
    reads.back()->max_bytes = 1u << 20;
    if (i % 5 == 4) reads.back()->cancelled = true;
    log->read_history(reads.back(), asker);
  }
  wait_until([&] { return asker.woken == 50; });
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(reads[static_cast<std::size_t>(i)]->done);
    EXPECT_EQ(reads[static_cast<std::size_t>(i)]->chunk.entries.size(), i % 5 == 4 ? 0u : 100u);
  }
  EXPECT_TRUE(log->stop(10s));
}

TEST_F(RunningLogTest, TakesWhatSeveralBrokersAppendAtOnce) {
  options.commit_interval = 10ms;
  options.brokers = {{"a", {"#"}}, {"b", {"#"}}, {"c", {"#"}}};
  run();
  {
    std::vector<std::jthread> appending;
    for (const DurableLog::Options::Broker& broker : options.brokers) {
      appending.emplace_back([this, name = broker.name] {
        append_link(name, LinkState::up);
        for (int i = 0; i < 500; ++i) append("t", std::to_string(i), false, name);
      });
    }
  }
  EXPECT_TRUE(log->stop(10s));
  Chunk chunk;
  log->read(0, log->head(), 1u << 20, chunk);
  ASSERT_EQ(chunk.entries.size(), 3u * 502);
  std::map<std::string, int, std::less<>> next;
  for (const Entry& entry : chunk.entries) {
    if (is_link(entry)) continue;
    EXPECT_EQ(entry.payload, std::to_string(next[std::string(entry.broker)]++)) << entry.broker;
  }
  EXPECT_EQ(next, (std::map<std::string, int, std::less<>>{{"a", 500}, {"b", 500}, {"c", 500}}));
}

TEST_F(RunningLogTest, AnAppendWaitsForTheDiskWhereItIsToldTo) {
  options.commit_interval = 0ms;
  run();
  for (int i = 1; i <= 20; ++i) {
    append("a");
    EXPECT_EQ(counters.stored_entries.value(), static_cast<std::uint64_t>(i));
  }
  EXPECT_TRUE(log->stop(10s));
}

TEST_F(RunningLogTest, TellsOfADiskThatComesAndGoes) {
  std::mutex mutex;
  std::vector<bool> changes;
  options.on_change = [&](const StorageState& state) {
    const std::lock_guard lock(mutex);
    changes.push_back(state.up);
  };
  fs::create_directory(files.database());
  options.commit_interval = 10ms;
  run();
  append("a");
  EXPECT_FALSE(log->state().up);
  fs::remove(files.database());
  wait_until([&] { return log->state().up && counters.stored_entries.value() == 1; });
  EXPECT_TRUE(log->stop(10s));
  const std::lock_guard lock(mutex);
  EXPECT_EQ(changes, (std::vector<bool>{false, true}));
}

// The disk is asked for the time of day in the middle of a commit: so long that takes.
TEST_F(RunningLogTest, TellsOfADiskThatHangsWhileItDoes) {
  std::vector<std::string> told;
  options.on_change = [&](const StorageState& state) { told.push_back(state.up ? "up" : state.detail); };
  open();
  told.clear();
  append("a");
  StorageState slow, hanging;
  bool asked = false;
  clock.meanwhile = [&] {
    if (std::exchange(asked, true)) return;
    clock.steady += kHangTime - 1ms;
    slow = log->state();
    log->look();
    clock.steady += 1'001ms;
    hanging = log->state();
    log->look();
    log->look();
  };
  log->store_turn();
  clock.meanwhile = nullptr;
  EXPECT_TRUE(slow.up);
  EXPECT_EQ(slow.waiting, kHangTime - 1ms);
  EXPECT_FALSE(hanging.up);
  EXPECT_TRUE(hanging.hangs);
  EXPECT_EQ(hanging.detail, "the disk has not answered for 6 s");
  EXPECT_EQ(hanging.since, clock.wall - 6'000);
  EXPECT_TRUE(log->state().up) << "it has answered";
  EXPECT_EQ(log->state().waiting, 0ns);
  EXPECT_EQ(counters.stored_entries.value(), 1u);
  log->look();
  log->look();
  EXPECT_EQ(told, (std::vector<std::string>{"the disk has not answered for 6 s", "up"}));
}

TEST_F(RunningLogTest, TellsOfReadsThatNobodyAnswers) {
  open();
  append("a");
  log->store_turn();
  read = std::make_shared<HistoryRead>();
  log->read_history(read, shard);
  EXPECT_TRUE(log->state().up);
  clock.steady += kHangTime;
  EXPECT_TRUE(log->state().hangs);
  EXPECT_TRUE(log->history_turn());
  EXPECT_TRUE(log->state().up);
}

}  // namespace
}  // namespace fieldcast

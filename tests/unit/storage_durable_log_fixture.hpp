// A log over real files, without threads, that a test ends in each way and begins again. One thread.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "storage/durable_log.hpp"
#include "tests/unit/reached.hpp"
#include "tests/unit/test_log.hpp"

namespace fieldcast::test {

class LogClock final : public Clock {
 public:
  std::int64_t wall_ms() const noexcept override {
    if (const auto does = std::exchange(meanwhile, nullptr)) {
      does();
      meanwhile = does;
    }
    return wall;
  }
  Instant now() const noexcept override { return steady; }
  std::int64_t wall = 1'764'000'000'000;
  Instant steady{0};
  /// What happens whenever somebody, but this itself, asks for the time of day.
  mutable std::function<void()> meanwhile;
};

struct CountingShard final : Wakeup {
  void wake() noexcept override { ++woken; }
  int woken = 0;
};

class DurableLogTest : public testing::Test {
 protected:
  DurableLogTest() { limits.payload = 1'000; }

  void open() {
    options.gateway = "hall";
    log = std::make_unique<DurableLog>(clock, limits, files.in(options), counters);
  }
  // What each way to end leaves: everything; what kill -9 leaves; what a power cut leaves.
  void stop() {
    log->finish();
    log.reset();
  }
  void kill() { log.reset(); }
  void cut_power() {
    log.reset();
    std::filesystem::remove_all(files.journal());
  }

  bool append(const std::string& topic, const std::string& payload = "1", bool retained = false,
              const std::string& broker = "local") {
    NewEntry entry;
    entry.kind = Kind::json;
    entry.broker = broker;
    entry.topic = topic;
    entry.payload = payload;
    entry.retained = retained;
    return log->append(entry);
  }

  void append_link(const std::string& broker, LinkState state, bool resumed = false) {
    NewEntry entry;
    entry.kind = Kind::link;
    entry.state = state;
    entry.session_resumed = resumed;
    entry.broker = broker;
    entry.payload = "hall";
    log->append(entry);
  }

  HistoryRead& ask(std::uint64_t after, std::uint64_t until, const std::string& filter = "#") {
    read = std::make_shared<HistoryRead>();
    read->after = after;
    read->until = until;
    read->filters = FilterSet({filter});
    read->max_entries = 10'000;
    read->max_bytes = 1u << 20;
    log->read_history(read, shard);
    EXPECT_TRUE(log->history_turn());
    EXPECT_TRUE(read->done);
    return *read;
  }

  std::vector<std::string> topics_in_memory() {
    Chunk chunk;
    log->read(0, log->head(), 1u << 20, chunk);
    return topics_of(chunk);
  }

  static std::vector<std::string> topics_of(const Chunk& chunk) {
    std::vector<std::string> topics;
    for (const Entry& entry : chunk.entries) topics.emplace_back(entry.topic);
    return topics;
  }

  std::vector<std::string> latest() {
    std::vector<std::string> topics;
    for (std::uint64_t after = 0; after < log->head();) {
      Chunk chunk;
      after = log->latest(
          after, log->head(), [](std::string_view) { return true; }, 100, 1u << 20, chunk);
      for (const std::string& topic : topics_of(chunk)) topics.push_back(topic);
    }
    return topics;
  }

  std::map<std::string, LinkState> links() {
    Chunk chunk;
    log->links(chunk);
    std::map<std::string, LinkState> states;
    for (const Entry& entry : chunk.entries) states.emplace(entry.broker, entry.state);
    return states;
  }

  LogFiles files;
  LogClock clock;
  Limits limits;
  Counters counters;
  DurableLog::Options options;
  CountingShard shard;
  std::shared_ptr<HistoryRead> read;
  std::unique_ptr<DurableLog> log;
};

}  // namespace fieldcast::test

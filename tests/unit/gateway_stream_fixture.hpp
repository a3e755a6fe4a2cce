// A hub and streams over the real log, on a clock that the test moves. One thread.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gateway/hub.hpp"
#include "gateway/stream.hpp"
#include "tests/unit/reached.hpp"
#include "tests/unit/test_log.hpp"

namespace fieldcast::test {

class SetClock final : public Clock {
 public:
  std::int64_t wall_ms() const noexcept override { return 1'000; }
  Instant now() const noexcept override { return steady; }
  Instant steady{0};
};

struct Shard final : Wakeup {
  void wake() noexcept override { woken = true; }
  bool woken = false;
};

struct Reader final : StreamOwner {
  explicit Reader(Hub& hub, Stream::Options options = {}) : stream(hub, *this, options) {}
  void on_stream_ready() override { ++told; }

  Stream stream;
  int told = 0;
};

class StreamTest : public testing::Test {
 protected:
  void append(const std::string& topic, const std::string& payload = "1") {
    NewEntry entry;
    entry.kind = Kind::json;
    entry.topic = topic;
    entry.payload = payload;
    log.append(entry);
  }

  void run() {
    while (std::exchange(shard.woken, false)) hub.run();
  }

  static From from(From::Kind kind) {
    From from;
    from.kind = kind;
    return from;
  }

  SetClock clock;
  Limits limits;
  Counters counters;
  TestLog log{clock, limits, counters};
  Shard shard;
  Hub hub{log, clock, limits, counters, shard};
};

}  // namespace fieldcast::test

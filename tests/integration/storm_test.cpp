// [H-16]: clients in hundreds that come to break things: the gateway lets them go and keeps nothing of them, and those
// that listen miss nothing. How long it takes, with thousands of them, is measured by scripts/storm.
#include "tests/support/storm.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/support/hall.hpp"

namespace fieldcast::test {
namespace {

constexpr std::size_t kDropped = 1'000, kHeld = 200;
// Half of what a storm takes that leaves the head of each request behind, or the descriptor's buffers.
constexpr double kMostBytesKept = 8 << 20;

class StormTest : public testing::Test {
 protected:
  /// Ten of each, while readings go out.
  void storm(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      drop_one(hall_.port(), static_cast<Drop>(i % kDrops));
      if (i % 50 == 0) publish_one();
    }
  }
  void publish_one() { hall_.publish(topic_, std::to_string(published_++)); }

  /// When the gateway has seen the end of all that are gone.
  void expect_descriptors(double wanted) {
    const Deadline deadline;
    double now = 0;
    while ((now = hall_.metric("process_open_fds")) > wanted)
      ASSERT_GT(deadline.left_ms(), 0) << now << " descriptors, " << wanted << " before";
  }

  void expect_nothing_missed(std::vector<std::unique_ptr<StreamClient>>& live) {
    for (auto& stream : live) {
      const auto readings = stream->readings(published_);
      for (std::size_t i = 0; i < readings.size(); ++i) EXPECT_EQ(readings[i].payload, i);
    }
  }

  std::vector<std::unique_ptr<StreamClient>> open_live() {
    std::vector<std::unique_ptr<StreamClient>> live;
    for (const auto transport : {Transport::websocket, Transport::events, Transport::websocket, Transport::events}) {
      live.push_back(hall_.open(transport, {{topic_}, "", ""}));
      live.back()->batch();
    }
    return live;
  }

  // A sanitizer keeps what is freed, to see whether it is used again.
  Hall hall_{{.environment = {"ASAN_OPTIONS=quarantine_size_mb=1"}}};
  const std::string topic_ = "live";
  std::size_t published_ = 0;
};

TEST_F(StormTest, OfDroppedConnectionsLeavesNothingBehind) {
  auto live = open_live();
  const double descriptors = hall_.metric("process_open_fds");
  storm(kDropped / 5);  // what is taken once
  expect_descriptors(descriptors);
  const double bytes = hall_.metric("process_resident_memory_bytes");
  storm(kDropped);
  expect_descriptors(descriptors);
  EXPECT_LT(hall_.metric("process_resident_memory_bytes") - bytes, kMostBytesKept);
  expect_nothing_missed(live);
}

TEST_F(StormTest, OfHeldConnectionsIsLetGo) {
  auto live = open_live();
  const double descriptors = hall_.metric("process_open_fds");
  Flock silent(hall_.port(), ""), slow(hall_.port(), "GET /healthz HTTP/1.1\r\nA: "), blank(hall_.port(), "\r\n"),
      hello(hall_.port(), "\x16");
  for (Flock* flock : {&silent, &slow, &blank, &hello}) flock->open(kHeld);
  const Deadline deadline(std::chrono::seconds(100));
  publish_one();
  slow.wait_until_let_go(0, "x", deadline);
  for (Flock* flock : {&silent, &blank, &hello}) flock->wait_until_let_go(0, "", deadline);
  publish_one();
  expect_descriptors(descriptors);
  expect_nothing_missed(live);
}

}  // namespace
}  // namespace fieldcast::test

#include <gtest/gtest.h>

#include "adapters/mqtt/probe.hpp"

namespace fieldcast::mqtt {
namespace {

using namespace std::chrono_literals;
using Step = Probe::Step;

TEST(MqttProbe, SendsAtEachTickWhileProbesComeBack) {
  Probe probe;
  EXPECT_EQ(probe.tick(10s, 0s, 0s), Step::send);
  EXPECT_EQ(probe.tick(10'500ms, 10'001ms, 10'001ms), Step::send);
  EXPECT_EQ(probe.tick(11'000ms, 10'501ms, 10'501ms), Step::send);
}

TEST(MqttProbe, HasAtMostOneUnderWay) {
  Probe probe;
  EXPECT_EQ(probe.tick(10s, 0s, 0s), Step::send);
  for (Instant now = 10'500ms; now < 15s; now += 500ms) EXPECT_EQ(probe.tick(now, now, 0s), Step::wait);
}

TEST(MqttProbe, IsGivenUpAfterSilence) {
  Probe probe;
  EXPECT_EQ(probe.tick(10s, 9s, 0s), Step::send);
  EXPECT_EQ(probe.tick(14'999ms, 9s, 0s), Step::wait);
  EXPECT_EQ(probe.tick(15s, 9s, 0s), Step::give_up);
}

TEST(MqttProbe, OneThatIsLostAmongMessagesIsSentAgain) {
  Probe probe;
  EXPECT_EQ(probe.tick(10s, 9s, 0s), Step::send);
  EXPECT_EQ(probe.tick(15s, 12s, 0s), Step::send);
  EXPECT_EQ(probe.tick(15'500ms, 12s, 0s), Step::wait);
  EXPECT_EQ(probe.tick(20s, 12s, 0s), Step::give_up);
}

TEST(MqttProbe, OneThatComesLateCounts) {
  Probe probe;
  EXPECT_EQ(probe.tick(10s, 0s, 0s), Step::send);
  EXPECT_EQ(probe.tick(16s, 14s, 14s), Step::send);
}

}  // namespace
}  // namespace fieldcast::mqtt

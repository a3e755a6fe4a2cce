// [G-1] to [G-3], [G-5], [C-4], [L-3]: what was skipped is stated, and only that.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/contract/transports.hpp"

namespace fieldcast::test {
namespace {

constexpr int kPublished = 300;

class Expired : public ::testing::TestWithParam<Transport> {
 protected:
  static void SetUpTestSuite() {
    hall_ = std::make_unique<Hall>(Gateway::Options{.storage = "memory_readings = 64\n"});
  }
  static void TearDownTestSuite() { hall_.reset(); }
  static inline std::unique_ptr<Hall> hall_;
};

// [G-1], [G-2], [G-5]
TEST_P(Expired, IsStatedAtOnceAndTheRestFollows) {
  const auto topic = hall_->topic();
  const auto start = hall_->open(GetParam(), {{topic}, "", ""})->batch().cursor;
  for (int i = 0; i < kPublished; ++i) hall_->publisher().send({topic, std::to_string(i)});
  hall_->settle();
  // With filters that nobody had before, so that it comes from the log.
  const auto stream = hall_->open(GetParam(), {{topic, hall_->topic("nothing")}, start, ""});
  auto batch = stream->batch();
  ASSERT_TRUE(batch.gap) << batch.raw;
  EXPECT_EQ(batch.gap->reason, "expired");
  ASSERT_FALSE(batch.links.empty()) << batch.raw;
  EXPECT_TRUE(batch.links[0].snapshot);
  std::vector<Reading> readings = batch.readings;
  while (readings.empty() || readings.back().payload != kPublished - 1)
    for (auto& reading : stream->batch_with_readings().readings) readings.push_back(std::move(reading));
  for (std::size_t i = 0; i < readings.size(); ++i)
    EXPECT_EQ(readings[i].payload, kPublished - static_cast<int>(readings.size() - i));
  EXPECT_LE(readings.size(), 64u);
  EXPECT_EQ(batch.gap->missed.value_or(kPublished - readings.size()), kPublished - readings.size());
}

// [G-5], [F-3]
TEST_P(Expired, OldestHasNoGap) {
  const auto topic = hall_->topic();
  for (int i = 0; i < kPublished; ++i) hall_->publisher().send({topic, std::to_string(i)});
  hall_->settle();
  const auto batch = hall_->open(GetParam(), {{topic}, "oldest", ""})->batch_with_readings();
  EXPECT_FALSE(batch.gap);
  EXPECT_EQ(batch.readings.back().payload, kPublished - 1);
}

INSTANTIATE_TEST_SUITE_P(G2, Expired, each_transport(), transport_name);

class Unknown : public OverTransports {};

// [G-3], [G-5], [C-4]
TEST_P(Unknown, ACursorOfAnotherLogGoesOnAtTheHead) {
  static const std::string foreign = [] {
    Hall other;
    other.publish("x", "1");
    return other.open(Transport::poll, {{"x"}, "oldest", ""})->batch().cursor;
  }();
  const auto topic = hall().topic();
  hall().publish(topic, "0");
  const auto stream = open({{topic}, foreign, ""});
  const auto batch = stream->batch();
  ASSERT_TRUE(batch.gap) << batch.raw;
  EXPECT_EQ(batch.gap->reason, "unknown");
  EXPECT_FALSE(batch.gap->missed);
  EXPECT_TRUE(batch.readings.empty()) << batch.raw;
  ASSERT_EQ(batch.links.size(), 1u) << batch.raw;
  EXPECT_TRUE(batch.links[0].snapshot);
  hall().publish(topic, "1");
  EXPECT_EQ(stream->readings(1).at(0).payload, 1) << "and no second gap";
}

INSTANTIATE_TEST_SUITE_P(G3, Unknown, each_transport(), transport_name);

// [C-4]: a restart begins a new log.
TEST(UnknownAfterARestart, OnEachTransport) {
  Hall own;
  const auto topic = own.topic();
  own.publish(topic, "0");
  const auto cursor = own.open(Transport::poll, {{topic}, "oldest", ""})->batch().cursor;
  own.gateway().terminate();
  EXPECT_EQ(own.gateway().process().wait_for_exit(), 0);
  own.gateway().start();
  own.settle();
  for (const auto transport : kTransports) {
    const auto stream = own.open(transport, {{topic}, cursor, ""});
    const auto batch = stream->batch();
    ASSERT_TRUE(batch.gap) << batch.raw;
    EXPECT_EQ(batch.gap->reason, "unknown");
    own.publish(topic, "1");
    EXPECT_EQ(stream->readings(1).at(0).payload, 1);
  }
}

}  // namespace
}  // namespace fieldcast::test

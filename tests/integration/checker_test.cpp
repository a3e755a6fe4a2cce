// The checker of the other tests finds what it is there to find.
#include "tests/support/checker.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace fieldcast::test {
namespace {

Reading as_reading(const Message& message, std::uint64_t seq) {
  Reading reading;
  reading.seq = seq;
  reading.topic = message.topic;
  reading.payload = nlohmann::json::parse(message.payload);
  return reading;
}

class CheckerTest : public ::testing::Test {
 protected:
  CheckerTest() {
    for (std::uint64_t i = 0; i < 6; ++i)
      readings_.push_back(as_reading(checker_.next(static_cast<int>(i % 2), i < 4 ? "a/x" : "b"), 10 + i));
  }
  std::string fault(const std::vector<std::string>& filters = {"#"}) { return checker_.fault(filters, readings_); }

  Checker checker_;
  std::vector<Reading> readings_;
};

TEST_F(CheckerTest, AcceptsExactlyWhatWasPublished) {
  EXPECT_EQ(fault(), "");
  EXPECT_EQ(fault({"a/#", "b"}), "");
  EXPECT_EQ(checker_.count({"a/+"}), 4u);
}

TEST_F(CheckerTest, FindsALoss) {
  readings_.erase(readings_.begin() + 2);
  EXPECT_NE(fault(), "");
}

TEST_F(CheckerTest, FindsALossAtTheEnd) {
  readings_.pop_back();
  EXPECT_NE(fault(), "");
}

TEST_F(CheckerTest, FindsARepeat) {
  readings_.push_back(readings_.back());
  readings_.back().seq = 99;
  EXPECT_NE(fault(), "");
  EXPECT_EQ(checker_.fault({"#"}, readings_, Checker::Repeats::of_retries), "");
}

TEST_F(CheckerTest, TellsAMarkedRepeatFromOthers) {
  const auto fault_of_marked = [&] { return checker_.fault({"#"}, readings_, Checker::Repeats::marked); };
  readings_.push_back(readings_.back());
  readings_.back().seq = 99;
  EXPECT_NE(fault_of_marked(), "");
  readings_.back().redelivered = true;
  EXPECT_EQ(fault_of_marked(), "");
  EXPECT_NE(fault(), "");
}

TEST_F(CheckerTest, TakesALossBehindAGapOnly) {
  const auto fault_but_gap = [&](std::size_t gap) {
    return checker_.fault_but_gap({"#"}, readings_, gap, Checker::Repeats::marked);
  };
  readings_.erase(readings_.begin() + 1, readings_.begin() + 3);  // of each publisher one
  EXPECT_EQ(fault_but_gap(1), "");
  EXPECT_NE(fault_but_gap(2), "");
  readings_.pop_back();
  EXPECT_NE(fault_but_gap(1), "") << "the end is missing too";
}

TEST_F(CheckerTest, FindsAnotherOrder) {
  std::swap(readings_[0].payload, readings_[2].payload);
  EXPECT_NE(fault(), "");
}

TEST_F(CheckerTest, FindsASeqThatGoesBack) {
  readings_[3].seq = 1;
  EXPECT_NE(fault(), "");
}

TEST_F(CheckerTest, FindsWhatDoesNotMatch) {
  EXPECT_NE(fault({"a/#"}), "");
}

TEST_F(CheckerTest, FindsADifference) {
  auto other = readings_;
  EXPECT_EQ(difference(readings_, other), "");
  other.pop_back();
  EXPECT_NE(difference(readings_, other), "");
  EXPECT_NE(difference(other, readings_), "");
  other.push_back(readings_.back());
  other.back().payload = 1;
  EXPECT_NE(difference(readings_, other), "");
}

TEST(Matches, AsMqttSays) {
  EXPECT_TRUE(matches("#", "a"));
  EXPECT_TRUE(matches("a/#", "a"));
  EXPECT_TRUE(matches("+/b", "/b"));
  EXPECT_TRUE(matches("a/+", "a/"));
  EXPECT_FALSE(matches("a/+", "a"));
  EXPECT_FALSE(matches("a/#", "ab"));
  EXPECT_FALSE(matches("+", "a/b"));
  EXPECT_FALSE(matches("#", "$SYS/a"));
  EXPECT_FALSE(matches("+/a", "$SYS/a"));
  EXPECT_TRUE(matches("$SYS/#", "$SYS/a"));
}

}  // namespace
}  // namespace fieldcast::test

#include <gtest/gtest.h>

#include <string>

#include "adapters/logging/repeats.hpp"

namespace fieldcast::logging {
namespace {

using namespace std::chrono_literals;

constexpr Subject kLocal{"local", {}};

TEST(Repeats, TellSubjectsPartsAndEventsApart) {
  Repeats repeats;
  EXPECT_TRUE(repeats.take(Event::broker_up, kLocal, "a", 1, 1h));
  EXPECT_FALSE(repeats.take(Event::broker_up, kLocal, "b", 1, 1h));
  EXPECT_TRUE(repeats.take(Event::broker_down, kLocal, "a", 1, 1h));
  EXPECT_TRUE(repeats.take(Event::broker_up, {"other", {}}, "a", 1, 1h));
  EXPECT_TRUE(repeats.take(Event::broker_up, {"local", "part"}, "a", 1, 1h));
  const auto due = repeats.due(1h + 1min);
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].event, Event::broker_up);
  EXPECT_EQ(due[0].name, "local");
  EXPECT_EQ(due[0].text, "b");
  EXPECT_EQ(due[0].times, 1u);
}

TEST(Repeats, CountWhatComesAtOnce) {
  Repeats repeats;
  EXPECT_TRUE(repeats.take(Event::faulty_topic, kLocal, "a", 700, 1h));
  EXPECT_FALSE(repeats.take(Event::faulty_topic, kLocal, "b", 500, 1h + 1s));
  EXPECT_TRUE(repeats.due(1h + 59s).empty());
  const auto due = repeats.due(1h + 60s);
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].times, 1'199u);
  EXPECT_EQ(due[0].text, "b");
  EXPECT_TRUE(repeats.rest().empty());
}

TEST(Repeats, HoldBackAFloodForAsLongAsItLasts) {
  Repeats repeats;
  EXPECT_TRUE(repeats.take(Event::faulty_topic, kLocal, "a", 1, 1h));
  for (auto minute = 1min; minute < 10min; minute += 1min) {
    EXPECT_FALSE(repeats.take(Event::faulty_topic, kLocal, "a", 1, 1h + minute - 1s));
    EXPECT_EQ(repeats.due(1h + minute).size(), 1u);
  }
  EXPECT_TRUE(repeats.due(1h + 10min).empty());
  EXPECT_TRUE(repeats.take(Event::faulty_topic, kLocal, "a", 1, 1h + 10min));
}

// One that nobody asked for due() in time.
TEST(Repeats, WriteAtOnceWhatComesAfterAQuietMinute) {
  Repeats repeats;
  EXPECT_TRUE(repeats.take(Event::broker_up, kLocal, "a", 1, 1h));
  EXPECT_TRUE(repeats.take(Event::broker_up, kLocal, "a", 1, 1h + 1min));
  EXPECT_FALSE(repeats.take(Event::broker_up, kLocal, "a", 1, 1h + 1min + 59s));
}

TEST(Repeats, AreBoundedHoweverManySubjectsThereAre) {
  Repeats repeats;
  std::size_t written = 0;
  for (int i = 0; i < 100'000; ++i) {
    const std::string name = std::to_string(i);
    written += repeats.take(Event::subscribed, {name, {}}, "a", 1, 1h);
  }
  EXPECT_EQ(written, kSubjects + 1);
  EXPECT_TRUE(repeats.take(Event::broker_up, kLocal, "a", 1, 1h)) << "another kind has a place of its own";
  const auto rest = repeats.rest();
  ASSERT_EQ(rest.size(), 1u);
  EXPECT_EQ(rest[0].times, 100'000 - kSubjects - 1);
  EXPECT_EQ(rest[0].name, "");
}

}  // namespace
}  // namespace fieldcast::logging

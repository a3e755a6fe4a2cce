// [Q-1] to [Q-7], [C-2], [C-4], [D-1]: pages of history, which hold what streams gave.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "tests/contract/readings_pages.hpp"
#include "tests/contract/transports.hpp"
#include "tests/support/http_client.hpp"

namespace fieldcast::test {
namespace {

using namespace std::string_literals;

constexpr std::int64_t kForever = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kOfEachKind = 20;
constexpr std::size_t kBetween = 35;  // readings of `bulk` before each of them: more than a block in all

/// A log most of which is on disk only: in blocks, in commits behind them, and the rest in memory.
class History : public OverFormatsAndOrders {
 protected:
  static void SetUpTestSuite() {
    hall_ = std::make_unique<Hall>(Gateway::Options{.storage = "memory_readings = 64\ncommit_interval = \"20ms\"\n",
                                                    .limits = "payload = 1024\n"});
    const std::string payloads[] = {"21.50",
                                    R"({"b":1,"a":[true,null],"a":"\u0007 \"x\", y"})",
                                    "\"on\"",
                                    "on",
                                    "",
                                    "a,\"b\"\r\nc\n",
                                    "\xFF\xFE\x00"s,
                                    std::string(2'000, 'x'),
                                    "\xF0\x9F\x8C\xA1"};
    std::size_t bulk = 0;
    for (std::size_t i = 0; i < kOfEachKind; ++i)
      for (const auto& payload : payloads) {
        for (std::size_t j = 0; j < kBetween; ++j) hall_->publisher().send({"bulk", std::to_string(bulk++)});
        hall_->publisher().send({i % 2 == 0 ? "kinds/say \"a,b\"" : "kinds/\xC3\xA9", payload});
      }
    hall_->settle();
    hall_->wait_until_stored();
    hall_->publish("kinds/last", "1");
    kinds_ =
        hall_->open(Transport::websocket, {{"kinds/#"}, "oldest", ""})->readings(std::size(payloads) * kOfEachKind + 1);
    bulk_ = hall_->open(Transport::websocket, {{"bulk"}, "oldest", ""})->readings(bulk);
  }
  static void TearDownTestSuite() { hall_.reset(); }

  std::vector<Page> walked(const std::string& query) {
    return walk(hall_->port(), query + "&order=" + order(), format());
  }

  static inline std::unique_ptr<Hall> hall_;
  static inline std::vector<Reading> kinds_, bulk_;
};

// [Q-1], [Q-2], [Q-6]
TEST_P(History, PagesByCursorGiveWhatAStreamGave) {
  for (const std::size_t limit : {7u, 181u, 500u}) {
    const auto pages = walked("topic=kinds/%23&limit=" + std::to_string(limit));
    EXPECT_EQ(pages.size(), (kinds_.size() + limit - 1) / limit) << "and none is empty";
    for (std::size_t i = 0; i + 1 < pages.size(); ++i) EXPECT_EQ(pages[i].readings.size(), limit);
    EXPECT_EQ(readings_of(pages), expected(kinds_)) << limit;
  }
}

// [Q-1]: through the blocks of a log of thousands.
TEST_P(History, IsReadFromDisk) {
  const auto read = hall_->metric("fieldcast_history_entries_total");
  EXPECT_EQ(readings_of(walked("topic=bulk&limit=1000")), expected(bulk_));
  EXPECT_GT(hall_->metric("fieldcast_history_entries_total"), read + static_cast<double>(bulk_.size() / 2));
}

// [Q-1]: a reading that matches several filters comes once, and where nothing matches the page is empty.
TEST_P(History, TakesSeveralFilters) {
  auto both = kinds_;
  both.insert(both.end(), bulk_.begin(), bulk_.end());
  std::sort(both.begin(), both.end(), [](const auto& a, const auto& b) { return a.seq < b.seq; });
  EXPECT_EQ(readings_of(walked("topic=kinds/%23&topic=bulk&topic=%2B/last&limit=2000")), expected(both));
  const auto pages = walked("topic=nothing");
  ASSERT_EQ(pages.size(), 1u);
  EXPECT_TRUE(pages[0].readings.empty());
  EXPECT_FALSE(pages[0].gap);
}

// [Q-5]
TEST_P(History, OfARangeOfTime) {
  const auto start = kinds_[kinds_.size() / 4].time, end = kinds_[kinds_.size() / 2].time;
  ASSERT_LT(start, end);
  const auto in_range = [&](std::int64_t from, std::int64_t to) {
    std::vector<Reading> found;
    std::copy_if(kinds_.begin(), kinds_.end(), std::back_inserter(found),
                 [&](const Reading& reading) { return reading.time >= from && reading.time < to; });
    return found;
  };
  const auto expect = [&](const std::string& more, const std::vector<Reading>& readings) {
    EXPECT_EQ(readings_of(walked("topic=kinds/%23&limit=10" + more)), expected(readings)) << more;
  };
  const auto ms = [](std::int64_t time) { return std::to_string(time); };
  expect("&start=" + ms(start) + "&end=" + ms(end), in_range(start, end));
  expect("&start=" + rfc3339(start, 0) + "&end=" + rfc3339(end, 2), in_range(start, end));
  expect("&start=" + percent_encoded(rfc3339(start, 2)) + "&end=" + ms(end), in_range(start, end));
  expect("&start=" + ms(start), in_range(start, kForever));
  expect("&end=" + ms(end), in_range(0, end));
  expect("&start=" + ms(start) + "&end=" + ms(start + 1), in_range(start, start + 1));
  expect("&start=-1h", kinds_);
  expect("&end=-1h", {});
  expect("&start=-2h&end=-1h", {});
  expect("&start=" + ms(kinds_.back().time + 1), {});
}

INSTANTIATE_TEST_SUITE_P(Q1, History, each_format_and_order(), format_and_order_name);

// [Q-4]
class HistoryFrom : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 6; ++i) hall_.publish(topic_, std::to_string(i));
    all_ = readings_of(walk(hall_.port(), query_));
    ASSERT_EQ(numbers(all_), (std::vector<int>{0, 1, 2, 3, 4, 5}));
  }
  Hall& hall_ = shared_hall();
  const std::string topic_ = hall_.topic();
  const std::string query_ = "topic=" + percent_encoded(topic_);
  std::vector<Reading> all_;
};

TEST_F(HistoryFrom, TakesATimeOrTheOldest) {
  const auto page = [&](const std::string& from) {
    return numbers(readings_of(walk(hall_.port(), query_ + "&from=" + from)));
  };
  EXPECT_EQ(page("oldest"), numbers(all_));
  EXPECT_EQ(page("-1h"), numbers(all_));
  EXPECT_EQ(page("-0ms"), std::vector<int>{});
  std::vector<int> since;
  for (const auto& reading : all_)
    if (reading.time >= all_[3].time) since.push_back(reading.payload);
  EXPECT_EQ(page(rfc3339(all_[3].time, 0)), since);
}

TEST_F(HistoryFrom, TakesTheCursorOfAStreamInBothOrders) {
  const auto stream = hall_.open(Transport::poll, {{topic_}, "oldest", "&limit=1"});
  std::string cursor;
  for (const auto& reading : all_) {
    cursor = stream->batch_with_readings().cursor;
    if (reading.payload == 2) break;
  }
  const auto after = get_page(hall_.port(), query_ + "&from=" + cursor);
  EXPECT_EQ(numbers(after.readings), (std::vector<int>{3, 4, 5}));
  const auto before = get_page(hall_.port(), query_ + "&order=desc&from=" + cursor);
  EXPECT_EQ(numbers(before.readings), (std::vector<int>{2, 1, 0}));
}

// [Q-3]: whatever comes in meanwhile, pages and the stream behind them have it all, once.
class HistorySeam : public ::testing::TestWithParam<std::string> {};

TEST_P(HistorySeam, AStreamFromTheHeadGoesOnWhereHistoryEnds) {
  constexpr int kReadings = 3'000, kBefore = 600, kPerPage = 40;
  auto& hall = shared_hall();
  const auto topic = hall.topic();
  int sent = 0;
  const auto pour = [&](int count) {
    for (; count > 0 && sent < kReadings; --count) hall.publisher().send({topic, std::to_string(sent++)});
  };
  pour(kBefore);
  std::vector<Page> pages;
  const bool ascending = GetParam() == "asc";
  for (std::string from; pages.empty() || pages.back().more; from = "&from=" + pages.back().cursor) {
    pour(kPerPage / 2);  // what was sent is on its way while the page is read
    pages.push_back(get_page(hall.port(), "topic=" + percent_encoded(topic) + "&limit=" + std::to_string(kPerPage) +
                                              "&order=" + GetParam() + from));
  }
  const auto stream = hall.open(Transport::websocket, {{topic}, ascending ? pages.back().head : pages[0].head, ""});
  pour(kReadings);
  auto all = readings_of(pages);
  if (!ascending) all = reversed(all);
  EXPECT_GT(all.size(), 0u);
  const auto live = stream->readings(static_cast<std::size_t>(kReadings) - all.size());
  all.insert(all.end(), live.begin(), live.end());
  for (int i = 0; i < kReadings; ++i) ASSERT_EQ(all[static_cast<std::size_t>(i)].payload, i);
}

INSTANTIATE_TEST_SUITE_P(Q3, HistorySeam, ::testing::Values("asc", "desc"),
                         [](const auto& tested) { return tested.param; });

// [Q-6]
TEST(HistoryPage, HoldsTheBytesOfABatchOrOneReading) {
  Hall own({.limits = "batch_bytes = 4096\n"});
  std::vector<int> sizes;
  for (int i = 0; i < 20; ++i) sizes.push_back(i == 7 ? 10'000 : 1'000);
  for (const auto size : sizes)
    own.publisher().send({"a", "\"" + std::string(static_cast<std::size_t>(size), 'x') + "\""});
  own.settle();
  for (const bool ascending : {true, false}) {
    std::vector<int> found;
    for (const auto& page : walk(own.port(), "topic=a&limit=10000&order="s + (ascending ? "asc" : "desc"))) {
      EXPECT_TRUE(page.readings.size() == 1 || page.raw.size() < 4'096 + 300) << page.raw.size();
      for (const auto& reading : page.readings)
        found.push_back(static_cast<int>(reading.payload.get<std::string>().size()));
    }
    if (!ascending) std::reverse(found.begin(), found.end());
    EXPECT_EQ(found, sizes);
  }
}

// [C-4], [D-1], [Q-2]
struct HistoryRestart {
  std::string name;
  bool killed = false, lost_memory = false;
};

class RestartedHistory : public ::testing::TestWithParam<HistoryRestart> {};

TEST_P(RestartedHistory, GoesOnFromItsCursors) {
  Hall own;
  for (int i = 0; i < 10; ++i) own.publish("a", std::to_string(i));
  const auto up = get_page(own.port(), "topic=a&limit=4"), down = get_page(own.port(), "topic=a&limit=4&order=desc");
  if (GetParam().killed) {
    own.settle();  // by then the broker has read the acknowledgement of what was published before
    own.gateway().kill();
  } else {
    own.gateway().terminate();
    ASSERT_EQ(own.gateway().process().wait_for_exit(), 0);
  }
  if (GetParam().lost_memory) own.gateway().lose_journal();
  own.gateway().start();
  own.publish("a", "10");
  EXPECT_EQ(numbers(up.readings), (std::vector<int>{0, 1, 2, 3}));
  EXPECT_EQ(numbers(readings_of(walk(own.port(), "topic=a&from=" + up.cursor))),
            (std::vector<int>{4, 5, 6, 7, 8, 9, 10}));
  EXPECT_EQ(numbers(down.readings), (std::vector<int>{9, 8, 7, 6}));
  EXPECT_EQ(numbers(readings_of(walk(own.port(), "topic=a&order=desc&from=" + down.cursor))),
            (std::vector<int>{5, 4, 3, 2, 1, 0}));
  EXPECT_EQ(numbers(own.open(Transport::events, {{"a"}, down.head, ""})->readings(1)), std::vector<int>{10});
}

INSTANTIATE_TEST_SUITE_P(C4, RestartedHistory,
                         ::testing::Values(HistoryRestart{"Stopped"},
                                           HistoryRestart{"StoppedWithTheMachine", false, true},
                                           HistoryRestart{"Killed", true}),
                         [](const auto& tested) { return tested.param.name; });

// [Q-7], [G-4]: killed with the machine, so that what was behind the last commit is lost.
class LostHistory : public OverFormatsAndOrders {
 protected:
  static void SetUpTestSuite() {
    hall_ = std::make_unique<Hall>(Gateway::Options{.storage = "commit_interval = \"1h\"\n"});
    hall_->publish("a", "0");
    hall_->gateway().terminate();
    ASSERT_EQ(hall_->gateway().process().wait_for_exit(), 0);
    hall_->gateway().start();
    stored_ = get_page(hall_->port(), "topic=a").cursor;
    for (const std::string number : {"1", "2", "3"}) hall_->publish("a", number);
    lost_ = get_page(hall_->port(), "topic=a").cursor;
    hall_->settle();  // by then the broker has read the acknowledgement of what was published before
    hall_->gateway().kill();
    hall_->gateway().lose_journal();
    hall_->gateway().start();
    for (const std::string number : {"4", "5"}) hall_->publish("a", number);
  }
  static void TearDownTestSuite() { hall_.reset(); }

  /// What the pages hold, with -1 where one begins with a `storage` gap.
  std::vector<int> told(const std::string& from) {
    std::vector<int> found;
    for (const auto& page : walk(hall_->port(), "topic=a&order=" + order() + from, format())) {
      if (page.gap) {
        EXPECT_EQ(page.gap, (Gap{"storage", {}})) << page.raw;
        found.push_back(-1);
      }
      for (const int number : numbers(page.readings)) found.push_back(number);
    }
    return found;
  }

  static inline std::unique_ptr<Hall> hall_;
  static inline std::string stored_, lost_;  // cursors before the loss, and of what was lost
};

TEST_P(LostHistory, IsStatedBetweenThePages) {
  const auto whole = ascending() ? std::vector<int>{0, -1, 4, 5} : std::vector<int>{5, 4, -1, 0};
  EXPECT_EQ(told(""), whole);
  EXPECT_EQ(told("&limit=1"), whole);
  EXPECT_EQ(told("&from=" + stored_), ascending() ? (std::vector<int>{-1, 4, 5}) : std::vector<int>{0});
  EXPECT_EQ(told("&from=" + lost_), ascending() ? (std::vector<int>{-1, 4, 5}) : (std::vector<int>{-1, 0}));
}

INSTANTIATE_TEST_SUITE_P(Q7, LostHistory, each_format_and_order(), format_and_order_name);

// [Q-7], [G-3]
class UnknownHistory : public OverFormatsAndOrders {};

TEST_P(UnknownHistory, ACursorOfAnotherLogIsTheHead) {
  static const std::string foreign = [] {
    Hall other;
    return get_page(other.port(), "topic=a").cursor;
  }();
  auto& hall = shared_hall();
  const auto topic = hall.topic();
  hall.publish(topic, "1");
  const auto query = "topic=" + percent_encoded(topic) + "&order=" + order();
  const auto page = get_page(hall.port(), query + "&from=" + foreign, format());
  EXPECT_EQ(page.gap, (Gap{"unknown", {}}));
  EXPECT_FALSE(page.more);
  EXPECT_EQ(numbers(page.readings), ascending() ? std::vector<int>{} : std::vector<int>{1});
  hall.publish(topic, "2");
  EXPECT_EQ(numbers(readings_of({get_page(hall.port(), query + "&from=" + page.cursor, format())})),
            ascending() ? std::vector<int>{2} : std::vector<int>{});
}

INSTANTIATE_TEST_SUITE_P(G3History, UnknownHistory, each_format_and_order(), format_and_order_name);

}  // namespace
}  // namespace fieldcast::test

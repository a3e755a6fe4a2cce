// [G-1] to [G-5], [C-4], [C-6], [D-2], [L-3]: what was skipped is stated, and only that.
#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "tests/contract/transports.hpp"
#include "tests/support/page.hpp"

namespace fieldcast::test {
namespace {

// What does not shrink on disk, so that few readings are more than is kept.
constexpr std::size_t kBulk = 200'000;
constexpr int kAtOnce = 10;
constexpr int kMost = 60;  // rounds, which are far more than is kept

class Expired : public ::testing::TestWithParam<Transport> {
 protected:
  static void SetUpTestSuite() {
    hall_ = std::make_unique<Hall>(
        Gateway::Options{.storage = "memory_readings = 1\ncommit_interval = \"20ms\"\nkeep_bytes = \"16MiB\"\n"});
    hall_->publish("old", "1");
    start_ = hall_->open(Transport::poll, {{"old"}, "oldest", ""})->batch_with_readings().cursor;
    hall_->publish("old", "2");
    std::mt19937 random;
    while (hall_->metric("fieldcast_expired_blocks_total") == 0 && rounds_ < kMost) {
      hall_->publisher().send({"round", std::to_string(rounds_++)});
      for (int i = 0; i < kAtOnce; ++i) {
        std::string bulk(kBulk, '\xff');
        for (char& byte : bulk) byte = static_cast<char>(random());
        hall_->publisher().send({"bulk", bulk});
      }
      hall_->settle();
      hall_->wait_until_stored();
    }
  }
  static void TearDownTestSuite() { hall_.reset(); }
  static inline std::unique_ptr<Hall> hall_;
  static inline std::string start_;
  static inline int rounds_ = 0;
};

// [G-1], [G-2], [G-5], [L-3]
TEST_P(Expired, IsStatedAtOnceAndTheRestFollows) {
  const auto stream = hall_->open(GetParam(), {{"old", "round"}, start_, ""});
  auto batch = stream->batch();
  ASSERT_TRUE(batch.gap) << batch.raw;
  EXPECT_EQ(batch.gap->reason, "expired");
  EXPECT_FALSE(batch.gap->missed) << "never a guess";
  ASSERT_FALSE(batch.links.empty()) << batch.raw;
  EXPECT_TRUE(batch.links[0].snapshot);
  auto readings = batch.readings;
  while (readings.empty() || readings.back().payload != rounds_ - 1)
    for (auto& reading : stream->batch_with_readings().readings) readings.push_back(std::move(reading));
  const auto kept = static_cast<int>(readings.size());
  EXPECT_LE(kept, rounds_);
  EXPECT_GT(kept * kAtOnce * kBulk, 4u << 20) << "but a good part is there";
  for (int i = 0; i < kept; ++i) EXPECT_EQ(readings[static_cast<std::size_t>(i)].payload, rounds_ - kept + i);
}

// [G-5], [F-3]
TEST_P(Expired, OldestHasNoGap) {
  const auto batch = hall_->open(GetParam(), {{"round"}, "oldest", ""})->batch_with_readings();
  EXPECT_FALSE(batch.gap);
}

//
TEST_P(Expired, HistoryStatesItToACursorOnly) {
  const auto query = std::string("topic=old&topic=round");
  const auto behind = get_page(hall_->port(), query + "&from=" + start_);
  EXPECT_EQ(behind.gap, (Gap{"expired", {}})) << behind.raw;
  EXPECT_EQ(behind.readings.back().payload, rounds_ - 1);
  for (const std::string order : {"asc", "desc"}) {
    const auto page = get_page(hall_->port(), query + "&order=" + order);
    EXPECT_FALSE(page.gap) << page.raw;
    EXPECT_FALSE(page.more) << page.raw;
    EXPECT_EQ(page.readings.size(), behind.readings.size());
  }
}

// [F-10]
TEST_P(Expired, TheLatestReadingIsStillThere) {
  const auto batch = hall_->open(GetParam(), {{"old"}, "latest", ""})->batch();
  EXPECT_FALSE(batch.gap) << batch.raw;
  ASSERT_EQ(batch.readings.size(), 1u) << batch.raw;
  EXPECT_EQ(batch.readings[0].payload, 2);
}

INSTANTIATE_TEST_SUITE_P(G2, Expired, each_transport(), transport_name);

class Unknown : public OverTransports {};

// [G-3], [G-5]
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

// [G-3], [C-6]: the log is another one.
struct OtherLog {
  std::string name;
  bool older = false;  // an older copy of the database, else none
};

class OtherLogs : public CasesOverTransports<OtherLog> {};

TEST_P(OtherLogs, ACursorGoesOnAtTheHead) {
  namespace fs = std::filesystem;
  Hall own;
  const auto topic = own.topic();
  const auto stop = [&] {
    own.gateway().terminate();
    EXPECT_EQ(own.gateway().process().wait_for_exit(), 0);
  };
  own.publish(topic, "1");
  stop();
  const fs::path database = own.gateway().database();
  const fs::path copy = database.string() + ".copy";
  fs::copy_file(database, copy);  // a clean stop leaves nothing in the write-ahead log
  own.gateway().start();
  own.publish(topic, "2");
  const auto cursor = own.open(Transport::poll, {{topic}, "oldest", ""})->batch().cursor;
  stop();
  for (const auto* suffix : {"", "-wal", "-shm"}) fs::remove(database.string() + suffix);
  if (tested().older) fs::rename(copy, database);
  own.gateway().lose_journal();
  own.gateway().start();
  own.publish(topic, "3");  // where 2 was
  const auto stream = own.open(transport(), {{topic}, cursor, ""});
  const auto batch = stream->batch();
  ASSERT_TRUE(batch.gap) << batch.raw;
  EXPECT_EQ(batch.gap->reason, "unknown");
  EXPECT_FALSE(batch.gap->missed);
  EXPECT_TRUE(batch.readings.empty()) << batch.raw;
  own.publish(topic, "4");
  EXPECT_EQ(stream->readings(1).at(0).payload, 4) << "and no second gap";
  EXPECT_EQ(own.open(transport(), {{topic}, "oldest", ""})->readings(tested().older ? 3 : 2)[0].payload,
            tested().older ? 1 : 3);
}

INSTANTIATE_TEST_SUITE_P(C6, OtherLogs,
                         ::testing::Combine(::testing::Values(OtherLog{"NoDatabase"}, OtherLog{"OlderCopy", true}),
                                            each_transport()),
                         case_name<OtherLog>);

// [G-4], [C-6], [D-2]: killed with the machine, so that nothing behind the last commit is there any more.
class Lost : public ::testing::TestWithParam<Transport> {
 protected:
  static void SetUpTestSuite() {
    hall_ = std::make_unique<Hall>(Gateway::Options{.storage = "commit_interval = \"1h\"\n"});
    hall_->publish("a", "0");
    stop();
    hall_->gateway().start();
    const auto stream = hall_->open(Transport::websocket, {{"a"}, "oldest", ""});
    stored_ = stream->batch_with_readings().cursor;
    for (const std::string number : {"1", "2", "3"}) hall_->publish("a", number);
    const auto readings = stream->readings(3);
    lost_ = stream->cursor();
    last_seq_ = readings.back().seq;
    hall_->gateway().kill();
    hall_->gateway().lose_journal();
    hall_->gateway().start();
    for (const std::string number : {"4", "5"}) hall_->publish("a", number);
  }
  static void TearDownTestSuite() { hall_.reset(); }
  static void stop() {
    hall_->gateway().terminate();
    EXPECT_EQ(hall_->gateway().process().wait_for_exit(), 0);
  }

  static void expect_one_gap(const std::string& from) {
    const auto stream = hall_->open(GetParam(), {{"a"}, from, ""});
    auto batch = stream->batch();
    ASSERT_TRUE(batch.gap) << batch.raw;
    EXPECT_EQ(batch.gap->reason, "storage");
    EXPECT_FALSE(batch.gap->missed) << "never a guess";
    ASSERT_FALSE(batch.links.empty());
    EXPECT_TRUE(batch.links[0].snapshot);
    auto readings = batch.readings;
    if (readings.size() < 2)
      for (auto& reading : first_readings(*stream, 2 - readings.size())) readings.push_back(std::move(reading));
    ASSERT_EQ(readings.size(), 2u);
    EXPECT_EQ(readings[0].payload, 4) << "the first behind the loss";
    EXPECT_EQ(readings[1].payload, 5);
    EXPECT_GT(readings[0].seq, last_seq_) << "no seq comes twice";
  }

  static inline std::unique_ptr<Hall> hall_;
  static inline std::string stored_, lost_;  // cursors before the loss, and of what was lost
  static inline std::uint64_t last_seq_ = 0;
};

TEST_P(Lost, IsStatedBehindWhatIsStored) {
  expect_one_gap(stored_);
}

TEST_P(Lost, IsStatedToACursorThatNamesIt) {
  expect_one_gap(lost_);
}

// [G-5], [C-4]: every stream that comes by is told, also later; one behind it is not.
TEST_P(Lost, IsStatedAfterARestartToo) {
  const auto behind = hall_->open(GetParam(), {{"a"}, "latest", ""})->batch().cursor;
  stop();
  hall_->gateway().start();
  expect_one_gap(stored_);
  expect_one_gap(lost_);
  hall_->publish("b", "6");
  EXPECT_EQ(hall_->open(GetParam(), {{"b"}, behind, ""})->readings(1)[0].payload, 6);
}

INSTANTIATE_TEST_SUITE_P(G4, Lost, each_transport(), transport_name);

}  // namespace
}  // namespace fieldcast::test

// [D-2], [D-3]: a disk that is away, an acknowledgement that waits for the disk, and what the database remembers of the
// configuration.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/hall.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/temp_dir.hpp"

namespace fieldcast::test {
namespace {

nlohmann::json degraded(const Hall& hall) {
  return nlohmann::json::parse(http_get(hall.port(), "/readyz").body).at("degraded");
}

// [D-3]
TEST(StorageThatIsAway, StopsNothingAndComesBackByItself) {
  TempDir machine;
  const auto disk = machine.path() / "disk";
  const auto path = (disk / "fieldcast.db").string();
  Hall hall({.storage = "path = \"" + path + "\"\ncommit_interval = \"20ms\"\n"});
  const auto stream = hall.open(Transport::websocket, {{"a"}, "", ""});
  const auto start = stream->batch().cursor;
  hall.publish("a", "1");
  EXPECT_EQ(stream->readings(1)[0].payload, 1);
  EXPECT_EQ(hall.open(Transport::poll, {{"a"}, start, ""})->readings(1)[0].payload, 1) << "what is in memory is served";

  const auto away = degraded(hall);
  ASSERT_EQ(away.size(), 1u) << away;
  EXPECT_EQ(away[0].at("what"), "storage");
  EXPECT_EQ(away[0].at("name"), path);
  EXPECT_NE(away[0].at("detail"), "");
  EXPECT_EQ(http_get(hall.port(), "/readyz").status, 200) << "streams are served";
  EXPECT_EQ(http_get(hall.port(), "/readyz?strict=1").status, 503);
  EXPECT_EQ(hall.metric("fieldcast_storage_up"), 0);

  const Deadline deadline;
  while (hall.metric("fieldcast_commit_failures_total") < 3) ASSERT_GT(deadline.left_ms(), 0);
  const auto output = hall.gateway().process().output();
  const auto line = output.find("live delivery goes on");
  ASSERT_NE(line, std::string::npos) << output;
  EXPECT_NE(output.rfind(path, line), std::string::npos) << output;
  EXPECT_EQ(output.find("live delivery goes on", line + 1), std::string::npos) << "said once:\n" << output;

  std::filesystem::create_directory(disk);
  while (!degraded(hall).empty()) ASSERT_GT(deadline.left_ms(), 0) << hall.gateway().process().output();
  EXPECT_EQ(hall.metric("fieldcast_storage_up"), 1);
  hall.publish("a", "2");
  EXPECT_EQ(stream->readings(1)[0].payload, 2) << "the stream was not disturbed";

  // What came meanwhile is on disk: nothing else is left.
  hall.gateway().terminate();
  EXPECT_EQ(hall.gateway().process().wait_for_exit(), 0);
  hall.gateway().lose_journal();
  hall.gateway().start();
  const auto readings = hall.open(Transport::events, {{"a"}, start, ""})->readings(2);
  EXPECT_EQ(readings[0].payload, 1);
  EXPECT_EQ(readings[1].payload, 2);
}

// [D-2]
TEST(CommitIntervalOfNothing, LosesNothingWithTheMemory) {
  constexpr int kReadings = 50;
  Hall hall({.storage = "commit_interval = \"0s\"\n"});
  const auto stream = hall.open(Transport::websocket, {{"a"}, "", ""});
  const auto start = stream->batch().cursor;
  for (int i = 0; i < kReadings; ++i) {
    hall.publisher().publish({"a", std::to_string(i)});
    EXPECT_EQ(stream->readings(1)[0].payload, i);
  }
  hall.gateway().kill();
  hall.gateway().lose_journal();
  hall.gateway().start();
  hall.settle();
  const auto again = hall.open(Transport::poll, {{"a"}, start, ""});
  int next = 0;
  while (next < kReadings)
    for (const auto& reading : again->batch().readings) {
      if (reading.redelivered && reading.payload < next) continue;
      ASSERT_EQ(reading.payload, next++);
    }
}

TEST(AFilterThatIsNotConfiguredAnyMore, IsUnsubscribed) {
  TempDir kept;
  const auto storage = "path = \"" + (kept.path() / "fieldcast.db").string() + "\"\n";
  Hall hall({.topics = R"(["former/#", "settled"])", .storage = storage});
  hall.publish("former/a", "1");
  hall.gateway().terminate();
  EXPECT_EQ(hall.gateway().process().wait_for_exit(), 0);

  const Gateway gateway(
      {.broker_port = hall.broker().port(), .topics = R"(["settled"])", .port = hall.port(), .storage = storage});
  // What comes before the broker was asked is dropped; then nothing comes any more.
  const auto dropped = [&] { return hall.metric("fieldcast_broker_dropped_messages_total"); };
  const Deadline deadline;
  for (auto before = -1.0; before != dropped();) {
    ASSERT_GT(deadline.left_ms(), 0) << before;
    before = dropped();
    hall.publish("former/a", "2");
  }
  const auto readings = hall.open(Transport::poll, {{"former/#"}, "oldest", ""})->batch().readings;
  ASSERT_EQ(readings.size(), 1u) << "but the former ones are there";
  EXPECT_EQ(readings[0].payload, 1);
}

}  // namespace
}  // namespace fieldcast::test

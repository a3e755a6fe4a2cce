// What an operator is told of the built program: /metrics, /readyz and the log, of what happens to it.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/deadline.hpp"
#include "tests/support/hall.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/stream_client.hpp"

namespace fieldcast::test {
namespace {

double unix_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::size_t count_lines(Hall& hall, const std::string& text) {
  const std::string output = hall.gateway().process().output();
  std::size_t count = 0;
  for (std::size_t at = 0; (at = output.find(text, at)) != std::string::npos; at += text.size()) ++count;
  return count;
}

TEST(Knowing, MetricsTellWhatReadingsWent) {
  Hall hall;
  const double began = unix_now();
  const auto topic = hall.topic();
  const auto stream = hall.open(Transport::websocket, {{topic}, "", ""});
  stream->batch();
  hall.settle();  // what was published while the gateway subscribed may come twice, but before this
  const double bytes_before = hall.metric("fieldcast_broker_received_bytes_total{broker=\"local\"}");
  for (int i = 0; i < 10; ++i) hall.publisher().send({topic, "12345"});
  EXPECT_EQ(stream->readings(10).size(), 10u);
  EXPECT_EQ(hall.metric("fieldcast_broker_received_bytes_total{broker=\"local\"}") - bytes_before,
            10 * static_cast<double>(topic.size() + 5));
  const double last = hall.metric("fieldcast_broker_last_message_timestamp_seconds{broker=\"local\"}");
  EXPECT_GE(last, began - 0.001);
  EXPECT_LE(last, unix_now() + 0.001);
  hall.wait_until_stored();
  EXPECT_GE(hall.metric("fieldcast_last_commit_timestamp_seconds"), last - 0.001);
  EXPECT_GT(hall.metric("fieldcast_commit_seconds_total"), 0);
  EXPECT_GE(hall.metric("fieldcast_log_head"), 10);
  EXPECT_GT(hall.metric("fieldcast_encoded_bytes_total"), 10 * 5);
  EXPECT_GT(hall.metric("fieldcast_socket_sent_bytes_total"),
            hall.metric("fieldcast_sent_bytes_total{transport=\"websocket\"}"));
  EXPECT_GT(hall.metric("fieldcast_storage_free_bytes"), 0);
  EXPECT_GT(hall.metric("fieldcast_journal_used_bytes"), 10 * 5);
  EXPECT_LT(hall.metric("fieldcast_loop_lag_seconds{thread=\"0\"}"), 30);
  EXPECT_EQ(hall.metric("fieldcast_log_lost_lines_total"), 0);
  EXPECT_EQ(hall.metric("fieldcast_log_events_total{event=\"broker_up\"}"), 1);
}

TEST(Knowing, SaysThatClientsAreTurnedAwayUntilTheyAreNot) {
  Hall hall({.limits = "connections = 2\n"});
  std::vector<std::unique_ptr<StreamClient>> clients;
  for (int i = 0; i < 2; ++i) {
    clients.push_back(hall.open(Transport::events, {{"x"}, "", ""}));
    clients.back()->batch();
  }
  EXPECT_EQ(http_get(hall.port(), "/v1/poll?topic=x").status, 503);
  const Deadline deadline;
  nlohmann::json degraded;
  for (; degraded.empty(); degraded = nlohmann::json::parse(http_get(hall.port(), "/readyz").body).at("degraded"))
    ASSERT_GT(deadline.left_ms(), 0);
  ASSERT_EQ(degraded.size(), 1u) << degraded;
  EXPECT_EQ(degraded[0].at("what"), "connections");
  EXPECT_EQ(degraded[0].at("name"), "limits.connections");
  EXPECT_EQ(http_get(hall.port(), "/readyz?strict=1").status, 503);
  EXPECT_EQ(hall.metric("fieldcast_degraded{what=\"connections\"}"), 1);
}

// Some times in some seconds: a line of each kind, and what was held back with its number at the end.
TEST(Knowing, ABrokerThatFlapsIsALineAndANumber) {
  Hall hall;
  constexpr std::size_t kTimes = 3;
  for (std::size_t i = 1; i <= kTimes; ++i) {
    hall.broker().stop();
    const Deadline deadline;
    while (hall.metric("fieldcast_log_events_total{event=\"broker_down\"}") < static_cast<double>(i))
      ASSERT_GT(deadline.left_ms(), 0);
    hall.broker().start();
    while (hall.metric("fieldcast_broker_up{broker=\"local\"}") != 1) ASSERT_GT(deadline.left_ms(), 0);
  }
  EXPECT_EQ(count_lines(hall, "[broker_down]"), 1u) << hall.gateway().process().output();
  EXPECT_EQ(count_lines(hall, "[broker_up]"), 1u) << hall.gateway().process().output();
  hall.gateway().process().signal(SIGTERM);
  EXPECT_EQ(hall.gateway().process().wait_for_exit(), 0);
  EXPECT_EQ(count_lines(hall, "connection lost (2 times more) [broker_down]"), 1u) << hall.gateway().process().output();
  EXPECT_EQ(count_lines(hall, "(3 times more) [broker_up]"), 1u) << hall.gateway().process().output();
  EXPECT_TRUE(hall.gateway().process().output().ends_with("info stopped [stopped]\n"));
}

}  // namespace
}  // namespace fieldcast::test

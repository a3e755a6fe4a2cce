// The simulated hall of demo/, seen through the gateway as scripts/run shows it.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/gateway.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/mosquitto.hpp"
#include "tests/support/process.hpp"
#include "tests/support/publisher.hpp"
#include "tests/support/stream_client.hpp"

namespace fieldcast::test {
namespace {

std::vector<std::string> hall_command(const Mosquitto& broker, const std::string& seed, const std::string& rate) {
  return {FIELDCAST_HALL, "--url", "mqtt://127.0.0.1:" + std::to_string(broker.port()), "--seed", seed, "--rate", rate};
}

using TopicAndPayload = std::pair<std::string, std::string>;

std::vector<TopicAndPayload> first_readings(std::size_t count, const std::string& seed) {
  Mosquitto broker;
  Gateway gateway({.broker_port = broker.port()});
  const auto stream = open_stream(Transport::events, gateway.port(), {{"#"}, "now", ""});
  // The link is up before the hall begins, so that nothing of it is missed.
  for (bool up = false; !up;)
    for (const auto& link : stream->batch().links) up = link.state == "up";
  // A pace that a sanitized program on a busy machine keeps: past 1,000 unacknowledged readings the hall loses some.
  Process hall(hall_command(broker, seed, "1000"));
  std::vector<TopicAndPayload> readings;
  while (readings.size() < count)
    for (const Reading& reading : stream->batch().readings)
      readings.emplace_back(reading.topic, reading.payload.dump());
  readings.resize(count);
  return readings;
}

TEST(DemoHall, TheSeedDecidesTheReadings) {
  const auto readings = first_readings(2'000, "7");
  EXPECT_EQ(first_readings(2'000, "7"), readings);
  EXPECT_NE(first_readings(2'000, "8"), readings);
  std::set<std::string> topics;
  for (const auto& [topic, payload] : readings) topics.insert(topic);
  EXPECT_EQ(topics.size(), 60u);
}

TEST(DemoHall, TheValveObeysAndTheHallComesBackAfterItsBroker) {
  Mosquitto broker;
  Gateway gateway({.broker_port = broker.port()});
  const auto valve = open_stream(Transport::events, gateway.port(), {{"hall/valve-1/state"}, "latest", ""});
  Process hall(hall_command(broker, "1", "1"));
  EXPECT_EQ(valve->readings(1).front().payload, "open");
  // The command that scripts/run prints. Retained, so that the hall gets it even where it subscribes later.
  const auto published =
      http(gateway.port(), {"/v1/publish",
                            {{"Content-Type", "application/json"}},
                            "POST",
                            "HTTP/1.1",
                            R"({"topic":"hall/valve-1/set","payload":"closed","encoding":"text","retain":true})"});
  EXPECT_EQ(published.status, 200) << published.body;
  EXPECT_EQ(valve->readings(1).front().payload, "closed");

  broker.kill();
  hall.wait_for_line("lost");
  broker.start();
  Publisher(broker.port(), "operator").publish({.topic = "hall/valve-1/set", .payload = "open", .retain = true});
  // Before it, the hall may tell its old state once more.
  for (std::string state; state != "open";) state = valve->batch_with_readings().readings.back().payload;
  hall.signal(SIGTERM);
  EXPECT_EQ(hall.wait_for_exit(), 0);
}

}  // namespace
}  // namespace fieldcast::test

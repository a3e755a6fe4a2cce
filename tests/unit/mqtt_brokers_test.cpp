// Several brokers in one process: Paho has one receive thread, one send thread and one lock for all of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "adapters/mqtt/broker.hpp"
#include "tests/support/full_backlog.hpp"
#include "tests/support/mosquitto.hpp"
#include "tests/support/publisher.hpp"
#include "tests/support/scripted_broker.hpp"
#include "tests/unit/recording_log.hpp"

namespace fieldcast::mqtt {
namespace {

using namespace std::chrono_literals;
using Kept = test::RecordingLog::Kept;
using Entries = std::vector<Kept>;

// What a reading may take while other brokers hang: enough for a busy machine, less than an attempt to connect takes.
constexpr auto kSoon = 3s;

Kept link(const std::string& broker, LinkState state) {
  return {Kind::link, broker, "", "hall-3", false, false, false, state, 0};
}
Kept reading(const std::string& broker, const std::string& topic, const std::string& payload) {
  return {Kind::text, broker, topic, payload, false, false, false, LinkState::down, 0, 1};
}

class MqttBrokers : public testing::Test {
 protected:
  Broker& start(const std::string& name, const std::string& host, std::uint16_t port,
                Resolver::LookUp look_up = mqtt::look_up) {
    Settings settings;
    settings.name = name;
    settings.host = host;
    settings.port = port;
    settings.client_id = "gateway-under-test";
    brokers.push_back(std::make_unique<Broker>(
        settings, "hall-3", limits, log, clock,
        [](std::string_view payload) {
          return Classified{Kind::text, payload};
        },
        std::move(look_up)));
    brokers.back()->start();
    return *brokers.back();
  }

  // Waits until the broker has the subscription: a retained message comes with it.
  void start_subscribed(const std::string& name, std::uint16_t port) {
    test::Publisher(port, "first").publish({"first", name, 1, true});
    const std::size_t before = log.entries().size();
    start(name, "127.0.0.1", port);
    log.wait_for(before + 2);
  }

  // Those of one broker behind its first reading, in their order.
  Entries then(const std::string& name) const {
    Entries all = log.entries();
    std::erase_if(all, [&](const Kept& entry) { return entry.broker != name; });
    all.erase(all.begin(), all.begin() + 2);
    return all;
  }

  Limits limits;
  SystemClock clock;
  test::RecordingLog log;
  std::vector<std::unique_ptr<Broker>> brokers;
};

TEST_F(MqttBrokers, EntriesNameTheBrokerThatTheyCameFrom) {
  const test::Mosquitto hall, press;
  start_subscribed("hall", hall.port());
  start_subscribed("press", press.port());
  test::Publisher at_hall(hall.port(), "sensor"), at_press(press.port(), "sensor");
  Entries from_hall, from_press;
  for (int i = 0; i < 100; ++i) {  // the same topic and client_id at both
    at_hall.send({"a", std::to_string(i)});
    at_press.send({"a", std::to_string(-i)});
    from_hall.push_back(reading("hall", "a", std::to_string(i)));
    from_press.push_back(reading("press", "a", std::to_string(-i)));
  }
  EXPECT_EQ(log.wait_for(204)[0], link("hall", LinkState::up));
  EXPECT_EQ(then("hall"), from_hall);
  EXPECT_EQ(then("press"), from_press);
}

TEST_F(MqttBrokers, RequestToStopEndsAllAtTheSameTime) {
  const test::Mosquitto hall, press;
  start_subscribed("hall", hall.port());
  start_subscribed("press", press.port());
  for (const auto& broker : brokers) broker->request_stop();
  log.wait_for(6);  // before anybody waits for one of them
  for (const auto& broker : brokers) broker->stop();
  EXPECT_EQ(then("hall"), Entries{link("hall", LinkState::down)});
  EXPECT_EQ(then("press"), Entries{link("press", LinkState::down)});
  for (const auto& broker : brokers) broker->request_stop();  // has no effect any more
}

TEST_F(MqttBrokers, OnesThatHangHoldUpNeitherReadingsNorTheStop) {
  struct Hanging {
    std::promise<void> called, go;
    std::shared_future<void> gone{go.get_future()};
  };
  const auto hanging = std::make_shared<Hanging>();  // the resolver's thread may outlive the test's frame
  const test::FullBacklog off;
  test::ScriptedBroker silent;
  start("unresolved", "broker.example", 1883, [hanging](const std::string&) -> Resolution {
    hanging->called.set_value();
    hanging->gone.wait();
    return {};
  });
  start("off", "127.0.0.1", off.port());
  start("silent", "127.0.0.1", silent.port());
  hanging->called.get_future().wait();
  silent.accept_client();
  silent.read_packet();  // its CONNECT, which nobody answers

  const test::Mosquitto hall;
  start_subscribed("hall", hall.port());
  test::Publisher publisher(hall.port(), "sensor");
  const std::size_t before = log.entries().size();
  for (std::size_t i = 1; i <= 200; ++i) {
    publisher.send({"a", std::to_string(i)});
    log.wait_for(before + i, test::Deadline(kSoon));
  }
  for (const auto& broker : brokers) broker->request_stop();
  auto stopped = std::async(std::launch::async, [this] {
    for (const auto& broker : brokers) broker->stop();
  });
  EXPECT_EQ(stopped.wait_for(10s), std::future_status::ready);
  hanging->go.set_value();
}

}  // namespace
}  // namespace fieldcast::mqtt

// The MQTT adapter and the log in memory against a real Mosquitto, without the rest of the gateway.
// mqtt_broker_test.cpp has what a real broker does not do on demand.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "adapters/json/classify.hpp"
#include "adapters/mqtt/broker.hpp"
#include "storage/memory_log.hpp"
#include "tests/support/log_lines.hpp"
#include "tests/support/mosquitto.hpp"
#include "tests/support/publisher.hpp"
#include "tests/unit/recording_log.hpp"

namespace fieldcast::mqtt {
namespace {

using Kept = test::RecordingLog::Kept;
using Entries = std::vector<Kept>;

Kept up(bool resumed) {
  return {Kind::link, "local", "hall-3", false, false, resumed, LinkState::up, 0};
}
Kept down() {
  return {Kind::link, "local", "hall-3", false, false, false, LinkState::down, 0};
}
Kept reading(std::string topic, std::string payload, Kind kind = Kind::json) {
  return {kind, std::move(topic), std::move(payload)};
}

class MqttRealBroker : public testing::Test {
 protected:
  MqttRealBroker() {
    settings.port = mosquitto.port();
    settings.client_id = "gateway-under-test";
    settings.topics = {"factory/#"};
    settings.probe = false;
  }

  void start() {
    auto classifier = std::make_shared<json::Classifier>();
    broker = std::make_unique<Broker>(settings, "hall-3", limits, log, clock, [classifier](std::string_view payload) {
      const auto [kind, kept] = classifier->classify(payload);
      return Classified{kind, kept};
    });
    broker->start();
  }

  // What is sent after this is queued or delivered: the broker holds a session with the subscription in it.
  void start_subscribed() {
    publisher().publish({"factory/first", "0", 1, true});
    start();
    log.wait_for(2);  // up, and the retained reading that shows the subscription
    publisher().publish({"factory/first", "", 1, true});
    log.wait_for(3);
  }

  test::Publisher& publisher() {
    if (!publisher_) publisher_ = std::make_unique<test::Publisher>(mosquitto.port(), "sensor");
    return *publisher_;
  }

  // Waits until the broker has answered that many SUBSCRIBE packets in all: Paho leaks one that comes while it stops.
  void settle(std::size_t answers) { lines.wait_for("subscribed to", answers); }

  // The entries behind those of start_subscribed(), once there are that many.
  Entries then(std::size_t count) {
    Entries all = log.wait_for(3 + count);
    all.erase(all.begin(), all.begin() + 3);
    return all;
  }

  test::Mosquitto mosquitto;
  std::unique_ptr<test::Publisher> publisher_;
  Settings settings;
  Limits limits;
  SystemClock clock;
  Counters counters;
  MemoryLog memory{clock, limits, {}, counters};
  test::RecordingLog log{memory};
  test::LogLines lines;
  std::unique_ptr<Broker> broker;
};

TEST_F(MqttRealBroker, ReadingsOfEveryKindAndQos) {
  settings.qos = 2;
  settings.prefix = "line-7/";
  limits.payload = 16;
  start_subscribed();
  int count = 0;
  for (int qos = 0; qos <= 2; ++qos) {
    publisher().publish({"factory/json", " {\"a\": [1, 2]}\n", qos});
    publisher().publish({"factory/text", "running", qos});
    publisher().publish({"factory/binary", "\xFF", qos});
    publisher().publish({"factory/long", std::string(17, '1'), qos});
    Kept omitted = reading("line-7/factory/long", "", Kind::omitted);
    omitted.size = 17;
    count += 4;
    const Entries all = then(static_cast<std::size_t>(count));
    EXPECT_EQ(Entries(all.end() - 4, all.end()),
              (Entries{reading("line-7/factory/json", R"({"a":[1,2]})"),
                       reading("line-7/factory/text", "running", Kind::text),
                       reading("line-7/factory/binary", "\xFF", Kind::binary), omitted}))
        << "QoS " << qos;
  }
}

TEST_F(MqttRealBroker, ARestartOfTheBrokerIsDownAndUpWithTheSessionResumed) {
  start_subscribed();
  publisher().publish({"factory/a", "1"});
  then(1);
  mosquitto.stop();
  then(2);
  mosquitto.start();
  then(3);
  publisher().publish({"factory/a", "2"});
  EXPECT_EQ(then(4), (Entries{reading("factory/a", "1"), down(), up(true), reading("factory/a", "2")}));
  EXPECT_EQ(broker->state().connects, 2u);
  settle(2);
}

TEST_F(MqttRealBroker, WhatIsSentWhileTheGatewayIsAwayComesWhenItIsBack) {
  start_subscribed();
  broker->stop();
  Entries expected = {down(), up(true)};
  for (int i = 0; i < 50; ++i) {
    publisher().send({"factory/a", std::to_string(i)});
    expected.push_back(reading("factory/a", std::to_string(i)));
  }
  publisher().flush();
  start();
  EXPECT_EQ(then(52), expected);
  settle(2);
}

TEST_F(MqttRealBroker, RetainedReadingsAreNotRepeated) {
  settings.session_expiry = std::chrono::seconds(0);  // so the next subscription is new, and brings them again
  start_subscribed();
  publisher().publish({"factory/kept", "1", 1, true});
  publisher().publish({"factory/changed", "1", 1, true});
  then(2);
  broker->stop();
  publisher().publish({"factory/changed", "2", 1, true});
  start();
  // Sent in the order of their topics or not: the change comes, the repeat is counted.
  Kept changed = reading("factory/changed", "2");
  changed.retained = true;
  EXPECT_EQ(then(5),
            (Entries{reading("factory/kept", "1"), reading("factory/changed", "1"), down(), up(false), changed}));
  publisher().publish({"factory/end", "1"});
  EXPECT_EQ(then(6).back(), reading("factory/end", "1"));
  EXPECT_EQ(counters.retained_repeats.value(), 1u);
}

TEST_F(MqttRealBroker, RetainedReadingsComeToANewLogThoughTheSessionIsResumed) {
  start_subscribed();
  publisher().publish({"factory/kept", "1", 1, true});
  then(1);
  broker->stop();
  Counters new_counters;
  MemoryLog new_memory(clock, limits, {}, new_counters);
  test::RecordingLog new_log(new_memory);
  Broker again(settings, "hall-3", limits, new_log, clock, [](std::string_view payload) {
    return Classified{Kind::json, payload};
  });
  again.start();
  Kept kept = reading("factory/kept", "1");
  kept.retained = true;
  EXPECT_EQ(new_log.wait_for(2), (Entries{up(true), kept}));
  settle(2);
}

TEST_F(MqttRealBroker, ABrokerThatIsNotThereAtTheStartIsWaitedFor) {
  publisher();  // it serves by now: a SIGTERM between its start and its loop is lost
  mosquitto.stop();
  start();
  lines.wait_for("no connection: 127.0.0.1 port");
  EXPECT_TRUE(log.entries().empty());
  EXPECT_FALSE(broker->state().up);
  mosquitto.start();
  EXPECT_EQ(log.wait_for(1), Entries{up(false)});
  EXPECT_GE(broker->state().failures, 1u);
  settle(1);
}

// Another gateway's probes are readings to whoever asks for them; its own never are.
TEST_F(MqttRealBroker, ProbesComeBackAndAreNoReadings) {
  settings.topics = {"#"};
  settings.probe.reset();  // on: the broker is on this machine
  start();
  Settings of_witness;
  of_witness.port = mosquitto.port();
  of_witness.client_id = "witness";
  of_witness.topics = {"fieldcast/probe/+"};
  of_witness.probe = false;
  Counters witness_counters;
  MemoryLog witness_memory(clock, limits, {}, witness_counters);
  test::RecordingLog witnessed(witness_memory);
  Broker witness(of_witness, "hall-4", limits, witnessed, clock, [](std::string_view payload) {
    return Classified{Kind::text, payload};
  });
  witness.start();
  const Entries seen = witnessed.wait_for(4);
  EXPECT_EQ(Entries(seen.begin() + 1, seen.begin() + 4),
            Entries(3, reading("fieldcast/probe/gateway-under-test", "", Kind::text)));
  publisher().publish({"factory/end", "1"});
  EXPECT_EQ(log.wait_for(2), (Entries{up(false), reading("factory/end", "1")}));
  EXPECT_EQ(lines.count("the probe"), 0u);
}

}  // namespace
}  // namespace fieldcast::mqtt

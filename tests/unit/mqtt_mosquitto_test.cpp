// The MQTT adapter against a real Mosquitto, without the rest of the gateway.
// mqtt_broker_test.cpp has what a real broker does not do on demand.
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "adapters/json/classify.hpp"
#include "adapters/mqtt/broker.hpp"
#include "adapters/mqtt/connection.hpp"
#include "tests/support/mosquitto.hpp"
#include "tests/support/publisher.hpp"
#include "tests/unit/log_lines.hpp"
#include "tests/unit/recording_log.hpp"

namespace fieldcast::mqtt {
namespace {

using Kept = test::RecordingLog::Kept;
using Entries = std::vector<Kept>;

Kept up(bool resumed) {
  return {Kind::link, "local", "", "hall-3", false, false, resumed, LinkState::up, 0};
}
Kept down() {
  return {Kind::link, "local", "", "hall-3", false, false, false, LinkState::down, 0};
}
Kept reading(std::string topic, std::string payload, Kind kind = Kind::json, int qos = 1) {
  Kept kept{kind, "local", std::move(topic), std::move(payload)};
  kept.qos = static_cast<std::uint8_t>(qos);
  return kept;
}

class MqttRealBroker : public testing::Test {
 protected:
  explicit MqttRealBroker(test::Mosquitto::Options options = {}) : mosquitto(std::move(options)) {
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
    settle(settings.topics.size());  // readings may be here before the answers are told, which a stop leaves untold
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
  test::RecordingLog log;
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
    Kept omitted = reading("line-7/factory/long", "", Kind::omitted, qos);
    omitted.size = 17;
    count += 4;
    const Entries all = then(static_cast<std::size_t>(count));
    EXPECT_EQ(Entries(all.end() - 4, all.end()),
              (Entries{reading("line-7/factory/json", R"({"a":[1,2]})", Kind::json, qos),
                       reading("line-7/factory/text", "running", Kind::text, qos),
                       reading("line-7/factory/binary", "\xFF", Kind::binary, qos), omitted}))
        << "QoS " << qos;
    const auto ids = log.packet_ids();
    EXPECT_EQ(std::set<int>(ids.end() - 4, ids.end()).count(0), qos == 0 ? 1u : 0u) << "QoS " << qos;
  }
}

TEST_F(MqttRealBroker, ARestartOfTheBrokerIsDownAndUpWithTheSessionResumed) {
  start_subscribed();
  // At QoS 0: its acknowledgement may not be on the wire yet when the broker stops, and then it would come again.
  publisher().publish({"factory/a", "1", 0});
  then(1);
  mosquitto.stop();
  then(2);
  mosquitto.start();
  then(3);
  publisher().publish({"factory/a", "2"});
  EXPECT_EQ(then(4), (Entries{reading("factory/a", "1", Kind::json, 0), down(), up(true), reading("factory/a", "2")}));
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

TEST_F(MqttRealBroker, AResumedSessionBringsRetainedReadingsToAnEmptyLogOnly) {
  start_subscribed();
  publisher().publish({"factory/kept", "1", 1, true});
  then(1);
  broker->stop();
  start();
  settle(2);
  publisher().publish({"factory/end", "1"});
  EXPECT_EQ(then(4), (Entries{reading("factory/kept", "1"), down(), up(true), reading("factory/end", "1")}));
  broker->stop();

  settings.log_is_empty = true;
  start();
  Kept kept = reading("factory/kept", "1");
  kept.retained = true;
  EXPECT_EQ(then(7).back(), kept);  // behind down and up
  settle(3);
}

TEST_F(MqttRealBroker, AFormerFilterBringsNothingMoreOnceTheBrokerHasForgottenIt) {
  settings.topics = {"factory/#", "office/#"};
  start_subscribed();
  settle(2);
  broker->stop();
  publisher().publish({"office/a", "queued"});

  settings.topics = {"factory/#"};
  settings.former_topics = {"office/#"};
  start();
  lines.wait_for("dropped a message that no filter asks for: \"office/a\"");  // the session still has the filter
  lines.wait_for("unsubscribed from \"office/#\"");
  publisher().publish({"office/a", "1"});
  publisher().publish({"factory/end", "1"});
  EXPECT_EQ(then(3), (Entries{down(), up(true), reading("factory/end", "1")}));
  broker->stop();
  EXPECT_EQ(broker->state().not_subscribed, 1u);

  settings.former_topics = {};  // and the next process has nothing to do with it
  start();
  settle(4);
  publisher().publish({"office/a", "2"});
  publisher().publish({"factory/end", "2"});
  EXPECT_EQ(then(6).back(), reading("factory/end", "2"));
  broker->stop();
  EXPECT_EQ(broker->state().not_subscribed, 0u);
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

// Sees everything that is sent at the broker, unlike a gateway.
class Witness final : private ConnectionEvents {
 public:
  Witness(std::uint16_t port, const std::string& filter) {
    settings_.client_id = "witness";
    connection_ = std::make_unique<Connection>(settings_, static_cast<ConnectionEvents&>(*this));
    connection_->connect("127.0.0.1", port);
    wait_for("up");
    connection_->subscribe(filter, 0, Connection::Retained::only_if_new);
    wait_for(filter);
  }

  /// Waits until it was told `what` that many times: the topic of a message.
  void wait_for(const std::string& what, std::ptrdiff_t times = 1) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_until(lock, test::Deadline().at(), [&] { return std::ranges::count(told_, what) >= times; }))
      throw test::TimedOut(what);
  }

 private:
  void tell(std::string what) {
    const std::lock_guard lock(mutex_);
    told_.push_back(std::move(what));
    changed_.notify_all();
  }
  void on_up(bool) noexcept override { tell("up"); }
  void on_down(const std::string&) noexcept override { tell("down"); }
  void on_disconnected() noexcept override { tell("disconnected"); }
  void on_connect_failed(const std::string&) noexcept override { tell("failed"); }
  void on_subscribed(const std::string& filter, const std::string&) noexcept override { tell(filter); }
  void on_unsubscribed(const std::string&, const std::string&) noexcept override { tell("unsubscribed"); }
  void on_message(const Message& message) noexcept override { tell(std::string(message.topic)); }

  Settings settings_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> told_;
  std::unique_ptr<Connection> connection_;  // last: its events come until it is destroyed
};

TEST_F(MqttRealBroker, ProbesComeBackAndAreNoReadingsOfAnyGateway) {
  settings.topics = {"#"};
  settings.probe.reset();  // on: the broker is on this machine
  Witness witness(mosquitto.port(), "fieldcast/probe/+");
  start();
  witness.wait_for("fieldcast/probe/gateway-under-test", 3);
  Settings other_settings = settings;
  other_settings.client_id = "another-gateway";
  test::RecordingLog other_log;
  Broker other(other_settings, "hall-4", limits, other_log, clock, [](std::string_view payload) {
    return Classified{Kind::text, payload};
  });
  other.start();
  witness.wait_for("fieldcast/probe/another-gateway");
  publisher().publish({"factory/end", "1"});
  EXPECT_EQ(log.wait_for(2), (Entries{up(false), reading("factory/end", "1")}));
  EXPECT_EQ(lines.count("the probe"), 0u);
  other.stop();
  broker->stop();
  EXPECT_EQ(broker->state().messages, 1u);
}

class MqttBrokerWithRights : public MqttRealBroker {
 protected:
  MqttBrokerWithRights() : MqttRealBroker({.acl = "topic readwrite factory/#\n", .tls_lines = {}}) {}
};

// Mosquitto hangs up on what it refuses, since its queues have no limit here.
TEST_F(MqttBrokerWithRights, AProbeThatIsRefusedEndsOneConnectionAndIsNotSentAgain) {
  settings.probe.reset();
  start();
  lines.wait_for("which the broker may not allow");
  settle(1);
  publisher().publish({"factory/a", "1"});
  EXPECT_EQ(log.wait_for(4), (Entries{up(false), down(), up(true), reading("factory/a", "1")}));
}

}  // namespace
}  // namespace fieldcast::mqtt

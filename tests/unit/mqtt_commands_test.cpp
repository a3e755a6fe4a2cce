// Commands against a scripted broker: odd answers, lost connections and limits, which a real broker does not do on
// demand. mqtt_commands_mosquitto_test.cpp has the real one.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/mqtt/commands.hpp"
#include "tests/support/scripted_broker.hpp"
#include "tests/unit/log_lines.hpp"
#include "tests/unit/mqtt_asker.hpp"

namespace fieldcast::mqtt {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using namespace std::string_view_literals;

// First bytes of packets (MQTT 5 section 2.1).
constexpr std::uint8_t kConnect = 0x10, kConnack = 0x20, kPuback = 0x40, kPubrec = 0x50, kPubrel = 0x62,
                       kPubcomp = 0x70, kDisconnect = 0xE0, kPublishQos1 = 0x32, kPublishQos2 = 0x34, kRetain = 0x01;

// The machine's, set forward by a test that does not want to wait.
class MovedClock final : public Clock {
 public:
  std::int64_t wall_ms() const noexcept override { return clock_.wall_ms(); }
  Instant now() const noexcept override { return clock_.now() + ahead_.load(); }
  void move(Instant by) { ahead_ = ahead_.load() + by; }

 private:
  SystemClock clock_;
  std::atomic<Instant> ahead_{Instant{}};
};

class MqttCommands : public testing::Test {
 protected:
  MqttCommands() {
    settings.port = scripted.port();
    settings.client_id = "gw";
  }

  void start(Resolver::LookUp look_up = mqtt::look_up) {
    commands = std::make_unique<Commands>(settings, clock, std::move(look_up));
    commands->start();
  }

  PublicationPtr publish(PublicationPtr publication) {
    commands->publish(publication, asker);
    return publication;
  }

  // Waits for the connection, and accepts it with these properties of the CONNACK.
  std::string accept(std::string_view properties = "") {
    scripted.accept_client();
    std::string connect = scripted.read_packet();
    EXPECT_EQ(static_cast<std::uint8_t>(connect[0]), kConnect);
    scripted.send_packet(kConnack, "\0\0"s + static_cast<char>(properties.size()) + std::string(properties));
    return connect;
  }

  // The next packet, which is a PUBLISH with this payload; returns its packet id.
  std::string read_publish(std::string_view payload, std::uint8_t first = kPublishQos1) {
    const std::string packet = scripted.read_packet();
    EXPECT_EQ(static_cast<std::uint8_t>(packet[0]), first);
    EXPECT_TRUE(packet.ends_with(payload)) << packet;
    const std::size_t id = packet.size() - payload.size() - 3;  // behind it come no properties
    return packet.substr(id, 2);
  }

  void acknowledge(std::uint8_t first, const std::string& packet_id, int reason_code = 0) {
    scripted.send_packet(first, reason_code == 0 ? packet_id : packet_id + static_cast<char>(reason_code));
  }

  void stop_in_time() {
    auto stopped = std::async(std::launch::async, [this] { commands->stop(); });
    ASSERT_EQ(stopped.wait_for(10s), std::future_status::ready);
  }

  Settings settings;
  MovedClock clock;
  test::LogLines lines;
  test::ScriptedBroker scripted;
  Asker asker;
  std::unique_ptr<Commands> commands;
};

TEST_F(MqttCommands, ConnectOnTheFirstOneWithASessionThatEndsWithTheConnection) {
  settings.user = "me";
  settings.password = "secret";
  settings.prefix = "line-7/";
  start();
  const auto first = publish(command("line-7/press/set", "21.5"));
  const std::string connect = accept();
  EXPECT_EQ(connect.substr(2, 8), "\x00\x04MQTT\x05\xC2"sv);  // user, password, clean start
  EXPECT_TRUE(connect.ends_with("\x00\x0Bgw-commands\x00\x02me\x00\x06secret"sv));
  EXPECT_EQ(connect.find("\x11\x00\x00"sv), std::string::npos);  // no session expiry
  const std::string packet = scripted.read_packet();
  EXPECT_EQ(packet.substr(2, 11), "\x00\x09press/set"sv);
  EXPECT_FALSE(first->done);
  acknowledge(kPuback, packet.substr(13, 2));
  expect_published(asker.wait_for(*first));

  const auto second = publish(command("line-7/b", "", 1, true));  // over the same connection
  acknowledge(kPuback, read_publish("", kPublishQos1 | kRetain));
  expect_published(asker.wait_for(*second));
  EXPECT_EQ(commands->counts().published, 2u);
  EXPECT_EQ(commands->counts().open, 0u);
}

TEST_F(MqttCommands, OfQos2AreDoneWhenTheBrokerHasCompletedThem) {
  start();
  const auto sent = publish(command("a", "x", 2));
  accept();
  const std::string id = read_publish("x", kPublishQos2);
  acknowledge(kPubrec, id);
  EXPECT_EQ(static_cast<std::uint8_t>(scripted.read_packet()[0]), kPubrel);
  EXPECT_FALSE(sent->done);
  acknowledge(kPubcomp, id);
  expect_published(asker.wait_for(*sent));
}

TEST_F(MqttCommands, AreRefusedWithTheReasonCodeOfTheBroker) {
  start();
  const auto qos1 = publish(command("a", "x"));
  accept();
  acknowledge(kPuback, read_publish("x"), 0x87);
  expect_problem(asker.wait_for(*qos1), Code::refused, "Not authorized (0x87)", 0x87);
  EXPECT_EQ(static_cast<std::uint8_t>(scripted.read_packet()[0]), kDisconnect);

  const auto qos2 = publish(command("a", "x", 2));
  accept();
  acknowledge(kPubrec, read_publish("x", kPublishQos2), 0x97);
  expect_problem(asker.wait_for(*qos2), Code::refused, "(0x97)", 0x97);

  const auto unheard = publish(command("a", "x"));
  accept();
  acknowledge(kPuback, read_publish("x"), 0x10);  // no matching subscribers
  expect_published(asker.wait_for(*unheard));
  EXPECT_EQ(commands->counts().failed[static_cast<std::size_t>(Code::refused)], 2u);
}

TEST_F(MqttCommands, MayHaveBeenPublishedWhereTheConnectionGoesAndAreNotSentAgain) {
  start();
  const auto lost = publish(command("a", "lost"));
  accept();
  read_publish("lost");
  scripted.hang_up();
  expect_problem(asker.wait_for(*lost), Code::timeout, "may have been published");
  lines.wait_for("sent, and not acknowledged");

  const auto next = publish(command("a", "next"));
  accept();
  acknowledge(kPuback, read_publish("next"));
  expect_published(asker.wait_for(*next));
  EXPECT_EQ(asker.wakes(), 2u);
}

TEST_F(MqttCommands, SayWhyTheBrokerHangsUp) {
  start();
  const auto sent = publish(command("a", "x"));
  accept();
  read_publish("x");
  scripted.send_packet(kDisconnect, "\x93\x00"sv);
  expect_problem(asker.wait_for(*sent), Code::timeout,
                 "the broker ended the connection: Receive Maximum exceeded (0x93)");
}

TEST_F(MqttCommands, AreGivenUpWhenTheBrokerDoesNotAnswerInTime) {
  start();
  const auto first = publish(command("a", "first"));
  accept();
  read_publish("first");
  clock.move(kPublishTime - 1s);
  const auto second = publish(command("a", "second"));
  read_publish("second");
  EXPECT_FALSE(first->done);
  clock.move(1s);
  expect_problem(asker.wait_for(*first), Code::timeout, "it did not answer in 10 s");
  expect_problem(asker.wait_for(*second), Code::timeout, "it did not answer in 10 s");
  EXPECT_EQ(second->problem->limit, Limit::publish_time);
  EXPECT_EQ(static_cast<std::uint8_t>(scripted.read_packet()[0]), kDisconnect);
  EXPECT_TRUE(scripted.client_left());  // nobody is there for a late answer
}

TEST_F(MqttCommands, FindNoBrokerWhereItRefusesTheConnection) {
  start();
  for (int i = 0; i < 2; ++i) {
    const auto sent = publish(command("a"));
    scripted.accept_client();
    scripted.read_packet();
    scripted.send_packet(kConnack, "\x00\x87\x00"sv);
    expect_problem(asker.wait_for(*sent), Code::no_broker, "refused by the broker: Not authorized (0x87)");
  }
  EXPECT_EQ(lines.count("no connection"), 1u);
}

TEST_F(MqttCommands, FindNoBrokerWhereNobodyListens) {
  settings.host = "broker.example";
  settings.port = 1;
  start([](const std::string&) -> Resolution { return {{"127.0.0.1"}, {}}; });
  expect_problem(asker.wait_for(*publish(command("a"))), Code::no_broker, "127.0.0.1 port 1: Connection refused");
}

TEST_F(MqttCommands, FindNoBrokerWhereItsNameIsNotResolved) {
  settings.host = "broker.example";
  start([](const std::string&) -> Resolution { return {{}, "no such name"}; });
  expect_problem(asker.wait_for(*publish(command("a"))), Code::no_broker, "no such name");
}

TEST_F(MqttCommands, TryEveryAddressInTurn) {
  settings.host = "broker.example";
  start([](const std::string&) -> Resolution { return {{"::1", "127.0.0.1"}, {}}; });  // nobody listens on the first
  const auto sent = publish(command("a", "x"));
  accept();
  acknowledge(kPuback, read_publish("x"));
  expect_published(asker.wait_for(*sent));
}

TEST_F(MqttCommands, LeaveTimeForTheNextAddressWhereOneDoesNotAnswer) {
  settings.host = "broker.example";
  start([](const std::string&) -> Resolution { return {{"127.0.0.1", "127.0.0.1"}, {}}; });
  const auto sent = publish(command("a", "x"));
  scripted.accept_client();
  scripted.read_packet();  // and never answers
  clock.move(4s);          // half of the time to connect
  accept();
  acknowledge(kPuback, read_publish("x"));
  expect_published(asker.wait_for(*sent));
}

TEST_F(MqttCommands, FindNoBrokerWhereItNeverAcceptsTheConnection) {
  start();
  const auto sent = publish(command("a"));
  scripted.accept_client();
  scripted.read_packet();
  clock.move(8s);
  expect_problem(asker.wait_for(*sent), Code::no_broker, "no answer");
  EXPECT_TRUE(scripted.client_left());
}

TEST_F(MqttCommands, AreHeldAgainstTheLimitsOfTheBroker) {
  settings.prefix = "p/";
  start();
  const auto fits = publish(command("p/a", std::string(20, 'x')));  // the packet has 2 + 2 + 1 + 2 + 1 + 20 bytes
  const auto longer = publish(command("p/a", std::string(21, 'x')));
  const auto qos2 = publish(command("p/a", "x", 2));
  const auto retained = publish(command("p/a", "x", 1, true));
  const auto control = publish(command("p/a\x01", "x"));
  accept("\x27\x00\x00\x00\x1C\x24\x01\x25\x00"sv);  // Maximum Packet Size 28, Maximum QoS 1, Retain Available 0
  acknowledge(kPuback, read_publish(std::string(20, 'x')));
  expect_published(asker.wait_for(*fits));
  expect_problem(asker.wait_for(*longer), Code::too_large, "at most 28 bytes, and this one has 29");
  expect_problem(asker.wait_for(*qos2), Code::refused, "qos: the broker takes at most 1", 0x9B);
  expect_problem(asker.wait_for(*retained), Code::refused, "retain", 0x9A);
  expect_problem(asker.wait_for(*control), Code::bad_message, "control characters");
}

TEST_F(MqttCommands, AreNoMoreAheadOfTheirAcknowledgementThanTheBrokerAllows) {
  start();
  const auto first = publish(command("a", "1"));
  const auto second = publish(command("a", "2"));
  accept("\x21\x00\x01"sv);  // Receive Maximum
  const std::string id = read_publish("1");
  const auto third = publish(command("a", "3"));
  acknowledge(kPuback, id);
  expect_published(asker.wait_for(*first));
  read_publish("2");
  scripted.hang_up();  // with the second alone on its way: the third is not lost with it
  expect_problem(asker.wait_for(*second), Code::timeout, "may have been published");
  accept();
  acknowledge(kPuback, read_publish("3"));
  expect_published(asker.wait_for(*third));
}

TEST_F(MqttCommands, AreSentWholeHoweverLong) {
  start();
  const std::string payload(3u << 20, 'x');
  const auto sent = publish(command("a", payload));
  accept();
  acknowledge(kPuback, read_publish(payload));
  expect_published(asker.wait_for(*sent));
}

TEST_F(MqttCommands, HangUpWhenNoneCameForAWhileAndConnectAgain) {
  start();
  for (int i = 0; i < 2; ++i) {
    const auto sent = publish(command("a", "x"));
    accept();
    acknowledge(kPuback, read_publish("x"));
    expect_published(asker.wait_for(*sent));
    clock.move(60s);
    EXPECT_EQ(static_cast<std::uint8_t>(scripted.read_packet()[0]), kDisconnect);
    EXPECT_TRUE(scripted.client_left());
  }
  EXPECT_EQ(lines.count("commands:"), 0u);
}

TEST_F(MqttCommands, OverTheLimitAreRefusedAtOnce) {
  start();
  std::vector<PublicationPtr> sent;
  for (std::size_t i = 0; i < kOpenCommands; ++i) sent.push_back(publish(command("a")));
  const auto over = publish(command("a"));
  EXPECT_TRUE(over->done);
  expect_problem(over->problem, Code::too_many, "too many commands wait");
  EXPECT_EQ(over->problem->limit, Limit::broker_publishes);
  EXPECT_EQ(commands->counts().open, kOpenCommands);
  accept();
  acknowledge(kPuback, read_publish("1"));
  expect_published(asker.wait_for(*sent[0]));
  EXPECT_FALSE(publish(command("a"))->done);  // there is room again
}

TEST_F(MqttCommands, AreBoundedInBytesToo) {
  start();
  publish(command("a", std::string(kOpenCommandBytes - 1, 'x')));
  EXPECT_FALSE(publish(command("a", "1"))->done);
  const auto over = publish(command("a", "1"));
  expect_problem(over->problem, Code::too_many, "too many commands wait");
  EXPECT_EQ(over->problem->limit, Limit::broker_publish_bytes);
}

TEST_F(MqttCommands, ThatWaitAtAStopAreNotSent) {
  start();
  const auto waits = publish(command("a"));
  scripted.accept_client();
  scripted.read_packet();  // and never answers
  stop_in_time();
  expect_problem(waits->problem, Code::stopping, "nothing was sent");
  expect_problem(publish(command("a"))->problem, Code::stopping, "nothing was sent");
  EXPECT_TRUE(scripted.client_left());
}

TEST_F(MqttCommands, OnTheirWayAtAStopMayHaveBeenPublished) {
  start();
  const auto sent = publish(command("a", "x"));
  accept();
  read_publish("x");
  stop_in_time();
  expect_problem(sent->problem, Code::timeout, "the gateway is stopping");
  EXPECT_EQ(static_cast<std::uint8_t>(scripted.read_packet()[0]), kDisconnect);
  EXPECT_EQ(asker.wakes(), 1u);
}

TEST_F(MqttCommands, StopWithoutAStart) {
  commands = std::make_unique<Commands>(settings, clock);
  const auto waits = publish(command("a"));
  commands->stop();
  expect_problem(waits->problem, Code::stopping, "nothing was sent");
}

TEST_F(MqttCommands, StopWhileANameServerHangs) {
  struct Hanging {
    std::promise<void> called, go;
    std::shared_future<void> gone{go.get_future()};
  };
  const auto hanging = std::make_shared<Hanging>();  // the resolver's thread may outlive the test's frame
  settings.host = "broker.example";
  start([hanging](const std::string&) -> Resolution {
    hanging->called.set_value();
    hanging->gone.wait();
    return {};
  });
  publish(command("a"));
  hanging->called.get_future().wait();
  stop_in_time();
  hanging->go.set_value();
}

TEST_F(MqttCommands, APasswordWithANulIsNotCutOff) {
  settings.password = "p\0w"s;
  start();
  expect_problem(asker.wait_for(*publish(command("a"))), Code::no_broker, "password with a NUL");
}

}  // namespace
}  // namespace fieldcast::mqtt

// A Broker against a scripted one: refusals, lost connections and faulty messages, which a real broker does not do on
// demand. mqtt_mosquitto_test.cpp has the real one.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <string_view>

#include "adapters/mqtt/broker.hpp"
#include "adapters/mqtt/probe.hpp"
#include "tests/support/scripted_broker.hpp"
#include "tests/unit/log_lines.hpp"
#include "tests/unit/recording_log.hpp"

namespace fieldcast::mqtt {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using namespace std::string_view_literals;
using Kept = test::RecordingLog::Kept;

// A stop takes 2 s; this is for a busy machine, and far below what it must not wait for.
constexpr auto kStopPatience = 10s;

// First bytes of packets (MQTT 5 section 2.1).
constexpr std::uint8_t kConnack = 0x20, kPublish = 0x30, kPuback = 0x40, kSubscribe = 0x82, kSuback = 0x90,
                       kUnsubscribe = 0xA2, kUnsuback = 0xB0, kDisconnect = 0xE0, kQos1 = 0x02, kQos2 = 0x04,
                       kDup = 0x08;

constexpr auto kAccepted = "\x00\x00\x00"sv;  // no session, success, no properties
constexpr auto kResumed = "\x01\x00\x00"sv;

Classified as_text(std::string_view payload) {
  return {Kind::text, payload};
}

Kept up(bool resumed) {
  return {Kind::link, "local", "", "hall-3", false, false, resumed, LinkState::up, 0};
}
Kept down() {
  return {Kind::link, "local", "", "hall-3", false, false, false, LinkState::down, 0};
}
Kept reading(std::string topic, std::string payload, std::uint8_t qos = 0) {
  Kept kept{Kind::text, "local", std::move(topic), std::move(payload)};
  kept.qos = qos;
  return kept;
}

std::string publish(std::string_view topic, std::string_view payload, int packet_id = 0) {
  std::string body{'\0', static_cast<char>(topic.size())};
  body += topic;
  if (packet_id != 0) body += {'\0', static_cast<char>(packet_id)};
  body += '\0';  // no properties
  return body.append(payload);
}

class MqttBroker : public testing::Test {
 protected:
  MqttBroker() {
    settings.port = scripted.port();
    settings.client_id = "gw";
    settings.topics = {"a/#"};
    settings.probe = false;
  }

  void start(Resolver::LookUp look_up = mqtt::look_up) {
    broker = std::make_unique<Broker>(settings, "hall-3", limits, log, clock, as_text, std::move(look_up));
    broker->start();
  }

  void connect(std::string_view connack = kAccepted) {
    scripted.accept_client();
    EXPECT_EQ(scripted.read_packet()[0], 0x10);
    scripted.send_packet(kConnack, connack);
  }

  // Answers the next SUBSCRIBE with a reason code, and returns its filter.
  std::string answer_subscribe(char reason) {
    const std::string packet = scripted.read_packet();
    EXPECT_EQ(static_cast<std::uint8_t>(packet[0]), kSubscribe);
    scripted.send_packet(kSuback, std::string{packet[2], packet[3], '\0', reason});
    return packet.substr(7, static_cast<std::size_t>(packet[6]));  // behind the packet id, no properties, a length
  }

  // The same for the next UNSUBSCRIBE.
  std::string answer_unsubscribe(char reason) {
    const std::string packet = scripted.read_packet();
    EXPECT_EQ(static_cast<std::uint8_t>(packet[0]), kUnsubscribe);
    scripted.send_packet(kUnsuback, std::string{packet[2], packet[3], '\0', reason});
    return packet.substr(7);
  }

  void expect_bye() {
    stop_in_time();
    EXPECT_EQ(static_cast<std::uint8_t>(scripted.read_packet()[0]), kDisconnect);
  }

  void stop_in_time() {
    auto stopped = std::async(std::launch::async, [this] { broker->stop(); });
    ASSERT_EQ(stopped.wait_for(kStopPatience), std::future_status::ready);
  }

  Settings settings;
  Limits limits;
  SystemClock clock;
  test::RecordingLog log;
  test::LogLines lines;
  test::ScriptedBroker scripted;
  std::unique_ptr<Broker> broker;
};

using Entries = std::vector<Kept>;

TEST_F(MqttBroker, AsksForAPersistentSessionWithItsBounds) {
  settings.session_expiry = 7200s;
  settings.receive_maximum = 300;
  settings.maximum_packet_size = 0x123456;
  settings.keep_alive = 20s;
  settings.user = "me";
  settings.password = "p\0w"s;
  start();
  scripted.accept_client();
  const std::string connect = scripted.read_packet();
  // Protocol name, version 5, user and password and no clean start, keep alive, properties, client id, user, password.
  EXPECT_EQ(connect.substr(2, 10), "\x00\x04MQTT\x05\xC0\x00\x14"sv);
  EXPECT_NE(connect.find("\x11\x00\x00\x1C\x20"sv), std::string::npos);
  EXPECT_NE(connect.find("\x21\x01\x2C"sv), std::string::npos);
  EXPECT_NE(connect.find("\x27\x00\x12\x34\x56"sv), std::string::npos);
  EXPECT_TRUE(connect.ends_with("\x00\x02gw\x00\x02me\x00\x03p\x00w"sv));
}

TEST_F(MqttBroker, SubscribesAgainOnEveryConnect) {
  settings.topics = {"a/#", "b"};
  settings.qos = 2;
  settings.log_is_empty = true;
  start();
  int connects = 0;
  // QoS 2; all retained messages until the subscription was granted once, then only where it is new to the session.
  for (const int options : {0x02, 0x02, 0x12}) {
    connect(kResumed);
    std::vector<std::string> subscribes;
    for (const char* filter : {"a/#", "b"}) {
      const std::string& packet = subscribes.emplace_back(scripted.read_packet());
      EXPECT_EQ(static_cast<std::uint8_t>(packet[0]), kSubscribe);
      EXPECT_EQ(packet.substr(7, packet.size() - 8), filter);
      EXPECT_EQ(packet.back(), options);
    }
    if (++connects == 1) continue;  // this broker goes without an answer
    for (const std::string& packet : subscribes)
      scripted.send_packet(kSuback, std::string{packet[2], packet[3], '\0', '\x02'});
    lines.wait_for("subscribed to \"b\"", static_cast<std::size_t>(connects) - 1);
  }
}

TEST_F(MqttBroker, AnEmptyLogWantsRetainedMessagesOfEachFilterUntilItIsGranted) {
  settings.topics = {"a/#", "b"};
  settings.log_is_empty = true;
  start();
  const auto next_subscribe = [this](char reason) {
    const std::string packet = scripted.read_packet();
    scripted.send_packet(kSuback, std::string{packet[2], packet[3], '\0', reason});
    return packet.substr(7);
  };
  connect(kResumed);
  EXPECT_EQ(next_subscribe('\x01'), "a/#\x01");
  EXPECT_EQ(next_subscribe('\x87'), "b\x01");
  lines.wait_for("the subscription to \"b\" is refused");
  scripted.hang_up();
  connect(kResumed);
  EXPECT_EQ(next_subscribe('\x01'), "a/#\x11");
  EXPECT_EQ(next_subscribe('\x01'), "b\x01");
  lines.wait_for("subscribed to \"b\"");
}

TEST_F(MqttBroker, ALogThatKnowsItsLatestReadingsWantsNoRetainedMessagesAgain) {
  start();
  connect(kResumed);
  const std::string packet = scripted.read_packet();
  EXPECT_EQ(packet.substr(7), "a/#\x11");
}

TEST_F(MqttBroker, AResumedSessionIsRidOfFormerFilters) {
  settings.former_topics = {"old/#", "older", "oldest"};
  start();
  connect(kResumed);
  answer_subscribe('\x01');
  EXPECT_EQ(answer_unsubscribe('\0'), "old/#");
  EXPECT_EQ(answer_unsubscribe('\x11'), "older");  // there was none: as good
  EXPECT_EQ(answer_unsubscribe('\x87'), "oldest");
  lines.wait_for("\": unsubscribed from \"old/#\"");
  lines.wait_for("\": unsubscribed from \"older\"");
  lines.wait_for("not unsubscribed from \"oldest\": Not authorized (0x87)");
  EXPECT_TRUE(broker->state().up);
  EXPECT_TRUE(broker->state().refused.empty());
  EXPECT_EQ(broker->state().subscribed, 1u);
  scripted.hang_up();
  connect(kResumed);  // what was not granted is asked for again
  answer_subscribe('\x01');
  EXPECT_EQ(answer_unsubscribe('\0'), "oldest");
  lines.wait_for("\": unsubscribed from \"oldest\"");
  scripted.hang_up();
  connect(kResumed);
  answer_subscribe('\x01');
  lines.wait_for("subscribed to \"a/#\"", 3);
  expect_bye();
}

TEST_F(MqttBroker, ANewSessionHasNoFormerFilters) {
  settings.former_topics = {"old/#"};
  start();
  connect(kAccepted);
  answer_subscribe('\x01');
  lines.wait_for("subscribed to \"a/#\"");
  expect_bye();
}

TEST_F(MqttBroker, WritesEachChangeOfTheLinkOnceAndInItsPlace) {
  start();
  connect();
  EXPECT_EQ(answer_subscribe(0), "a/#");
  scripted.send_packet(kPublish, publish("a/b", "1"));
  log.wait_for(2);
  scripted.hang_up();
  connect(kResumed);
  answer_subscribe(0);
  scripted.send_packet(kPublish, publish("a/b", "2"));
  log.wait_for(5);
  scripted.send_packet(kDisconnect, "\x8E\x00"sv);  // another client with the same id
  log.wait_for(6);
  stop_in_time();
  EXPECT_EQ(log.entries(), (Entries{up(false), reading("a/b", "1"), down(), up(true), reading("a/b", "2"), down()}));
  EXPECT_EQ(lines.count("the broker ended the connection: Session taken over (0x8E)"), 1u);
}

TEST_F(MqttBroker, ReadingsThatComeBeforeTheSubscriptionAreBehindUp) {
  start();
  scripted.accept_client();
  scripted.read_packet();
  scripted.send_packet(kConnack, kResumed);  // a resumed session brings what it kept at once
  scripted.send_packet(kPublish | kQos1, publish("a/b", "1", 7));
  scripted.send_packet(kPublish | kQos1 | kDup, publish("a/b", "2", 8));
  Kept again = reading("a/b", "2", 1);
  again.redelivered = true;
  EXPECT_EQ(log.wait_for(3), (Entries{up(true), reading("a/b", "1", 1), again}));
  for (int acknowledged = 0; acknowledged < 2;)
    acknowledged += static_cast<std::uint8_t>(scripted.read_packet()[0]) == kPuback;
}

TEST_F(MqttBroker, TellsTheLogQosAndPacketIds) {
  start();
  connect();
  answer_subscribe('\x02');
  scripted.send_packet(kPublish, publish("a/b", "0"));
  scripted.send_packet(kPublish | kQos1, publish("a/b", "1", 7));
  scripted.send_packet(kPublish | kQos2 | kDup, publish("a/b", "2", 9));  // Paho does not tell the DUP flag of QoS 2
  EXPECT_EQ(log.wait_for(4), (Entries{up(false), reading("a/b", "0"), reading("a/b", "1", 1), reading("a/b", "2", 2)}));
  EXPECT_EQ(log.packet_ids(), (std::vector<std::uint16_t>{0, 0, 7, 9}));
}

TEST_F(MqttBroker, ARefusedConnectIsSaidOnceInWordsAndTriedAgain) {
  start();
  for (int i = 0; i < 3; ++i) connect("\x00\x87\x00"sv);  // not authorized
  EXPECT_EQ(lines.count("refused by the broker: Not authorized (0x87)"), 1u);
  EXPECT_TRUE(log.entries().empty());
  connect();
  log.wait_for(1);
  const State state = broker->state();
  EXPECT_EQ(state.failures, 3u);
  EXPECT_EQ(state.connects, 1u);
  EXPECT_TRUE(state.up);
  EXPECT_EQ(state.last_error, "");
}

TEST_F(MqttBroker, ARefusedSubscriptionIsSaidOnceAndShown) {
  settings.topics = {"a/#", "b"};
  start();
  for (std::size_t i = 0; i < 2; ++i) {
    connect();
    answer_subscribe('\x87');
    answer_subscribe('\x01');
    lines.wait_for("the subscription to \"a/#\" is refused: Not authorized (0x87)");
    lines.wait_for("subscribed to \"b\"", i + 1);
    EXPECT_EQ(broker->state().refused, std::vector<std::string>{"a/#"});
  }
  scripted.hang_up();
  connect();
  answer_subscribe('\x01');
  answer_subscribe('\x01');
  lines.wait_for("subscribed to \"a/#\"");
  lines.wait_for("subscribed to \"b\"", 3);
  EXPECT_TRUE(broker->state().refused.empty());
  EXPECT_EQ(broker->state().subscribed, 2u);
  stop_in_time();
  EXPECT_EQ(lines.count("is refused"), 1u);
}

TEST_F(MqttBroker, ARefusedProbeIsOff) {
  settings.probe = true;
  start();
  connect();
  EXPECT_EQ(answer_subscribe(0), "a/#");
  EXPECT_EQ(answer_subscribe('\x87'), "fieldcast/probe/gw");
  lines.wait_for("the probe \"fieldcast/probe/gw\" is refused: Not authorized (0x87)");
  EXPECT_TRUE(broker->state().refused.empty());
}

TEST_F(MqttBroker, SendsItsProbeAndDropsItAndOthers) {
  settings.probe = true;
  settings.topics = {"#"};
  const Instant began = clock.now();
  start();
  connect();
  answer_subscribe(0);
  answer_subscribe(0);
  for (int i = 0; i < 3; ++i) {
    const std::string probe = scripted.read_packet();
    EXPECT_EQ(static_cast<std::uint8_t>(probe[0]), kPublish);  // QoS 0, not retained
    EXPECT_EQ(probe.substr(2), publish("fieldcast/probe/gw", ""));
    scripted.send_packet(kPublish, publish("fieldcast/probe/gw", ""));
    scripted.send_packet(kPublish, publish("fieldcast/probe/other", ""));
  }
  EXPECT_LT(clock.now() - began, 2 * Probe::kDeadline);  // one that is not seen to come back holds up the next
  scripted.send_packet(kPublish, publish("a", "1"));
  EXPECT_EQ(log.wait_for(2), (Entries{up(false), reading("a", "1")}));
  stop_in_time();
  EXPECT_EQ(broker->state().messages, 1u);
}

TEST_F(MqttBroker, FaultyTopicsAreCountedAndSaidWithTheirNumber) {
  start();
  connect();
  answer_subscribe(0);
  scripted.send_packet(kPublish, publish("a/\n+", "1"));
  scripted.send_packet(kPublish, publish("a/+", "1"));
  scripted.send_packet(kPublish, publish("other", "1"));
  scripted.send_packet(kPublish, publish("a/b", "2"));
  EXPECT_EQ(log.wait_for(2).back(), reading("a/b", "2"));
  lines.wait_for("faulty topic: \"a/\\n+\"");
  lines.wait_for("no filter asks for: \"other\"");
  stop_in_time();
  const State state = broker->state();
  EXPECT_EQ(state.messages, 4u);
  EXPECT_EQ(state.faulty_topics, 2u);
  EXPECT_EQ(state.not_subscribed, 1u);
  std::uint64_t faulty = 0;
  for (const auto& line : lines.of(Event::faulty_topic)) faulty += line.times;  // one line, or two on a slow machine
  EXPECT_EQ(faulty, 2u);
}

TEST_F(MqttBroker, StopKeepsTheSessionAndWritesDown) {
  start();
  connect();
  answer_subscribe(0);
  lines.wait_for("subscribed to");
  stop_in_time();
  const std::string bye = scripted.read_packet();
  EXPECT_EQ(static_cast<std::uint8_t>(bye[0]), kDisconnect);
  EXPECT_EQ(bye.find('\x11'), std::string::npos);  // no other session expiry
  EXPECT_TRUE(scripted.client_left());
  EXPECT_EQ(log.entries(), (Entries{up(false), down()}));
  EXPECT_FALSE(broker->state().up);
  EXPECT_EQ(broker->state().failures, 0u);
}

TEST_F(MqttBroker, StopsWhileConnecting) {
  start();
  scripted.accept_client();
  scripted.read_packet();  // and never answers
  stop_in_time();
  EXPECT_TRUE(scripted.client_left());
  EXPECT_TRUE(log.entries().empty());
}

TEST_F(MqttBroker, StopsWhileANameServerHangs) {
  struct Hanging {
    std::promise<void> called, go;
    std::shared_future<void> gone{go.get_future()};
  };
  const auto hanging = std::make_shared<Hanging>();
  settings.host = "broker.example";
  start([hanging](const std::string&) -> Resolution {
    hanging->called.set_value();
    hanging->gone.wait();
    return {};
  });
  hanging->called.get_future().wait();
  stop_in_time();
  hanging->go.set_value();
}

TEST_F(MqttBroker, StopsWithoutAStart) {
  broker = std::make_unique<Broker>(settings, "hall-3", limits, log, clock, as_text);
  broker->stop();
  EXPECT_TRUE(log.entries().empty());
}

TEST_F(MqttBroker, TriesEveryAddressInTurn) {
  settings.host = "broker.example";
  start([](const std::string&) -> Resolution { return {{"::1", "127.0.0.1"}, {}}; });  // nobody listens on the first
  connect();
  EXPECT_EQ(log.wait_for(1), Entries{up(false)});
}

TEST_F(MqttBroker, ANameThatIsNotResolvedIsSaidOnce) {
  settings.host = "bro\nker";
  struct Calls {
    std::atomic<int> count{0};
    std::promise<void> third;
  };
  const auto calls = std::make_shared<Calls>();  // the resolver's thread may outlive the test's frame
  start([calls](const std::string&) -> Resolution {
    if (++calls->count == 3) calls->third.set_value();
    return {{}, "no such name"};
  });
  calls->third.get_future().wait();
  stop_in_time();
  EXPECT_EQ(lines.count("\"bro\\nker\" is not resolved: no such name"), 1u);
  EXPECT_GE(broker->state().failures, 2u);
}

}  // namespace
}  // namespace fieldcast::mqtt

// Commands through the router to real Mosquittos, with the readings that they come back as.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "adapters/mqtt/command_router.hpp"
#include "tests/support/mosquitto.hpp"
#include "tests/unit/log_lines.hpp"
#include "tests/unit/mqtt_asker.hpp"
#include "tests/unit/recording_log.hpp"

namespace fieldcast::mqtt {
namespace {

using Kept = test::RecordingLog::Kept;

class MqttCommandRouter : public testing::Test {
 protected:
  void add(const std::string& name, const std::string& prefix, std::uint16_t port, int qos = 1) {
    Settings settings;
    settings.name = name;
    settings.prefix = prefix;
    settings.port = port;
    settings.client_id = "gateway-under-test";
    settings.topics = {"hall/#"};
    settings.qos = qos;
    settings.probe = false;
    brokers.push_back(std::make_unique<Broker>(settings, "hall-3", limits, log, clock, [](std::string_view payload) {
      return Classified{Kind::text, payload};
    }));
  }

  void make_router() { router = std::make_unique<CommandRouter>(brokers, limits.payload, clock); }

  void start() {
    make_router();
    router->start();
    for (const auto& broker : brokers) broker->start();
    lines.wait_for("subscribed to", brokers.size());
  }

  std::optional<Problem> publish(const PublicationPtr& publication) {
    router->publish(publication, asker);
    return asker.wait_for(*publication);
  }

  std::optional<Problem> publish_to(const std::string& broker, const std::string& topic) {
    const auto publication = command(topic);
    publication->command.broker = broker;
    return publish(publication);
  }

  static Kept reading(const std::string& topic, const std::string& payload, int qos) {
    return {Kind::text, "local", topic,           payload, false,
            false,      false,   LinkState::down, 0,       static_cast<std::uint8_t>(qos)};
  }

  Limits limits;
  SystemClock clock;
  test::RecordingLog log;
  test::LogLines lines;
  Asker asker;
  std::vector<std::unique_ptr<Broker>> brokers;
  std::unique_ptr<CommandRouter> router;  // destroyed before the brokers that it asks
};

TEST_F(MqttCommandRouter, PublishesAndTheReadingComesBack) {
  const test::Mosquitto mosquitto;
  add("local", "line-7/", mosquitto.port(), 2);
  start();
  expect_published(publish(command("line-7/hall/a", "{\"on\":true}")));
  expect_published(publish(command("line-7/hall/b", "\xFF", 2)));
  expect_published(publish(command("line-7/hall/c", "")));
  expect_published(publish(command("line-7/hall/\xC3\xA9", std::string(200'000, 'x'), 2)));
  const auto entries = log.wait_for(5);
  EXPECT_EQ(
      std::vector(entries.begin() + 1, entries.end()),
      (std::vector{reading("line-7/hall/a", "{\"on\":true}", 1), reading("line-7/hall/b", "\xFF", 2),
                   reading("line-7/hall/c", "", 1), reading("line-7/hall/\xC3\xA9", std::string(200'000, 'x'), 2)}));
  EXPECT_EQ(router->counts()[0].published, 4u);
}

TEST_F(MqttCommandRouter, PublishesWhatTheBrokerShallStore) {
  const test::Mosquitto mosquitto;
  add("local", "", mosquitto.port());
  start();
  expect_published(publish(command("hall/a", "kept", 1, true)));
  expect_published(publish(command("hall/b", "not kept")));

  test::RecordingLog later;
  Settings settings;
  settings.port = mosquitto.port();
  settings.client_id = "another";
  settings.topics = {"hall/#"};
  settings.probe = false;
  Broker another(settings, "hall-4", limits, later, clock, [](std::string_view payload) {
    return Classified{Kind::text, payload};
  });
  another.start();
  Kept kept = reading("hall/a", "kept", 1);
  kept.retained = true;
  EXPECT_EQ(later.wait_for(2)[1], kept);
  lines.wait_for("subscribed to", 2);
}

TEST_F(MqttCommandRouter, TellsWhatTheRulesOfTheBrokerRefuse) {
  const test::Mosquitto mosquitto({.acl = "topic readwrite hall/allowed\ntopic read hall/#\n", .tls_lines = {}});
  add("local", "", mosquitto.port());
  start();
  for (const int qos : {1, 2}) {
    expect_problem(publish(command("hall/forbidden", "x", qos)), Code::refused, "Not authorized (0x87)", 0x87);
    expect_published(publish(command("hall/allowed", "x", qos)));
  }
  EXPECT_EQ(log.wait_for(3).back(), reading("hall/allowed", "x", 1));  // QoS 2 is subscribed to at 1
}

TEST_F(MqttCommandRouter, GoesOnAfterARestartOfTheBroker) {
  test::Mosquitto mosquitto;
  // At QoS 0: what is not acknowledged yet when the broker stops would come again.
  add("local", "", mosquitto.port(), 0);
  start();
  expect_published(publish(command("hall/a", "1")));
  log.wait_for(2);
  mosquitto.stop();
  log.wait_for(3);  // down
  expect_problem(publish(command("hall/a", "2")), Code::no_broker, "is not connected, nothing was sent");
  mosquitto.start();
  lines.wait_for("subscribed to", 2);
  expect_published(publish(command("hall/a", "3")));
  const auto entries = log.wait_for(5);
  EXPECT_EQ(entries.back(), reading("hall/a", "3", 0));
  EXPECT_EQ(router->counts()[0].failed[static_cast<std::size_t>(Code::no_broker)], 1u);
}

// What cannot be seen with one command after the other: writes that fail in the middle of others.
TEST_F(MqttCommandRouter, AnswersEachOnceWhileTheBrokerIsKilledAgainAndAgain) {
  test::Mosquitto mosquitto;
  add("local", "", mosquitto.port());
  start();
  constexpr std::size_t kThreads = 3, kKills = 3;
  struct Sender {
    Asker asker;
    std::vector<PublicationPtr> sent;
    std::jthread thread;
  };
  std::vector<Sender> senders(kThreads);
  for (Sender& sender : senders) {
    sender.thread = std::jthread([this, &sender](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        sender.sent.push_back(command("hall/a", std::string(1000, 'x'), 1 + sender.sent.size() % 2));
        router->publish(sender.sent.back(), sender.asker);
        if (sender.sent.size() % 20 == 0) sender.asker.wait_for(*sender.sent.back());
      }
    });
  }
  for (std::size_t i = 0; i < kKills; ++i) {
    lines.wait_for("subscribed to", i + 1);  // the reading side is whole as well
    const std::uint64_t before = router->counts()[0].published;
    const test::Deadline deadline;
    while (router->counts()[0].published < before + 100 && deadline.left_ms() > 0) std::this_thread::yield();
    ASSERT_GE(router->counts()[0].published, before + 100);
    mosquitto.kill();
    mosquitto.start();
  }
  std::size_t published = 0;
  for (Sender& sender : senders) {
    sender.thread.request_stop();
    sender.thread.join();
    for (const auto& each : sender.sent) published += !sender.asker.wait_for(*each);
    EXPECT_EQ(sender.asker.wakes(), sender.sent.size());
  }
  EXPECT_EQ(router->counts()[0].published, published);
  EXPECT_EQ(router->counts()[0].open, 0u);
  lines.wait_for("subscribed to", kKills + 1);
}

TEST_F(MqttCommandRouter, ChoosesTheBrokerByPrefixOrName) {
  const test::Mosquitto hall, press;
  add("hall", "", hall.port());
  add("press", "press/", press.port());
  start();
  expect_published(publish(command("hall/a", "of the first")));
  expect_published(publish_to("press", "press/hall/a"));
  expect_published(publish_to("hall", "press/hall/a"));
  EXPECT_EQ(router->counts()[0].published, 2u);
  EXPECT_EQ(router->counts()[1].published, 1u);
  expect_problem(publish(command("press/hall/a")), Code::bad_message, "write which it is for: \"hall\", \"press\"");
}

TEST_F(MqttCommandRouter, SaysWhatIsWrongWithATopic) {
  add("hall", "hall-3/", 1);
  add("press", "press/", 1);
  make_router();
  using namespace std::string_literals;
  expect_problem(publish(command("")), Code::bad_message, "topic: ");
  expect_problem(publish(command("hall-3/+")), Code::bad_message, "topic: it holds a wildcard");
  expect_problem(publish(command("hall-3/\0"s)), Code::bad_message, "topic: ");
  expect_problem(publish(command("hall-3/\xFF")), Code::bad_message, "topic: ");
  expect_problem(publish(command("hall-3/" + std::string(65'535, 'a'))), Code::bad_message, "topic: ");
  expect_problem(publish(command("hall-3/")), Code::bad_message, "nothing is left of it");
  expect_problem(publish(command("other/a")), Code::bad_message, "the prefix of a broker: \"hall-3/\", \"press/\"");
  expect_problem(publish_to("press", "hall-3/a"), Code::bad_message, "the prefix of broker \"press\": \"press/\"");
  expect_problem(publish_to("other", "press/a"), Code::bad_message, "the name \"other\": there is \"hall\", \"press\"");
  for (const CommandCounts& counts : router->counts())
    for (const std::uint64_t failed : counts.failed) EXPECT_EQ(failed, 0u);
}

TEST_F(MqttCommandRouter, RefusesWhatWouldBeOmittedFromTheLog) {
  limits.payload = 8;
  add("local", "", 1);
  make_router();
  expect_problem(publish(command("a", "123456789")), Code::too_large,
                 "it has 9 bytes, more than the 8 of limits.payload");
  expect_problem(publish(command("a", "12345678")), Code::no_broker, "broker \"local\" is not connected");
  EXPECT_EQ(router->counts()[0].failed[static_cast<std::size_t>(Code::too_large)], 1u);
}

}  // namespace
}  // namespace fieldcast::mqtt

// [R-12], [L-1], [L-3], [L-6], [L-7], [H-11], [B-1]: several brokers in one log.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/contract/transports.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/recorder.hpp"

namespace fieldcast::test {
namespace {

/// A hall with a second broker, whose topics have a prefix.
struct TwoBrokers {
  Mosquitto press;
  Hall hall{{.more_brokers = {{"press", mqtt_url(press.port()), "prefix = \"press/\"\n"}}}};
  Publisher press_publisher{press.port(), "press"};

  TwoBrokers() {
    press_publisher.publish({.topic = "begun", .payload = "1", .retain = true});
    hall.open(Transport::poll, {{"press/begun"}, "latest", ""})->batch_with_readings();
  }

  std::unique_ptr<StreamClient> open(Transport transport, const std::string& from) const {
    return hall.open(transport, {{"a", "press/a"}, from, ""});
  }
};

/// The states of the brokers that a batch tells a stream which begins.
std::map<std::string, std::string> snapshot_links(const Batch& batch) {
  std::map<std::string, std::string> found;
  for (const auto& link : batch.links)
    if (link.snapshot) found[link.broker] = link.state;
  return found;
}

/// The next link entry of a stream that is no snapshot.
Link next_live_link(StreamClient& stream) {
  for (;;)
    for (const auto& link : stream.batch().links)
      if (!link.snapshot) return link;
}

const std::map<std::string, std::string> kBothUp{{"local", "up"}, {"press", "up"}};

class SeveralBrokers : public ::testing::TestWithParam<Transport> {};

// [R-12], [L-3]
TEST_P(SeveralBrokers, EachReadingNamesItsOwn) {
  TwoBrokers both;
  const auto stream = both.open(GetParam(), "");
  const auto first = stream->batch();
  EXPECT_EQ(snapshot_links(first), kBothUp) << first.raw;
  both.hall.publish("a", "1");
  const auto ours = stream->batch_with_readings();
  both.press_publisher.publish({"a", "2"});
  const auto theirs = stream->batch_with_readings();
  ASSERT_EQ(ours.readings.size(), 1u) << ours.raw;
  ASSERT_EQ(theirs.readings.size(), 1u) << theirs.raw;
  EXPECT_TRUE(ours.raw.ends_with(R"("topic":"a","payload":1,"broker":"local"}]})")) << ours.raw;
  EXPECT_TRUE(theirs.raw.ends_with(R"("topic":"press/a","payload":2,"broker":"press"}]})")) << theirs.raw;
  EXPECT_GT(theirs.readings[0].seq, ours.readings[0].seq) << "one log";
  EXPECT_TRUE(ours.links.empty()) << "and it was told of the brokers before: " << ours.raw;
}

// [L-1], [L-7]
TEST_P(SeveralBrokers, EachHasLinkEntriesOfItsOwn) {
  TwoBrokers both;
  const auto stream = both.open(GetParam(), "");
  stream->batch();
  both.press.stop();
  const auto down = next_live_link(*stream);
  EXPECT_EQ(down.broker, "press");
  EXPECT_EQ(down.state, "down");
  both.hall.publish("a", "1");
  EXPECT_EQ(stream->readings(1)[0].payload, 1) << "the other one goes on";
  const auto late = both.open(GetParam(), "")->batch();
  EXPECT_EQ(snapshot_links(late), (std::map<std::string, std::string>{{"local", "up"}, {"press", "down"}})) << late.raw;
  both.press.start();
  const auto up = next_live_link(*stream);
  EXPECT_EQ(up.broker, "press");
  EXPECT_EQ(up.state, "up");
}

INSTANTIATE_TEST_SUITE_P(R12, SeveralBrokers, each_transport(), transport_name);

// [B-1], [R-12], [L-6]: from memory, from disk, and as the latest of their topics.
TEST(SeveralBrokersInOneLog, HaveTheSameBytesOnEveryTransport) {
  constexpr std::size_t kReadings = 600;  // of each
  TwoBrokers both;
  const auto start = both.open(Transport::poll, "")->batch().cursor;
  for (std::size_t i = 0; i < kReadings; ++i) {
    both.hall.publisher().send({"a", std::to_string(i)});
    both.press_publisher.send({"a", std::to_string(i)});
  }
  both.hall.publisher().flush();
  both.press_publisher.flush();
  const auto log = both.open(Transport::events, start)->readings(2 * kReadings);
  std::map<std::string, std::size_t> of;
  for (const auto& reading : log) {
    const auto broker = reading.broker.value_or("");
    EXPECT_EQ(reading.topic, broker == "press" ? "press/a" : "a");
    EXPECT_EQ(reading.payload, of[broker]++) << "in order for each";
  }
  EXPECT_EQ(of, (std::map<std::string, std::size_t>{{"local", kReadings}, {"press", kReadings}}));

  const auto expect_same_bytes = [&] {
    for (const std::string& from : {start, std::string("latest")}) {
      const auto count = from == "latest" ? 2 : 2 * kReadings;
      const Query query{{"a", "press/a"}, from, ""};
      const auto batches = raw_batches(both.hall, Transport::websocket, query, count);
      EXPECT_EQ(raw_batches(both.hall, Transport::events, query, count), batches) << from;
      EXPECT_EQ(raw_batches(both.hall, Transport::poll, query, count), batches) << from;
    }
  };
  expect_same_bytes();
  both.hall.gateway().terminate();
  EXPECT_EQ(both.hall.gateway().process().wait_for_exit(), 0) << both.hall.gateway().process().output();
  both.hall.gateway().lose_journal();
  both.hall.gateway().start();
  const auto watching = both.open(Transport::websocket, start);
  std::map<std::string, std::string> states;  // as the log has them since: down, then up
  while (states != kBothUp)
    for (const auto& link : watching->batch().links)
      if (!link.snapshot) states[link.broker] = link.state;
  expect_same_bytes();
  const auto stored = both.open(Transport::poll, start)->readings(log.size());
  for (std::size_t i = 0; i < log.size(); ++i) {
    EXPECT_EQ(stored[i].seq, log[i].seq);
    EXPECT_EQ(stored[i].broker, log[i].broker);
  }
}

// [L-6]
TEST(SeveralBrokersInOneLog, AreAllDownWhereTheGatewayStarts) {
  TwoBrokers both;
  const auto start = both.open(Transport::poll, "")->batch().cursor;
  both.hall.gateway().kill();
  both.hall.gateway().start();
  const auto stream = both.open(Transport::poll, start);
  std::map<std::string, std::vector<std::string>> states;
  while (states["local"].size() < 2 || states["press"].size() < 2)
    for (const auto& link : stream->batch().links) states[link.broker].push_back(link.state);
  EXPECT_EQ(states["local"], (std::vector<std::string>{"down", "up"}));
  EXPECT_EQ(states["press"], (std::vector<std::string>{"down", "up"}));
}

// [H-11]
TEST(SeveralBrokersInOneLog, AreDegradedOneByOne) {
  TwoBrokers both;
  const auto stream = both.open(Transport::poll, "");
  stream->batch();
  both.press.stop();
  EXPECT_EQ(next_live_link(*stream).broker, "press");
  const auto ready = http_get(both.hall.port(), "/readyz");
  record("Ready", ready.body);
  EXPECT_EQ(ready.status, 200) << "streams are served";
  const auto degraded = nlohmann::json::parse(ready.body).at("degraded");
  ASSERT_EQ(degraded.size(), 1u) << degraded;
  EXPECT_EQ(degraded[0].at("what"), "broker");
  EXPECT_EQ(degraded[0].at("name"), "press");
  EXPECT_EQ(http_get(both.hall.port(), "/readyz?strict=1").status, 503);
}

// [R-12]
TEST(OneBroker, IsNotNamedInReadings) {
  auto& hall = shared_hall();
  const auto topic = hall.topic();
  for (const auto transport : kTransports) {
    const auto stream = hall.open(transport, {{topic}, "", ""});
    stream->batch();
    hall.publish(topic, "1");
    const auto live = stream->batch_with_readings();
    EXPECT_EQ(live.raw.find("\"broker\""), std::string::npos) << live.raw;
    for (const std::string from : {"oldest", "latest"})
      EXPECT_FALSE(hall.open(transport, {{topic}, from, ""})->batch_with_readings().readings[0].broker) << from;
  }
}

}  // namespace
}  // namespace fieldcast::test

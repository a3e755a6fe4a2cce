// [L-1] to [L-5], [P-1]: the state of the broker's connection, in every stream.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "tests/contract/transports.hpp"
#include "tests/support/http_client.hpp"

namespace fieldcast::test {
namespace {

/// A broker that stops before it has read an acknowledgement sends that message again: a repeat, but a marked one.
void append_first(std::vector<Reading>& to, const std::vector<Reading>& readings) {
  std::copy_if(readings.begin(), readings.end(), std::back_inserter(to),
               [](const Reading& reading) { return !reading.redelivered; });
}

/// The next link entry of a stream; readings before it are appended to `readings`.
Link next_link(StreamClient& stream, std::vector<Reading>* readings = nullptr) {
  for (;;) {
    auto batch = stream.batch();
    EXPECT_FALSE(batch.gap) << batch.raw;
    EXPECT_LE(batch.links.size(), 1u) << batch.raw;
    if (readings) append_first(*readings, batch.readings);
    if (!batch.links.empty()) return batch.links[0];
  }
}

class LinkSnapshot : public OverTransports {};

// [L-3]
TEST_P(LinkSnapshot, IsToldToAStreamThatStartsWithoutACursor) {
  const auto topic = hall().topic();
  for (const std::string from : {"", "now", "latest", "oldest", "-1ms", "2999-01-01T00:00:00Z"}) {
    const auto batch = open({{topic}, from, ""})->batch();
    // Entries of the log may follow, where the stream starts before them.
    EXPECT_EQ(std::count_if(batch.links.begin(), batch.links.end(), [](const Link& link) { return link.snapshot; }), 1);
    ASSERT_GE(batch.links.size(), 1u) << from << batch.raw;
    const auto& link = batch.links[0];
    EXPECT_EQ(link.gateway, "hall-3");
    EXPECT_EQ(link.broker, "local");
    EXPECT_EQ(link.state, "up");
    EXPECT_TRUE(link.snapshot);
    EXPECT_TRUE(link.session_resumed);
  }
}

// [L-4]
TEST_P(LinkSnapshot, IsNotToldToAStreamThatGoesOn) {
  const auto topic = hall().topic();
  const auto cursor = open({{topic}, "", ""})->batch().cursor;
  hall().publish(topic, "1");
  const auto batch = open({{topic}, cursor, ""})->batch_with_readings();
  EXPECT_TRUE(batch.links.empty()) << batch.raw;
}

INSTANTIATE_TEST_SUITE_P(L3, LinkSnapshot, each_transport(), transport_name);

class LinkEntries : public ::testing::TestWithParam<Transport> {};

// [L-1], [L-2]
TEST_P(LinkEntries, TellOfABrokerThatStopsAndComesBack) {
  Hall own;
  const auto topic = own.topic();
  const auto mine = own.open(GetParam(), {{topic}, "", ""});
  const auto nothing = own.open(GetParam(), {{"nothing/at/all"}, "", ""});
  const auto start = mine->batch().cursor;
  nothing->batch();
  own.publish(topic, "1");
  own.broker().stop();
  std::vector<Reading> readings;
  const auto down = next_link(*mine, &readings);
  EXPECT_EQ(down.state, "down");
  EXPECT_EQ(down.broker, "local");
  EXPECT_EQ(down.gateway, "hall-3");
  EXPECT_FALSE(down.snapshot);
  EXPECT_FALSE(down.session_resumed);
  EXPECT_EQ(next_link(*nothing).seq, down.seq);

  own.broker().start();
  const auto up = next_link(*mine, &readings);
  EXPECT_EQ(up.state, "up");
  EXPECT_EQ(up.session_resumed, true) << "a clean stop keeps the session";
  EXPECT_GT(up.seq, down.seq);
  EXPECT_EQ(next_link(*nothing).seq, up.seq);
  own.publish(topic, "2");
  while (readings.size() < 2) append_first(readings, mine->batch_with_readings().readings);
  EXPECT_EQ(readings[0].payload, 1);
  EXPECT_EQ(readings[1].payload, 2);
  EXPECT_LT(readings[0].seq, down.seq);
  EXPECT_GT(readings[1].seq, up.seq);

  // The log has it all in one order.
  const auto again = own.open(GetParam(), {{topic}, start, ""})->batch();
  ASSERT_EQ(again.links.size(), 2u) << again.raw;
  EXPECT_EQ(again.links[0].seq, down.seq);
  EXPECT_EQ(again.links[1].seq, up.seq);
  std::vector<Reading> both;
  append_first(both, again.readings);
  EXPECT_EQ(both.size(), 2u) << again.raw;
}

// [L-2]
TEST_P(LinkEntries, TellThatTheSessionIsLost) {
  Hall own;
  const auto stream = own.open(GetParam(), {{"nothing"}, "", ""});
  stream->batch();
  own.broker().kill();  // before it ever saved
  EXPECT_EQ(next_link(*stream).state, "down");
  own.broker().start();
  const auto up = next_link(*stream);
  EXPECT_EQ(up.state, "up");
  EXPECT_EQ(up.session_resumed, false);
}

// [L-3]
TEST_P(LinkEntries, ASnapshotMayBeDown) {
  Hall own;
  const auto watching = own.open(Transport::poll, {{"nothing"}, "", ""});
  watching->batch();
  own.broker().stop();
  const auto down = next_link(*watching);
  const auto batch = own.open(GetParam(), {{"nothing"}, "", ""})->batch();
  ASSERT_EQ(batch.links.size(), 1u) << batch.raw;
  EXPECT_EQ(batch.links[0].state, "down");
  EXPECT_EQ(batch.links[0].seq, down.seq);
  EXPECT_TRUE(batch.links[0].snapshot);
}

INSTANTIATE_TEST_SUITE_P(L1, LinkEntries, each_transport(), transport_name);

// [L-5]
TEST(LinksInAPoll, CountInItsLimit) {
  Hall own;
  const auto topic = own.topic();
  const auto watching = own.open(Transport::websocket, {{topic}, "", ""});
  auto cursor = watching->batch().cursor;
  own.publish(topic, "1");
  own.broker().stop();
  next_link(*watching);
  own.broker().start();
  next_link(*watching);
  own.publish(topic, "2");
  std::string found;
  while (found.size() < 4) {
    const auto batch = parse_batch(
        http_get(own.port(), "/v1/poll?limit=1&timeout=0&topic=" + percent_encoded(topic) + "&from=" + cursor).body);
    ASSERT_EQ(batch.links.size() + batch.readings.size(), 1u) << batch.raw;
    cursor = batch.cursor;
    if (batch.links.empty() && batch.readings[0].redelivered) continue;
    found += batch.links.empty() ? "r" : batch.links[0].state == "down" ? "d" : "u";
  }
  EXPECT_EQ(found, "rdur");
}

}  // namespace
}  // namespace fieldcast::test

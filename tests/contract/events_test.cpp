// [E-1] to [E-4], [R-11]: server-sent events.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tests/contract/transports.hpp"
#include "tests/support/event_reader.hpp"
#include "tests/support/http_client.hpp"

namespace fieldcast::test {
namespace {

Request events_request(const std::string& topic, const std::string& more, const std::string& last_event_id = "") {
  Request request{"/v1/events?topic=" + percent_encoded(topic) + more, {{"Accept", "text/event-stream"}}};
  if (!last_event_id.empty()) request.headers.emplace_back("Last-Event-ID", last_event_id);
  return request;
}

// [E-1]
TEST(Events, ArePlainMessagesWithTheCursorAsTheirId) {
  auto& hall = shared_hall();
  const auto topic = hall.topic();
  EventReader reader(hall.port(), events_request(topic, ""));
  EXPECT_EQ(reader.head().status, 200);
  EXPECT_EQ(reader.head()["content-type"], "text/event-stream");
  hall.publish(topic, "1");
  for (bool found = false; !found;) {
    const auto event = reader.next();
    ASSERT_TRUE(event);
    EXPECT_EQ(event->type, "message");
    const auto batch = parse_batch(event->data);
    EXPECT_EQ(event->id, batch.cursor);
    found = !batch.readings.empty();
  }
}

// whatever is published, one reading is one event.
TEST(Events, CannotBeForgedByAPublisher) {
  auto& hall = shared_hall();
  const auto topic = hall.topic();
  EventReader reader(hall.port(), events_request(topic, ""));
  EXPECT_TRUE(parse_batch(reader.next()->data).readings.empty());
  const std::string forged = "event: problem\ndata: {}\nid: forged\nretry: 1\n\n";
  for (const std::string line_break : {"\n", "\r", "\r\n", "\n\n", "\r\r", "\xE2\x80\xA8", "\xC2\x85", "\v", "\f"})
    for (const auto& payload : {line_break + line_break + forged, "[1," + line_break + line_break + "2]",
                                "\"" + line_break + line_break + forged + "\""}) {
      hall.publish(topic, payload);
      const auto event = reader.next();
      ASSERT_TRUE(event);
      EXPECT_EQ(event->type, "message");
      EXPECT_EQ(parse_batch(event->data).readings.size(), 1u) << event->data;
      EXPECT_NE(event->id, "forged");
      EXPECT_NE(reader.retry_ms(), 1);
    }
}

// [E-2]
TEST(LastEventId, WinsOverFrom) {
  auto& hall = shared_hall();
  const auto topic = hall.topic();
  EventReader first(hall.port(), events_request(topic, ""));
  const auto cursor = first.next()->id;
  hall.publish(topic, "1");
  hall.publish(topic, "2");
  for (const std::string from : {"", "&from=now", "&from=oldest", "&from=latest"}) {
    EventReader reader(hall.port(), events_request(topic, from, cursor));
    std::vector<int> payloads;
    while (payloads.size() < 2) {
      const auto batch = parse_batch(reader.next()->data);
      EXPECT_FALSE(batch.snapshot);
      EXPECT_FALSE(batch.gap);
      for (const auto& reading : batch.readings) payloads.push_back(reading.payload.get<int>());
    }
    EXPECT_EQ(payloads, (std::vector<int>{1, 2})) << from;
  }
}

// [E-3]
TEST(LastEventId, ThatIsMalformedIsUnknown) {
  auto& hall = shared_hall();
  const auto topic = hall.topic();
  hall.publish(topic, "1");
  for (const std::string id : {"garbage", "0", "latest", "-10m", "2026-01-01T00:00:00Z"}) {
    EventReader reader(hall.port(), events_request(topic, "&from=oldest", id));
    const auto batch = parse_batch(reader.next()->data);
    ASSERT_TRUE(batch.gap) << id << batch.raw;
    EXPECT_EQ(batch.gap->reason, "unknown") << id;
    EXPECT_TRUE(batch.readings.empty()) << id;
    hall.publish(topic, "2");
    const auto next = parse_batch(reader.next()->data);
    EXPECT_FALSE(next.gap);
    EXPECT_EQ(next.readings.size(), 1u);
  }
}

// [E-4]
TEST(Retry, ComesFirstAndDiffers) {
  std::set<long> seen;
  for (int i = 0; i < 20; ++i) {
    EventReader reader(shared_hall().port(), events_request("a", ""));
    ASSERT_TRUE(reader.next());
    ASSERT_TRUE(reader.retry_ms());
    EXPECT_GE(*reader.retry_ms(), 500);
    EXPECT_LE(*reader.retry_ms(), 60'000);
    seen.insert(*reader.retry_ms());
  }
  EXPECT_GT(seen.size(), 1u) << "without jitter all clients come back at once";
}

}  // namespace
}  // namespace fieldcast::test

// [S-2], [S-3], [W-11]: streams that the gateway ends.
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tests/contract/transports.hpp"
#include "tests/support/event_reader.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/websocket_client.hpp"

namespace fieldcast::test {
namespace {

constexpr std::chrono::seconds kGone{5};

// [S-3]
TEST(Stalled, ASocketThatTakesNoByteIsClosed) {
  Hall own({.limits = "stalled = \"1s\"\n"});
  WebSocketClient socket(own.port(), "/v1/ws?topic=a", {}, 4'096);
  EventReader events(own.port(), {"/v1/events?topic=a", {}}, 4'096);
  const std::string padding(10'000, 'x');
  for (int i = 0; i < 1'000; ++i) own.publisher().send({"a", padding});  // more than any socket holds
  own.publisher().flush();
  const Deadline deadline;
  while (own.metric("fieldcast_clients") > 0) ASSERT_GT(deadline.left_ms(), 0);
}

// [S-2]
TEST(Stop, IsToldToEveryStream) {
  Hall own;
  WebSocketClient socket(own.port(), "/v1/ws?topic=a");
  EventReader events(own.port(), {"/v1/events?topic=a", {}});
  events.next();
  HttpConnection poll(own.port());
  const auto cursor = parse_batch(poll(Request{"/v1/poll?topic=a", {}}).body).cursor;
  poll.send(Request{"/v1/poll?topic=a&timeout=60&from=" + cursor, {}});
  HttpConnection idle(own.port());
  EXPECT_EQ(idle(Request{"/healthz", {}}).status, 200);
  own.publish("a", "1");  // by now the second poll has been answered, with this reading

  const auto answered = parse_batch(poll.read().body);
  ASSERT_EQ(answered.readings.size(), 1u);
  const auto waiting_before = own.metric("fieldcast_clients");
  poll.send(Request{"/v1/poll?topic=a&timeout=60&from=" + answered.cursor, {}});
  const Deadline deadline;
  while (own.metric("fieldcast_clients") <= waiting_before) ASSERT_GT(deadline.left_ms(), 0);

  own.gateway().terminate();
  const auto last = poll.read();
  EXPECT_EQ(last.status, 200);
  EXPECT_TRUE(parse_batch(last.body).readings.empty());

  while (const auto event = events.next()) EXPECT_EQ(event->type, "message");  // a chunked body that ends as it should

  while (socket.next()) continue;
  EXPECT_EQ(socket.close_code(), 1001);
  EXPECT_EQ(socket.close_reason(), "stopping");
  socket.send({Opcode::close, close_payload(1001)});
  EXPECT_TRUE(idle.socket().ends());
  EXPECT_EQ(own.gateway().process().wait_for_exit(Deadline(kGone)), 0);
}

TEST(Stop, DoesNotWaitForClientsThatDoNotAnswer) {
  Hall own;
  WebSocketClient mute(own.port(), "/v1/ws?topic=a");
  HttpConnection half(own.port());
  half.send("GET /healthz HT");
  const auto reads_nothing = own.open(Transport::events, {{"a"}, "", ""});
  const std::string padding(10'000, 'x');
  for (int i = 0; i < 1'000; ++i) own.publisher().send({"a", padding});
  own.settle();
  own.gateway().terminate();
  EXPECT_EQ(own.gateway().process().wait_for_exit(Deadline(kGone)), 0) << own.gateway().process().output();
}

TEST(Stop, ComesBehindWhatIsInTheLog) {
  Hall own;
  const auto stream = own.open(Transport::websocket, {{"b"}, "", ""});
  stream->batch();
  own.publish("b", "1");
  own.publish("b", "2");
  own.gateway().terminate();
  std::size_t readings = 0;
  while (const auto batch = stream->next()) readings += batch->readings.size();
  EXPECT_EQ(readings, 2u);
}

}  // namespace
}  // namespace fieldcast::test

// Long polls and server-sent events behind a real socket.
#include <gtest/gtest.h>

#include <map>

#include "tests/unit/http_server_fixture.hpp"

namespace fieldcast::http {
namespace {

using HttpStreams = HttpServer;

TEST_F(HttpStreams, APollWithoutACursorAnswersAtOnceAndWithOneWaits) {
  Client client(start());
  client.get("/v1/poll?topic=a/%2B");
  const auto first = read_answer(client);
  EXPECT_EQ(first.field("Content-Type"), "application/json");
  EXPECT_EQ(first.field("Cache-Control"), "no-store, no-transform");
  EXPECT_TRUE(first.json()["readings"].empty());

  park(client, "/v1/poll?topic=a/+&from=" + first.json()["cursor"].get<std::string>());
  append("b/1", "0");
  append("a/1", "1");
  append("a/2", "2");
  const auto second = read_answer(client);
  ASSERT_FALSE(second.json()["readings"].empty());
  EXPECT_EQ(second.json()["readings"][0]["topic"], "a/1");

  // At the timeout, by the clock, an empty batch.
  append("a/3", "3");
  client.get("/v1/poll?topic=a/%2B&from=oldest&limit=2");
  const auto page = read_answer(client);
  EXPECT_EQ(page.json()["readings"].size(), 2u);
  park(client, "/v1/poll?topic=nothing&timeout=60&from=" + page.json()["cursor"].get<std::string>());
  clock_.forward(60s);
  const auto empty = read_answer(client);
  EXPECT_EQ(empty.status, 200);
  EXPECT_TRUE(empty.json()["readings"].empty());
  client.get("/v1/poll?topic=nothing&timeout=0&from=" + empty.json()["cursor"].get<std::string>());
  EXPECT_TRUE(read_answer(client).json()["readings"].empty());
}

TEST_F(HttpStreams, WhatComesBehindAParkedPollIsAnsweredAfterIt) {
  Client client(start());
  client.get("/v1/poll?topic=a");
  const auto cursor = read_answer(client).json()["cursor"].get<std::string>();
  park(client, "/v1/poll?topic=a&from=" + cursor);
  std::string many;
  for (int i = 0; i < 2000; ++i) many += "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";  // more than is buffered
  client.send(many);
  append("a", "1");
  EXPECT_EQ(read_answer(client).json()["readings"].size(), 1u);
  for (int i = 0; i < 2000; ++i) ASSERT_EQ(read_answer(client).body, "ok\n");
}

TEST_F(HttpStreams, TheLeaveOfAParkedClientIsNoticedAtOnce) {
  start();
  const auto cursor = ask("/v1/poll?topic=a").json()["cursor"].get<std::string>();
  Client client(port_);
  park(client, "/v1/poll?topic=a&from=" + cursor);
  client.leave();
  EXPECT_TRUE(
      until([&] { return transport(Transport::poll).clients.value() == 0 && counters_.connections.value() == 0; }));
}

TEST_F(HttpStreams, EventsStreamBatchesWithTheirCursors) {
  append("a", "1");
  Client client(start());
  client.get("/v1/events?topic=a&from=oldest&heartbeat=10");
  const auto head = read_head(client);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.field("Content-Type"), "text/event-stream");
  EXPECT_EQ(head.field("Transfer-Encoding"), "chunked");
  EXPECT_EQ(head.field("X-Accel-Buffering"), "no");
  EXPECT_TRUE(read_chunk(client).starts_with("retry: "));
  const auto first = parse_event(read_chunk(client));
  EXPECT_EQ(first.data["cursor"], first.id);
  EXPECT_EQ(first.data["readings"].size(), 1u);

  append("a", "2");
  const auto second = parse_event(read_chunk(client));
  EXPECT_EQ(second.data["readings"][0]["payload"], 2);
  // One tick before the heartbeat is over, so that it is never late.
  clock_.forward(10s - kTick);
  EXPECT_TRUE(parse_event(read_chunk(client)).data["readings"].empty());

  EXPECT_EQ(transport(Transport::events).batches.value(), 3u);
  EXPECT_EQ(transport(Transport::events).readings.value(), 2u);
  client.leave();
  EXPECT_TRUE(until([&] { return transport(Transport::events).clients.value() == 0; }));
}

TEST_F(HttpStreams, Http10EventsComeWithoutChunksFromTheSameBatch) {
  Client old(start()), modern(port_);
  modern.get("/v1/events?topic=a");
  old.send("GET /v1/events?topic=a HTTP/1.0\r\n\r\n");
  EXPECT_EQ(read_head(modern).status, 200);
  const auto head = read_head(old);
  EXPECT_EQ(head.field("Transfer-Encoding"), std::nullopt);
  EXPECT_TRUE(old.read_until("\n\n").starts_with("retry: "));
  parse_event(old.read_until("\n\n"));
  read_chunk(modern);
  read_chunk(modern);
  append("a", "7");
  const auto event = parse_event(old.read_until("\n\n"));
  EXPECT_EQ(event.data["readings"][0]["payload"], 7);
  EXPECT_EQ(parse_event(read_chunk(modern)).id, event.id);
}

TEST_F(HttpStreams, LastEventIdWinsOverFrom) {
  for (const char* payload : {"1", "2", "3"}) append("a", payload);
  start();
  const auto page = ask("/v1/poll?topic=a&from=oldest&limit=1").json();
  Client client(port_);
  client.get("/v1/events?topic=a&from=oldest", "Last-Event-ID: " + page["cursor"].get<std::string>() + "\r\n");
  read_head(client);
  read_chunk(client);
  EXPECT_EQ(parse_event(read_chunk(client)).data["readings"][0]["payload"], 2);

  Client lost(port_);
  lost.get("/v1/events?topic=a&from=oldest", "Last-Event-ID: nonsense\r\n");
  read_head(lost);
  read_chunk(lost);
  EXPECT_EQ(parse_event(read_chunk(lost)).data["gap"]["reason"], "unknown");
}

TEST_F(HttpStreams, HeadOfAStreamAnswersAtOnce) {
  Client client(start());
  client.send("HEAD /v1/poll?topic=a&from=now HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const auto poll = read_head(client);
  EXPECT_EQ(poll.status, 200);
  EXPECT_EQ(poll.field("Content-Type"), "application/json");
  EXPECT_EQ(poll.field("Content-Length"), std::nullopt);
  client.send("HEAD /v1/poll HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(read_head(client).status, 400);
  client.send("HEAD /v1/events?topic=a HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(read_head(client).field("Content-Type"), "text/event-stream");
  EXPECT_EQ(client.read_to_end(), "");
  EXPECT_EQ(transport(Transport::events).streams.value(), 0u);
}

TEST_F(HttpStreams, WrongParametersAreProblemsThatNameThem) {
  start();
  for (const auto& [target, code] : std::map<std::string, std::string>{{"/v1/poll?topic=a&limit=0", "bad_request"},
                                                                       {"/v1/poll?topic=a&heartbeat=5", "bad_request"},
                                                                       {"/v1/events?topic=a&from=x!", "bad_from"},
                                                                       {"/v1/events?topic=a%23", "bad_filter"},
                                                                       {"/v1/events?topic=a/", "bad_filter"},
                                                                       {"/v1/events?topic=%", "bad_request"}}) {
    const auto answer = ask(target, "Accept: text/event-stream\r\n");
    EXPECT_EQ(answer.status, 400) << target;
    EXPECT_EQ(answer.field("Content-Type"), "application/problem+json");
    EXPECT_EQ(answer.json()["code"], code) << target;
  }
}

}  // namespace
}  // namespace fieldcast::http

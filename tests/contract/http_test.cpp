// [H-1] to [H-14]: the HTTP that everything stands on.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/contract/transports.hpp"
#include "tests/support/event_reader.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/page.hpp"
#include "tests/support/recorder.hpp"
#include "tests/support/websocket_client.hpp"
#include "tests/support/websocket_subscriber.hpp"

namespace fieldcast::test {
namespace {

/// Holds an answer to the shape of a problem and returns it.
nlohmann::json problem(const Response& response, int status, const std::string& code) {
  EXPECT_EQ(response.status, status) << response.body;
  EXPECT_EQ(response["content-type"], "application/problem+json");
  EXPECT_EQ(response["cache-control"], "no-store, no-transform");
  const auto json = nlohmann::json::parse(response.body, nullptr, false);
  EXPECT_TRUE(json.is_object()) << response.body;
  if (!json.is_object()) return nlohmann::json::object();
  record("Problem", response.body);
  EXPECT_EQ(json.value("status", 0), status) << response.body;
  EXPECT_EQ(json.value("code", ""), code) << response.body;
  EXPECT_NE(json.value("detail", ""), "") << response.body;
  EXPECT_NE(json.value("title", ""), "") << response.body;
  return json;
}

// [H-3], [H-4], [H-5]
struct BadRequest {
  std::string name, query, code, named;
};
const std::vector<BadRequest> kBadRequests{
    {"NoTopic", "", "bad_request", "topic"},
    {"OnlyFrom", "from=now", "bad_request", "topic"},
    {"Unknown", "topic=a&topics=b", "bad_request", "topics"},
    {"UnknownInCapitals", "Topic=a", "bad_request", "Topic"},
    {"EmptyTopic", "topic=", "bad_request", "topic"},
    {"EmptyTopicOfTwo", "topic=a&topic=", "bad_request", "topic"},
    {"TopicWithoutValue", "topic", "bad_request", "topic"},
    {"EmptyFrom", "topic=a&from=", "bad_request", "from"},
    {"FromTwice", "topic=a&from=now&from=now", "bad_request", "from"},
    {"BadFrom", "topic=a&from=yesterday", "bad_from", "from"},
    {"BadPercent", "topic=a%2", "bad_request", "%"},
    {"BadPercentDigits", "topic=a%zz", "bad_request", "%"},
};
const std::vector<BadRequest> kBadPolls{
    {"LimitZero", "topic=a&limit=0", "bad_request", "limit"},
    {"LimitTooLarge", "topic=a&limit=10001", "bad_request", "limit"},
    {"LimitNegative", "topic=a&limit=-1", "bad_request", "limit"},
    {"LimitNoNumber", "topic=a&limit=many", "bad_request", "limit"},
    {"LimitFraction", "topic=a&limit=1.5", "bad_request", "limit"},
    {"LimitHuge", "topic=a&limit=99999999999999999999", "bad_request", "limit"},
    {"LimitEmpty", "topic=a&limit=", "bad_request", "limit"},
    {"LimitTwice", "topic=a&limit=1&limit=1", "bad_request", "limit"},
    {"TimeoutTooLong", "topic=a&timeout=61", "bad_request", "timeout"},
    {"TimeoutNegative", "topic=a&timeout=-1", "bad_request", "timeout"},
    {"TimeoutEmpty", "topic=a&timeout=", "bad_request", "timeout"},
    {"Heartbeat", "topic=a&heartbeat=1", "bad_request", "heartbeat"},
};
const std::vector<BadRequest> kBadStreams{
    {"HeartbeatZero", "topic=a&heartbeat=0", "bad_request", "heartbeat"},
    {"HeartbeatTooLong", "topic=a&heartbeat=61", "bad_request", "heartbeat"},
    {"HeartbeatNoNumber", "topic=a&heartbeat=1s", "bad_request", "heartbeat"},
    {"Limit", "topic=a&limit=1", "bad_request", "limit"},
    {"Timeout", "topic=a&timeout=1", "bad_request", "timeout"},
};
//
const std::vector<BadRequest> kBadHistory{
    {"Now", "topic=a&from=now", "bad_from", "from"},
    {"Latest", "topic=a&from=latest", "bad_from", "from"},
    {"DescFromOldest", "topic=a&order=desc&from=oldest", "bad_from", "end"},
    {"DescFromATime", "topic=a&from=2026-01-31T12:00:00Z&order=desc", "bad_from", "end"},
    {"DescFromASpan", "topic=a&from=-10m&order=desc", "bad_from", "end"},
    {"Order", "topic=a&order=newest", "bad_request", "order"},
    {"OrderTwice", "topic=a&order=asc&order=asc", "bad_request", "order"},
    {"Start", "topic=a&start=yesterday", "bad_request", "start"},
    {"StartEmpty", "topic=a&start=", "bad_request", "start"},
    {"StartTwice", "topic=a&start=1&start=1", "bad_request", "start"},
    {"StartWithASpaceForItsPlus", "topic=a&start=2026-01-31T12:00:00%2001:00", "bad_request", "start"},
    {"End", "topic=a&end=2026-01-31", "bad_request", "end"},
    {"EndHuge", "topic=a&end=99999999999999999999", "bad_request", "end"},
    {"EndIsStart", "topic=a&start=5&end=5", "bad_request", "start"},
    {"EndBeforeStart", "topic=a&start=-1m&end=-1h", "bad_request", "start"},
    {"LimitZero", "topic=a&limit=0", "bad_request", "limit"},
    {"LimitTooLarge", "topic=a&limit=10001", "bad_request", "limit"},
    {"Timeout", "topic=a&timeout=1", "bad_request", "timeout"},
};

void expect_bad(const std::string& path, const BadRequest& c) {
  SCOPED_TRACE(path + " " + c.name);
  const auto json = problem(http_get(port(), path + "?" + c.query), 400, c.code);
  EXPECT_NE(json.value("detail", "").find(c.named), std::string::npos) << json.dump();
}

TEST(BadParameter, IsNamedInAProblem) {
  for (const auto& c : kBadRequests) {
    expect_bad("/v1/poll", c);
    expect_bad("/v1/events", c);
    expect_bad("/v1/readings", c);
  }
  for (const auto& c : kBadHistory) expect_bad("/v1/readings", c);
  for (const auto& c : kBadPolls) expect_bad("/v1/poll", c);
  for (const auto& c : kBadStreams) expect_bad("/v1/events", c);
  for (const std::string path : {"/healthz", "/readyz", "/metrics"})
    expect_bad(path, {"Unknown", "verbose=1", "bad_request", "verbose"});
  for (const std::string value : {"", "0", "2", "true"})
    expect_bad("/readyz", {"Strict", "strict=" + value, "bad_request", "strict"});
}

// [W-4]: over a WebSocket the handshake succeeds, since a browser could not read why it did not.
TEST(BadParameter, IsAnErrorOfAWebSocket) {
  for (const auto* table : {&kBadRequests, &kBadStreams})
    for (const auto& c : *table) {
      if (c.name == "NoTopic") continue;  // allowed: it subscribes by message
      SCOPED_TRACE(c.name);
      WebSocketSubscriber client(port(), "?" + c.query);
      const auto error = client.error();
      EXPECT_EQ(error.at("code"), c.code);
      EXPECT_TRUE(error.at("id").is_null());
      EXPECT_NE(error.at("message").get<std::string>().find(c.named), std::string::npos) << error.dump();
      EXPECT_EQ(client.close_code(), 1008);
      EXPECT_EQ(client.close_reason(), c.code);
    }
}

// [H-6]
TEST(UnknownPath, IsNotFound) {
  for (const std::string path :
       {"/nothing", "/v1", "/v1/", "/v1/poll/", "/v2/poll", "/V1/poll", "/v1/readings/", "//v1/poll"})
    problem(http_get(port(), path), 404, "not_found");
}

// [H-7], [H-8]
TEST(Method, OthersThanGetHeadAndOptionsAreRefused) {
  for (const std::string path : {"/v1/poll?topic=a", "/v1/events?topic=a", "/v1/readings?topic=a", "/v1/ws", "/healthz",
                                 "/readyz", "/metrics", "/"})
    for (const std::string method : {"POST", "PUT", "DELETE", "PATCH"}) {
      const auto response = http(port(), {path, {{"Content-Length", "0"}}, method});
      problem(response, 405, "bad_method");
      const auto allow = response["allow"];
      EXPECT_NE(allow.find("GET"), std::string::npos) << path;
      EXPECT_NE(allow.find("HEAD"), std::string::npos) << path;
    }
}

TEST(Method, HeadAnswersAtOnceWithTheHeadAlone) {
  HttpConnection connection(port());
  for (const std::string path :
       {"/v1/poll?topic=a&timeout=60", "/v1/readings?topic=a", "/healthz", "/readyz", "/metrics", "/"}) {
    const auto response = connection({path, {}, "HEAD"}, Deadline(std::chrono::seconds(10)));
    EXPECT_EQ(response.status, 200) << path;
    EXPECT_EQ(response.body, "");
  }
  const auto missing = connection({"/nothing", {}, "HEAD"});
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(connection({"/healthz", {}}).status, 200) << "no body of the HEADs is in the way";
  HttpConnection events(port());
  const auto response = events({"/v1/events?topic=a", {}, "HEAD"}, Deadline(std::chrono::seconds(10)));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response["content-type"], "text/event-stream");
}

// [H-1]
TEST(KeepAlive, OneConnectionServesMany) {
  HttpConnection connection(port());
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(connection({"/healthz", {}}).status, 200);
    EXPECT_EQ(connection({"/nothing", {}}).status, 404);
    parse_batch(connection({"/v1/poll?topic=a&timeout=0", {}}).body);
    parse_page(connection({"/v1/readings?topic=a", {}}), PageFormat::json);
  }
  const auto last = connection({"/healthz", {{"Connection", "close"}}});
  EXPECT_EQ(last["connection"], "close");
  EXPECT_TRUE(connection.socket().ends());
}

TEST(Pipelining, IsAnsweredInOrder) {
  HttpConnection connection(port());
  const auto cursor = shared_hall().open(Transport::poll, {{"pipelined"}, "", ""})->batch().cursor;
  // The first waits for a reading, and all behind it wait for the first.
  connection.send(to_text({"/v1/poll?topic=pipelined&timeout=60&from=" + cursor, {}}, port()) +
                  to_text({"/nothing", {}}, port()) + to_text({"/healthz", {}, "HEAD"}, port()) +
                  to_text({"/v1/poll?topic=a&limit=0", {}}, port()) + to_text({"/healthz", {}}, port()));
  shared_hall().publish("pipelined", "7");
  EXPECT_EQ(parse_batch(connection.read().body).readings.at(0).payload, 7);
  EXPECT_EQ(connection.read().status, 404);
  EXPECT_EQ(connection.read(true).status, 200);
  EXPECT_EQ(connection.read().status, 400);
  EXPECT_EQ(connection.read().status, 200);
}

TEST(Head, MayComeInPieces) {
  HttpConnection connection(port());
  for (const char c : to_text({"/healthz", {}}, port())) connection.send(std::string_view(&c, 1));
  EXPECT_EQ(connection.read().status, 200);
}

// [H-2]
TEST(Http10, IsServedWithoutChunks) {
  for (const std::string target : {"/healthz", "/v1/poll?topic=a", "/v1/readings?topic=a"}) {
    HttpConnection connection(port());
    connection.send(Request{target, {}, "GET", "HTTP/1.0"});
    const auto response = connection.read();
    EXPECT_EQ(response.status, 200);
    EXPECT_FALSE(response.header("transfer-encoding"));
    EXPECT_TRUE(connection.socket().ends());
  }
  EventReader events(port(), Request{"/v1/events?topic=old&heartbeat=1", {}, "GET", "HTTP/1.0"});
  EXPECT_EQ(events.head().status, 200);
  EXPECT_FALSE(events.head().header("transfer-encoding"));
  EXPECT_FALSE(events.head().header("content-length"));
  parse_batch(events.next()->data);
  parse_batch(events.next()->data);
}

TEST(Http10, KeepsTheConnectionWhereAsked) {
  HttpConnection connection(port());
  for (int i = 0; i < 2; ++i) {
    connection.send(Request{"/v1/poll?topic=a", {{"Connection", "keep-alive"}}, "GET", "HTTP/1.0"});
    const auto response = connection.read_head();
    ASSERT_TRUE(response.header("content-length"));
    parse_batch(connection.socket().read(std::stoul(response["content-length"])));
  }
}

// [H-9]
TEST(Caching, IsForbiddenWhereItWouldHoldStreamsBack) {
  for (const std::string target :
       {"/v1/poll?topic=a", "/v1/readings?topic=a", "/healthz", "/readyz", "/metrics", "/nothing", "/v1/poll"})
    EXPECT_EQ(http_get(port(), target)["cache-control"], "no-store, no-transform") << target;
  EventReader events(port(), {"/v1/events?topic=a", {}});
  EXPECT_EQ(events.head()["cache-control"], "no-store, no-transform");
  EXPECT_EQ(events.head()["x-accel-buffering"], "no");
  EXPECT_FALSE(events.head().header("content-encoding"));
  const auto poll = http(port(), {"/v1/poll?topic=a", {{"Accept-Encoding", "gzip, br"}}});
  EXPECT_FALSE(poll.header("content-encoding"));
  EXPECT_EQ(poll["content-type"], "application/json");
}

// [H-10], [H-11], [H-12]
TEST(Health, IsTold) {
  const auto alive = http_get(port(), "/healthz");
  EXPECT_EQ(alive.status, 200);
  EXPECT_TRUE(alive["content-type"].starts_with("text/plain")) << alive["content-type"];
  for (const std::string target : {"/readyz", "/readyz?strict=1"}) {
    const auto ready = http_get(port(), target);
    EXPECT_EQ(ready.status, 200) << ready.body;
    EXPECT_EQ(nlohmann::json::parse(ready.body).at("degraded"), nlohmann::json::array()) << ready.body;
    record("Ready", ready.body);
  }
  const auto metrics = http_get(port(), "/metrics");
  EXPECT_EQ(metrics.status, 200);
  EXPECT_TRUE(metrics["content-type"].starts_with("text/plain")) << metrics["content-type"];
  EXPECT_NE(metrics.body.find("# TYPE fieldcast_encodings_total counter\n"), std::string::npos) << metrics.body;
}

TEST(Health, NamesABrokerThatIsAway) {
  Hall own;
  own.broker().stop();
  const auto stream = own.open(Transport::poll, {{"x"}, "oldest", ""});
  for (bool down = false; !down;)
    for (const auto& link : stream->batch().links) down = link.state == "down";  // the last counts: it began so, too
  const auto ready = http_get(own.port(), "/readyz");
  EXPECT_EQ(ready.status, 200) << "streams are served";
  const auto degraded = nlohmann::json::parse(ready.body).at("degraded");
  ASSERT_EQ(degraded.size(), 1u) << ready.body;
  EXPECT_EQ(degraded[0].at("what"), "broker");
  EXPECT_EQ(degraded[0].at("name"), "local");
  record("Ready", ready.body);
  EXPECT_EQ(http_get(own.port(), "/readyz?strict=1").status, 503);
  EXPECT_EQ(http_get(own.port(), "/healthz").status, 200);
}

// [H-11], [D-3]. That it comes back is in the integration tests.
TEST(Health, NamesAStorageThatIsAway) {
  const std::string path = "/nonexistent/fieldcast.db";
  Hall own({.storage = "path = \"" + path + "\"\n"});
  for (const auto transport : kTransports) {
    const auto topic = own.topic();
    const auto stream = own.open(transport, {{topic}, "", ""});
    const auto start = stream->batch().cursor;
    own.publish(topic, "1");
    EXPECT_EQ(stream->readings(1).at(0).payload, 1) << "live delivery goes on";
    EXPECT_EQ(own.open(transport, {{topic}, start, ""})->readings(1).at(0).payload, 1) << "what is in memory is served";
  }
  const auto ready = http_get(own.port(), "/readyz");
  EXPECT_EQ(ready.status, 200) << "streams are served";
  const auto degraded = nlohmann::json::parse(ready.body).at("degraded");
  ASSERT_EQ(degraded.size(), 1u) << ready.body;
  EXPECT_EQ(degraded[0].at("what"), "storage");
  EXPECT_EQ(degraded[0].at("name"), path);
  record("Ready", ready.body);
  EXPECT_EQ(http_get(own.port(), "/readyz?strict=1").status, 503);
  EXPECT_EQ(own.metric("fieldcast_storage_up"), 0);
}

// [H-13], [E-5]
TEST(OverALimit, SaysWhenToComeBack) {
  Hall own({.limits = "connections = 4\n"});
  std::vector<std::unique_ptr<StreamClient>> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(own.open(Transport::events, {{"x"}, "", ""}));
    clients.back()->batch();
  }
  const auto poll = http_get(own.port(), "/v1/poll?topic=x");
  problem(poll, 503, "too_many");
  EXPECT_GE(std::stoi(poll["retry-after"]), 1);
  const auto history = http_get(own.port(), "/v1/readings?topic=x");
  problem(history, 503, "too_many");
  EXPECT_GE(std::stoi(history["retry-after"]), 1);
  const auto plain_events = http_get(own.port(), "/v1/events?topic=x");
  problem(plain_events, 503, "too_many");

  EventReader events(own.port(), {"/v1/events?topic=x", {{"Accept", "text/event-stream"}}});
  EXPECT_EQ(events.head().status, 200);
  EXPECT_EQ(events.head()["content-type"], "text/event-stream");
  const auto event = events.next();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->type, "problem");
  EXPECT_EQ(nlohmann::json::parse(event->data).at("code"), "too_many");
  record("Problem", event->data);
  EXPECT_TRUE(events.retry_ms());
  EXPECT_FALSE(events.next()) << "the stream ends";

  WebSocketSubscriber socket(own.port(), "?topic=x");
  EXPECT_EQ(socket.error().at("code"), "too_many");
  EXPECT_EQ(socket.close_code(), 1013);
  EXPECT_EQ(http_get(own.port(), "/healthz").status, 200) << "it can still be looked after";

  clients.pop_back();
  const Deadline deadline;  // the gateway sees the end of a connection when the kernel tells it
  while (http_get(own.port(), "/v1/poll?topic=x").status != 200) ASSERT_GT(deadline.left_ms(), 0);
}

// [H-14]
TEST(FaultyHead, IsRefusedAndEndsTheConnection) {
  const std::string host = "Host: 127.0.0.1\r\n";
  for (const std::string& text : {
           std::string("nonsense\r\n\r\n"),
           "GET /healthz HTTP/2.0\r\n" + host + "\r\n",
           std::string("GET /healthz HTTP/1.1\r\n\r\n"),
           "GET /healthz HTTP/1.1\r\n" + host + host + "\r\n",
           "GET /healthz HTTP/1.1\r\n" + host + "Bad Name: x\r\n\r\n",
           "GET /healthz HTTP/1.1\r\n" + host + "A: b\r\n folded\r\n\r\n",
           "GET /healthz HTTP/1.1\r\n" + host + "A: \x01\r\n\r\n",
           "GET /healthz HTTP/1.1\n" + host + "\n",
           "GET  /healthz HTTP/1.1\r\n" + host + "\r\n",
           "GET /a b HTTP/1.1\r\n" + host + "\r\n",
           "GET /../etc/passwd HTTP/1.1\r\n" + host + "\r\n",
           "GET /healthz HTTP/1.1\r\n" + host + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
           "GET /healthz HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
           "GET /healthz HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n",
       }) {
    SCOPED_TRACE(text);
    HttpConnection connection(port());
    connection.send(text);
    problem(connection.read(), 400, "bad_request");
    EXPECT_TRUE(connection.socket().ends());
  }
  HttpConnection connection(port());
  connection.send("GET /healthz HTTP/1.1\r\n" + host + "A: " + std::string(16 * 1024, 'x') + "\r\n\r\n");
  problem(connection.read(), 431, "too_large");
  EXPECT_TRUE(connection.socket().ends());
}

}  // namespace
}  // namespace fieldcast::test

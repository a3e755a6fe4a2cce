// [CMD-1] to [CMD-12], [W-14], [W-15]: commands over HTTP and over a WebSocket, as a device at the broker gets them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/contract/transports.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/recorder.hpp"
#include "tests/support/subscriber.hpp"
#include "tests/support/websocket_subscriber.hpp"

namespace fieldcast::test {
namespace {

Request publish_request(const std::string& body) {
  return {"/v1/publish", {{"Content-Type", "application/json"}}, "POST", "HTTP/1.1", body};
}

/// What a command came to, over either way.
struct Outcome {
  int status = 0;    // HTTP only
  std::string code;  // empty: published
  std::string detail;
  int reason_code = 0;
};

/// Over HTTP: the answer's shape is checked.
Outcome over_http(std::uint16_t port, const std::string& body) {
  const auto response = http(port, publish_request(body));
  const auto answer = nlohmann::json::parse(response.body);
  EXPECT_EQ(response["cache-control"], "no-store, no-transform");
  if (response.status == 200) {
    EXPECT_EQ(response["content-type"], "application/json");
    EXPECT_EQ(answer, nlohmann::json({{"type", "published"}}));
    record("Published", response.body);
    return {200, "", "", 0};
  }
  EXPECT_EQ(response["content-type"], "application/problem+json");
  EXPECT_EQ(answer.at("status"), response.status);
  EXPECT_EQ(response.header("retry-after").has_value(), response.status == 503);
  record("Problem", response.body);
  return {response.status, answer.at("code"), answer.at("detail"), answer.value("reason_code", 0)};
}

/// Over a WebSocket. `body` is a JSON object.
Outcome over_websocket(std::uint16_t port, const std::string& body) {
  WebSocketSubscriber client(port);
  client.client().send(R"({"op":"publish","id":"x",)" + body.substr(body.find('{') + 1));
  const auto answer = client.answer();
  EXPECT_EQ(answer.at("id"), "x");
  if (answer.at("type") == "published") return {};
  return {0, answer.at("code"), answer.at("message"), answer.value("reason_code", 0)};
}

void expect_code(std::uint16_t port, const std::string& body, int status, const std::string& code,
                 const std::string& named) {
  SCOPED_TRACE(body.substr(0, 200));
  for (const auto& outcome : {over_http(port, body), over_websocket(port, body)}) {
    EXPECT_TRUE(outcome.status == status || outcome.status == 0) << outcome.status << outcome.detail;
    EXPECT_EQ(outcome.code, code) << outcome.detail;
    EXPECT_NE(outcome.detail.find(named), std::string::npos) << outcome.detail;
  }
}

void expect_published(const Outcome& outcome) {
  EXPECT_EQ(outcome.code, "") << outcome.detail;
}

struct Wire {
  std::string name, members, bytes;
};
const std::vector<Wire> kWires{
    {"String", R"("payload":"on")", R"("on")"},
    {"Number", R"("payload":21.50)", "21.50"},
    {"LargeNumber", R"("payload":123456789012345678901234567890)", "123456789012345678901234567890"},
    {"Object", R"("payload": { "b" : 1, "a" : [ true , null ], "b" : "\u00e9 }" })",
     R"({"b":1,"a":[true,null],"b":"\u00e9 }"})"},
    {"Null", R"("payload":null)", "null"},
    {"Text", R"("payload":"on","encoding":"text")", "on"},
    {"TextEscaped", R"("encoding":"text","payload":"\"\u00e9\n\u0000")", std::string("\"\xC3\xA9\n\0", 5)},
    {"Base64", R"("payload":"AP/+Zg==","encoding":"base64")",
     std::string("\0\xFF\xFE"
                 "f",
                 4)},
    {"Empty", R"("payload":"","encoding":"text")", ""},
};

// [CMD-1], [CMD-2], [CMD-3], [CMD-4]
TEST(Publish, PutsTheseBytesOnTheBroker) {
  const auto topic = shared_hall().topic();
  Subscriber device(shared_hall().broker().port(), topic);
  for (const auto& wire : kWires) {
    SCOPED_TRACE(wire.name);
    const auto body = R"({"topic":")" + topic + R"(",)" + wire.members;
    expect_published(over_http(port(), body + "}"));
    expect_published(over_websocket(port(), body + R"(,"qos":2})"));
    const auto first = device.next(), second = device.next();
    EXPECT_EQ(first.payload, wire.bytes);
    EXPECT_EQ(first.qos, 1);
    EXPECT_EQ(second.payload, wire.bytes);
    EXPECT_EQ(second.qos, 2);
  }
}

// [CMD-1], [CMD-4]
TEST(Publish, IsAcknowledgedBeforeItIsAnswered) {
  const auto topic = shared_hall().topic();
  for (const int qos : {1, 2}) {
    const auto body = nlohmann::json{{"topic", topic}, {"payload", qos}, {"retain", true}, {"qos", qos}}.dump();
    expect_published(over_http(port(), body));
    // Whoever comes now finds what the broker keeps.
    const auto kept = Subscriber(shared_hall().broker().port(), topic).next();
    EXPECT_EQ(kept.payload, std::to_string(qos));
    EXPECT_TRUE(kept.retain);
  }
  expect_published(
      over_websocket(port(), R"({"payload":"","encoding":"text","retain":true,"topic":")" + topic + "\"}"));
  expect_published(over_http(port(), R"({"payload":"next","topic":")" + topic + R"(/x","retain":true})"));
  EXPECT_EQ(Subscriber(shared_hall().broker().port(), topic + "/#").next().topic, topic + "/x") << "it was deleted";
}

// [CMD-5]
TEST(Publish, FindsItsBroker) {
  Mosquitto press;
  Hall own({.more_brokers = {{"press", mqtt_url(press.port()), "prefix = \"press/\"\ntopics = [\"#\"]\n"}}});
  const auto up = own.open(Transport::poll, {{"#"}, "oldest", ""});
  for (bool is_up = false; !is_up;)
    for (const auto& link : up->batch().links) is_up = is_up || (link.broker == "press" && link.state == "up");
  Subscriber at_press(press.port(), "valve"), at_local(own.broker().port(), "valve"),
      prefixed(own.broker().port(), "press/valve");

  expect_published(over_http(own.port(), R"({"topic":"valve","payload":1})"));
  EXPECT_EQ(at_local.next().payload, "1");
  expect_published(over_http(own.port(), R"({"topic":"press/valve","payload":2,"broker":"press"})"));
  EXPECT_EQ(at_press.next().payload, "2");
  expect_published(over_websocket(own.port(), R"({"topic":"press/valve","payload":3,"broker":"local"})"));
  EXPECT_EQ(prefixed.next().payload, "3");
  expect_code(own.port(), R"({"topic":"press/valve","payload":1})", 400, "bad_message", "several");
  expect_code(own.port(), R"({"topic":"valve","payload":1,"broker":"press"})", 400, "bad_message", "prefix");
  expect_code(own.port(), R"({"topic":"valve","payload":1,"broker":"attic"})", 400, "bad_message", "attic");
}

// [CMD-6]
TEST(Publish, SaysWhatIsWrong) {
  for (const auto& [body, named] : std::vector<std::pair<std::string, std::string>>{
           {R"({"payload":1})", "`topic`"},
           {R"({"topic":1,"payload":1})", "`topic`"},
           {R"({"topic":"a"})", "`payload`"},
           {R"({"topic":"a","payload":1,"encoding":"text"})", "`payload`"},
           {R"({"topic":"a","payload":"Zg","encoding":"base64"})", "base64"},
           {R"({"topic":"a","payload":1,"encoding":"hex"})", "`encoding`"},
           {R"({"topic":"a","payload":1,"qos":0})", "`qos`"},
           {R"({"topic":"a","payload":1,"retain":"yes"})", "`retain`"},
           {R"({"topic":"a","payload":1,"broker":1})", "`broker`"},
           {R"({"topic":"a","payload":1,"payload":2})", "`payload` is there twice"},
           {R"({"topic":"a/#","payload":1})", "topic"},
           {R"({"topic":"","payload":1})", "topic"}}) {
    expect_code(port(), body, 400, "bad_message", named);
  }
  for (const std::string body : {"1", "[]", R"({"topic":"a","payload":1)", R"({"topic":"a","payload":1}x)", " "})
    EXPECT_EQ(over_http(port(), body).code, "bad_message") << body;
  EXPECT_EQ(nlohmann::json::parse(http(port(), {"/v1/publish", {{"Content-Type", "application/json"}}, "POST"}).body)
                .at("code"),
            "bad_message");
  auto with_query = publish_request(R"({"topic":"a","payload":1})");
  with_query.target += "?topic=a";
  EXPECT_EQ(nlohmann::json::parse(http(port(), with_query).body).at("code"), "bad_request");
  expect_published(over_http(port(), R"({"topic":")" + shared_hall().topic() + R"(","payload":1,"note":[{}]})"));
}

// [CMD-7], [O-3], [H-7]
TEST(Publish, JudgesTheHeadBeforeTheBody) {
  const auto topic = shared_hall().topic();
  const std::string body = R"({"topic":")" + topic + R"(","payload":1})";
  Subscriber device(shared_hall().broker().port(), topic);
  for (const std::string type :
       {"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"}) {
    Request request = publish_request(body);
    request.headers.clear();
    if (!type.empty()) request.headers.push_back({"Content-Type", type});
    const auto response = http(port(), request);
    EXPECT_EQ(response.status, 415) << type;
    EXPECT_EQ(nlohmann::json::parse(response.body).at("code"), "bad_media_type");
    record("Problem", response.body);
  }
  for (const auto& [name, value, status] :
       {std::tuple("Origin", "http://evil.example", 403), std::tuple("Host", "evil.example", 421)}) {
    Request request = publish_request(body);
    request.headers.push_back({name, value});
    EXPECT_EQ(http(port(), request).status, status);
  }
  for (const std::string method : {"GET", "HEAD", "PUT"}) {
    const auto response = http(port(), {"/v1/publish", {}, method});
    EXPECT_EQ(response.status, 405);
    EXPECT_EQ(response["allow"], "POST, OPTIONS");
  }
  Request preflight{"/v1/publish", {{"Origin", "http://127.0.0.1:" + std::to_string(port())}}, "OPTIONS"};
  EXPECT_EQ(http(port(), preflight)["access-control-allow-methods"], "POST, OPTIONS");

  Request last = publish_request(R"({"topic":")" + topic + R"(","payload":"last"})");
  last.headers[0].second = "Application/JSON; charset=utf-8";
  EXPECT_EQ(http(port(), last).status, 200);
  EXPECT_EQ(device.next().payload, "\"last\"") << "none of the others had an effect";
}

// [CMD-7], [W-15]
TEST(Publish, TakesAPayloadOfTheUsualLimitAndNoMore) {
  const auto topic = shared_hall().topic();
  Subscriber device(shared_hall().broker().port(), topic);
  const std::string longest(256 * 1024, '"');  // each is escaped
  const auto body = [&](const std::string& payload) {
    return nlohmann::json{{"topic", topic}, {"payload", payload}, {"encoding", "text"}}.dump();
  };
  expect_published(over_http(port(), body(longest)));
  expect_published(over_websocket(port(), body(longest)));
  EXPECT_EQ(device.next().payload, longest);
  EXPECT_EQ(device.next().payload, longest);
  expect_code(port(), body(longest + "x"), 413, "too_large", "limits.payload");

  HttpConnection connection(port());
  const auto too_long = connection(publish_request(body(std::string(640 * 1024, 'x'))));
  EXPECT_EQ(too_long.status, 413);
  EXPECT_EQ(nlohmann::json::parse(too_long.body).at("code"), "too_large");
  EXPECT_TRUE(connection.socket().ends());
  WebSocketSubscriber client(port());
  client.client().send(body(std::string(640 * 1024, 'x')));
  EXPECT_EQ(client.close_code(), 1009);
}

// [CMD-8]
TEST(Publish, TellsWhyTheBrokerRefuses) {
  Mosquitto broker({.acl = "topic readwrite allowed/#\ntopic read #\n", .tls_lines = {}});
  Gateway gateway({.broker_port = broker.port(), .mqtt = "probe = \"off\"\n"});
  const auto stream = open_stream(Transport::poll, gateway.port(), {{"#"}, "oldest", ""});
  for (bool up = false; !up;)
    for (const auto& link : stream->batch().links) up = up || link.state == "up";
  expect_published(over_http(gateway.port(), R"({"topic":"allowed/a","payload":1})"));
  for (const auto& outcome : {over_http(gateway.port(), R"({"topic":"other/a","payload":1})"),
                              over_http(gateway.port(), R"({"topic":"other/a","payload":1,"qos":2})"),
                              over_websocket(gateway.port(), R"({"topic":"other/a","payload":1})")}) {
    EXPECT_EQ(outcome.code, "refused") << outcome.detail;
    EXPECT_EQ(outcome.reason_code, 135);
    EXPECT_TRUE(outcome.status == 502 || outcome.status == 0) << outcome.status;
  }
}

// [CMD-9]
TEST(Publish, WithoutABrokerNothingIsSentLater) {
  Hall own;
  own.broker().stop();
  const auto stream = own.open(Transport::poll, {{"#"}, "oldest", ""});
  for (bool down = false; !down;)
    for (const auto& link : stream->batch().links) down = link.state == "down";
  expect_code(own.port(), R"({"topic":"late","payload":1,"retain":true})", 503, "no_broker", "local");
  own.broker().start();
  const Deadline deadline;
  while (over_http(own.port(), R"({"topic":"late/x","payload":2,"retain":true})").status != 200)
    ASSERT_GT(deadline.left_ms(), 0);
  EXPECT_EQ(Subscriber(own.broker().port(), "late/#").next().topic, "late/x");
}

// [CMD-10]
TEST(Publish, TheConfigurationSaysWhetherAnyoneMay) {
  const std::string body = R"({"topic":"a","payload":1})";
  Hall reading({.server = "anonymous = \"read\"\n"});
  expect_code(reading.port(), body, 403, "forbidden", "server.anonymous");
  Hall open({.server = "anonymous = \"read and publish\"\n"});
  expect_published(over_http(open.port(), body));
  expect_published(over_websocket(open.port(), body));
}

// [CMD-11]
TEST(Publish, GoesOnWithoutItsClient) {
  const auto topic = shared_hall().topic();
  Subscriber device(shared_hall().broker().port(), topic);
  const std::string body = R"({"topic":")" + topic + R"(","payload":1})";
  {
    HttpConnection connection(port());
    connection.send(publish_request(body));
    WebSocketSubscriber client(port());
    client.client().send(R"({"op":"publish","id":1,)" + body.substr(1));
    device.next();
    device.next();
  }
  HttpConnection connection(port());
  connection.send(publish_request(body));
  device.next();
  connection.socket().cut();
  expect_published(over_http(port(), body));
}

// [CMD-12], [H-1]
TEST(Publish, TakesABodyHoweverItComes) {
  const auto topic = shared_hall().topic();
  Subscriber device(shared_hall().broker().port(), topic);
  const std::string body = R"({"topic":")" + topic + R"(","payload":1})";
  const std::string head = "POST /v1/publish HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n";
  const std::string length = "Content-Length: " + std::to_string(body.size()) + "\r\n";
  HttpConnection connection(port());
  connection.send(head + length + "Expect: 100-continue\r\n\r\n");
  EXPECT_EQ(connection.socket().read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  for (const char c : body) connection.send(std::string_view(&c, 1));
  EXPECT_EQ(connection.read().status, 200);
  // Behind it on the same connection, in order.
  connection.send(head + length + "\r\n" + body + to_text({"/healthz", {}}, port()) + head + length + "\r\n" + body +
                  head + "Transfer-Encoding: chunked\r\n\r\n5\r\n" + body.substr(0, 5) + "\r\n");
  EXPECT_EQ(connection.read().body, R"({"type":"published"})");
  EXPECT_EQ(connection.read().body, "ok\n");
  EXPECT_EQ(connection.read().body, R"({"type":"published"})");
  char size[16];
  std::snprintf(size, sizeof size, "%zx", body.size() - 5);
  connection.send(std::string(size) + "\r\n" + body.substr(5) + "\r\n0\r\n\r\n");
  EXPECT_EQ(connection.read().status, 200);

  HttpConnection old(port());
  auto request = publish_request(body);
  request.version = "HTTP/1.0";
  old.send(request);
  EXPECT_EQ(old.read().status, 200);
  EXPECT_TRUE(old.socket().ends());
  for (int i = 0; i < 5; ++i) EXPECT_EQ(device.next().payload, "1");
}

// [W-14]
TEST(Publish, SeveralWaitOnOneWebSocketWhileItsStreamGoesOn) {
  const auto topic = shared_hall().topic();
  WebSocketSubscriber client(port(), "?topic=" + topic + "/state");
  EXPECT_EQ(client.answer().at("type"), "subscribed");
  constexpr int kCommands = 30;
  for (int id = 0; id < kCommands; ++id)
    client.send({{"op", "publish"}, {"id", id}, {"topic", topic + "/state"}, {"payload", id}, {"qos", 1 + id % 2}});
  std::set<int> answered;
  for (int i = 0; i < kCommands; ++i) {
    const auto answer = client.answer();
    ASSERT_EQ(answer.at("type"), "published") << answer;
    EXPECT_TRUE(answered.insert(answer.at("id").get<int>()).second) << "answered twice";
  }
  auto readings = numbers(client.readings(kCommands));
  std::sort(readings.begin(), readings.end());
  for (int id = 0; id < kCommands; ++id) EXPECT_EQ(readings.at(static_cast<std::size_t>(id)), id);
}

}  // namespace
}  // namespace fieldcast::test

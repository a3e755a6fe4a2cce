// docs/limits.md: each limit that a client or a publisher can reach at the built program is reached, answered clearly
// and counted, and nobody else is worse off. [H-13], [H-14], [T-5], [T-6], [S-3]
#include <gtest/gtest.h>

#include <list>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tests/contract/transports.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/reached.hpp"
#include "tests/support/websocket_subscriber.hpp"

namespace fieldcast::test {
namespace {

constexpr const char* kOneThread = "threads = 1\n";  // which has all of what is divided among them

void wait_for_metric(const Hall& hall, const std::string& name, double value) {
  const Deadline deadline;
  while (hall.metric(name) != value)
    if (deadline.left_ms() == 0) throw TimedOut(name + " is " + std::to_string(hall.metric(name)));
}

void expect_problem(const Response& response, int status, const std::string& code) {
  EXPECT_EQ(response.status, status) << response.body;
  const auto problem = nlohmann::json::parse(response.body);
  EXPECT_EQ(problem.at("code"), code) << problem;
  EXPECT_NE(problem.at("detail"), "");
  EXPECT_EQ(response.header("retry-after").has_value(), status == 503);
}

/// A connection that the gateway serves: one that is over a limit is told to close, and tried again.
std::unique_ptr<HttpConnection> served_connection(const Hall& hall) {
  const Deadline deadline;
  for (;;) {
    auto connection = std::make_unique<HttpConnection>(hall.port());
    if ((*connection)({"/healthz", {}})["connection"] != "close") return connection;
    if (deadline.left_ms() == 0) throw TimedOut("not served");
  }
}

/// `count` filters of `levels` levels each, which begin with `name`.
nlohmann::json filters(const std::string& name, int count, int levels) {
  auto list = nlohmann::json::array();
  for (int i = 0; i < count; ++i) {
    std::string filter = name + std::to_string(i);
    for (int level = 1; level < levels; ++level) filter += "/x";
    list.push_back(filter);
  }
  return list;
}

// ---- Connections -----------------------------------------------------------------------------------------

TEST(Limit, ConnectionsAreBoundedAndHealthIsServed) {
  constexpr int kConnections = 8, kExtra = 64;
  Hall own({.limits = "connections = 8\n"});
  std::list<std::unique_ptr<HttpConnection>> held;
  for (int i = 0; i < kConnections; ++i) held.push_back(served_connection(own));
  const auto before = reached(own, "connections");
  expect_problem(http_get(own.port(), "/v1/poll?topic=a"), 503, "too_many");
  WebSocketSubscriber socket(own.port(), "?topic=a");
  EXPECT_EQ(socket.error().at("code"), "too_many");
  EXPECT_EQ(socket.close_code(), 1013);
  EXPECT_EQ(http_get(own.port(), "/healthz").status, 200);
  EXPECT_EQ(reached(own, "connections"), before + 4) << "a poll, a WebSocket, its health, and this one";

  // Those that are told are bounded too.
  std::list<Socket> extra;
  for (int i = 0; i < kExtra + 4; ++i) extra.emplace_back(own.port());
  int closed = 0;
  for (int i = 0; i < 4; ++i) {
    closed += extra.back().ends() ? 1 : 0;
    extra.pop_back();
  }
  EXPECT_EQ(closed, 4);
  extra.clear();
  held.pop_back();
  const auto again = served_connection(own);
  EXPECT_GE(reached(own, "extra_connections"), 4);
  EXPECT_EQ((*again)({"/v1/poll?topic=a", {}}).status, 200);
}

TEST(Limit, AnAddressHasItsPartOfThem) {
  Hall own({.limits = "connections_per_address = 4\n"});
  std::list<std::unique_ptr<HttpConnection>> held;
  for (int i = 0; i < 4; ++i) held.push_back(served_connection(own));
  const auto refused = http_get(own.port(), "/v1/poll?topic=a");
  expect_problem(refused, 503, "too_many");
  EXPECT_NE(refused.body.find("from your address"), std::string::npos) << refused.body;
  EXPECT_GE(reached(own, "connections_per_address"), 1);
  EXPECT_EQ(reached(own, "connections"), 0);
  held.pop_back();
  EXPECT_EQ((*served_connection(own))({"/v1/poll?topic=a", {}}).status, 200);
}

// [S-3]
TEST(Limit, ASocketThatTakesNoByteIsClosed) {
  Hall own({.limits = "stalled = \"1s\"\n"});
  const auto stalled = own.open(Transport::events, {{"a"}, "", ""}, 4'096);
  stalled->batch();
  for (int i = 0; i < 300; ++i) own.publisher().send({"a", '"' + std::string(10'000, 'x') + '"'});
  own.settle();
  wait_until_reached(own, "stalled");
  EXPECT_EQ(reached(own, "stalled"), 1);
  EXPECT_EQ(own.metric("fieldcast_clients"), 0);
}

// ---- Requests --------------------------------------------------------------------------------------------

// [H-14]
TEST(Limit, OfARequestIsAnsweredAndTheNextConnectionIsServed) {
  Hall own;
  std::string fields, parameters;
  for (int i = 0; i < 100; ++i) fields += "X-" + std::to_string(i) + ": y\r\n";
  for (int i = 0; i < 1'025; ++i) parameters += "topic=a&";
  const std::string line = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n";
  const std::string json = "POST /v1/publish HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
  struct {
    std::string request;
    int status;
    std::string code, limit;
  } const cases[] = {
      {line + "X: " + std::string(16'384, 'x'), 431, "too_large", "head_bytes"},
      {line + fields + "\r\n", 431, "too_large", "head_fields"},
      {"GET /v1/poll?" + parameters + " HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "bad_request", "parameters"},
      {line + "Content-Length: 16385\r\n\r\n", 413, "too_large", "body_bytes"},
      {json + "Content-Length: 655361\r\n\r\n", 413, "too_large", "publish_bytes"},
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(each.limit);
    HttpConnection connection(own.port());
    connection.send(each.request);
    expect_problem(connection.read(), each.status, each.code);
    wait_until_reached(own, each.limit);
    EXPECT_EQ(http_get(own.port(), "/healthz").status, 200);
  }
  EXPECT_EQ(reached(own, "head_bytes"), 1);
  EXPECT_EQ(reached(own, "head_fields"), 1);
  EXPECT_EQ(reached(own, "parameters"), 1);
  EXPECT_EQ(reached(own, "body_bytes"), 1);
  EXPECT_EQ(reached(own, "publish_bytes"), 1);
}

TEST(Limit, WhoSendsOnBehindAnAnswerIsCutOff) {
  Hall own;
  HttpConnection connection(own.port());
  connection.send("POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n");
  EXPECT_EQ(connection.read().status, 413);
  const std::string more(64 * 1024, 'x');
  try {
    for (int i = 0; i < 200; ++i) connection.send(more);
  } catch (const EndOfStream&) {  // cut off while it was sending
  }
  wait_until_reached(own, "linger_bytes");
  EXPECT_EQ(reached(own, "linger_bytes"), 1);
}

// Each may be as long as any, but not all of them together.
TEST(Limit, HeadsThatAreNotCompleteAreBoundedTogether) {
  constexpr std::size_t kHead = 16'000, kAll = 4u << 20;
  Hall own({.server = kOneThread});
  std::string half = "GET /v1/poll?topic=a HTTP/1.1\r\nHost: localhost\r\nX: ";
  half.append(kHead - half.size(), 'x');
  std::list<HttpConnection> slow;
  while ((slow.size() + 1) * kHead <= kAll) slow.emplace_back(own.port()).send(half);
  wait_for_metric(own, "fieldcast_heads_bytes", static_cast<double>(slow.size() * kHead));

  HttpConnection over(own.port());
  over.send(half);
  expect_problem(over.read(), 503, "too_many");
  EXPECT_EQ(over.socket().read_to_end(), "");
  // A client that does not dawdle does not notice.
  EXPECT_EQ(http_get(own.port(), "/v1/poll?topic=a").status, 200);
  slow.front().send("\r\n\r\n");
  EXPECT_EQ(slow.front().read().status, 200) << "one of those that were there";
  EXPECT_EQ(reached(own, "heads_bytes"), 1);
  slow.clear();
  wait_for_metric(own, "fieldcast_heads_bytes", 0);
}

// ---- WebSockets and their filters --------------------------------------------------------------------------

TEST(Limit, AMessageThatIsTooLongClosesItsWebSocket) {
  Hall own;
  WebSocketSubscriber client(own.port());
  client.client().send_raw(std::string("\x81\xFF\0\0\0\0\0\x0A\0\x01xxxx", 14));  // 655,361 bytes are to follow
  EXPECT_EQ(client.close_code(), 1009);
  EXPECT_EQ(client.close_reason(), "too_large");
  EXPECT_EQ(reached(own, "message_bytes"), 1);
}

// [T-5], [T-6]
TEST(Limit, OfASubscriptionIsAnErrorAndTheWebSocketLivesOn) {
  Hall own;
  WebSocketSubscriber client(own.port());
  auto large = nlohmann::json::array();
  for (const char* name : {"a", "b", "c"}) large.push_back(name + std::string(60'000, 'x'));
  const struct {
    nlohmann::json id, topics;
    std::string code, limit;
  } cases[] = {
      {std::string(255, 'x'), {"a"}, "bad_message", "id_bytes"},
      {1, filters("a", 65, 1), "too_many", "filters"},
      {2, large, "too_many", "filter_bytes"},
      {3, filters("a", 1, 65), "bad_filter", "filter_levels"},
      {4, {std::string(65'536, 'x')}, "bad_filter", "topic_bytes"},
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(each.limit);
    client.send({{"op", "subscribe"}, {"id", each.id}, {"topics", each.topics}});
    const auto error = client.error();
    EXPECT_EQ(error.at("code"), each.code) << error;
    EXPECT_NE(error.at("message"), "");
    wait_until_reached(own, each.limit);
  }
  client.subscribe({"a"}, "now");
  EXPECT_EQ(reached(own, "id_bytes"), 1);
  EXPECT_EQ(reached(own, "filters"), 1);
  EXPECT_EQ(reached(own, "filter_bytes"), 1);
  EXPECT_EQ(reached(own, "filter_levels"), 1);
  EXPECT_EQ(reached(own, "topic_bytes"), 1);
}

TEST(Limit, ChangesThatWaitForTheirTurnAreBounded) {
  constexpr int kChanges = 70, kPending = 64;
  Hall own;
  WebSocketSubscriber client(own.port());
  // In one go, so that the gateway reads them all before it answers one.
  std::string frames;
  for (int i = 0; i < kChanges; ++i) {
    const std::string text = R"({"op":"subscribe","id":)" + std::to_string(100 + i) + R"(,"topics":["a"]})";
    frames += std::string{'\x81', static_cast<char>(0x80 | text.size()), 0, 0, 0, 0} + text;
  }
  client.client().send_raw(frames);
  int subscribed = 0, refused = 0;
  while (subscribed + refused < kChanges) {
    const auto answer = client.answer();
    answer.at("type") == "subscribed" ? ++subscribed : ++refused;
    EXPECT_EQ(answer.value("code", "too_many"), "too_many") << answer;
  }
  EXPECT_GE(subscribed, kPending);
  EXPECT_GE(reached(own, "changes"), 1);
  EXPECT_EQ(reached(own, "changes"), refused);
}

TEST(Limit, ViewsAreBounded) {
  Hall own({.server = kOneThread, .limits = "views = 3\n"});
  std::list<WebSocketSubscriber> held;
  for (const char* topic : {"a", "b", "c"}) {
    held.emplace_back(own.port());
    held.back().subscribe({topic}, "now");
  }
  expect_problem(http_get(own.port(), "/v1/poll?topic=d"), 503, "too_many");
  WebSocketSubscriber over(own.port(), "?topic=d");
  EXPECT_EQ(over.error().at("code"), "too_many");
  EXPECT_EQ(over.close_code(), 1013);
  EXPECT_EQ(reached(own, "views"), 2);
  EXPECT_EQ(http_get(own.port(), "/v1/poll?topic=c").status, 200) << "a set that is in use";
  held.pop_back();
  wait_for_metric(own, "fieldcast_clients", 2);
  EXPECT_EQ(http_get(own.port(), "/v1/poll?topic=d").status, 200) << "in the place of one that nobody uses";
}

TEST(Limit, TheirFiltersAreBoundedTogether) {
  Hall own({.server = kOneThread, .limits = "views = 10\n"});
  WebSocketSubscriber first(own.port()), second(own.port());
  first.subscribe(filters("a", 64, 64), "now");
  second.send({{"op", "subscribe"}, {"id", 1}, {"topics", filters("b", 64, 64)}});
  EXPECT_EQ(second.error().at("code"), "too_many");
  EXPECT_EQ(reached(own, "view_filter_bytes"), 1);
  second.subscribe({"b/#"}, "now");
}

// [S-1]: who does not find it in the view gets it from the log.
TEST(Limit, EncodedReadingsGiveWayToNewerOnes) {
  constexpr int kReadings = 800;
  Hall own({.server = kOneThread, .limits = "payload = \"1KiB\"\nview_bytes = \"320KiB\"\n"});
  const auto slow = own.open(Transport::events, {{"a"}, "", ""}, 4'096);
  slow->batch();
  for (int i = 0; i < kReadings; ++i) own.publisher().send({"a", '"' + std::string(1'000, 'x') + '"'});
  own.settle();
  EXPECT_GE(reached(own, "view_bytes"), 1);
  EXPECT_LE(own.metric("fieldcast_view_bytes"), 320 * 1024);
  EXPECT_EQ(slow->readings(kReadings).size(), static_cast<std::size_t>(kReadings));
}

TEST(Limit, PollsThatWaitAreBounded) {
  Hall own({.server = kOneThread, .limits = "polls = 2\n"});
  const std::string cursor = own.open(Transport::poll, {{"a"}, "", ""})->batch().cursor;
  const Request parked{"/v1/poll?topic=a&from=" + cursor, {}};
  HttpConnection first(own.port()), second(own.port());
  first.send(parked);
  second.send(parked);
  wait_for_metric(own, "fieldcast_clients", 2);
  HttpConnection third(own.port());
  expect_problem(third(parked), 503, "too_many");
  EXPECT_EQ(reached(own, "polls"), 1);
  EXPECT_EQ(third({"/v1/poll?topic=a", {}}).status, 200) << "one that need not wait, on the same connection";
  own.open(Transport::events, {{"a"}, cursor, ""})->batch();
  own.publisher().publish({"a", "1"});  // not through the hall, which polls until it has come
  EXPECT_EQ(first.read().status, 200);
  EXPECT_EQ(second.read().status, 200);
}

// ---- Commands and readings ---------------------------------------------------------------------------------

TEST(Limit, CommandsOfOneClientThatWaitAreBounded) {
  constexpr int kCommands = 80, kPending = 64;
  Hall own;
  WebSocketSubscriber client(own.port());
  std::string frames;
  for (int i = 0; i < kCommands; ++i) {
    const std::string text = R"({"op":"publish","id":)" + std::to_string(100 + i) + R"(,"topic":"a","payload":1})";
    frames += std::string{'\x81', static_cast<char>(0x80 | text.size()), 0, 0, 0, 0} + text;
  }
  client.client().send_raw(frames);
  int published = 0, refused = 0;
  while (published + refused < kCommands) {
    const auto answer = client.answer();
    answer.at("type") == "published" ? ++published : ++refused;
    EXPECT_EQ(answer.value("code", "too_many"), "too_many") << answer;
  }
  EXPECT_GE(published, kPending);
  EXPECT_GE(reached(own, "publishes"), 1);
  EXPECT_EQ(reached(own, "publishes"), refused);
}

TEST(Limit, APayloadThatIsTooLongIsOmittedAndACommandRefused) {
  Hall own({.limits = "payload = \"1KiB\"\n"});
  own.publish("a", std::string(1'025, 'x'));
  const auto readings = own.open(Transport::poll, {{"a"}, "oldest", ""})->readings(1);
  EXPECT_EQ(readings[0].encoding, "omitted");
  EXPECT_EQ(reached(own, "payload"), 1);
  Request command{"/v1/publish", {{"Content-Type", "application/json"}}, "POST"};
  command.body = nlohmann::json{{"topic", "a"}, {"payload", std::string(1'025, 'x')}, {"encoding", "text"}}.dump();
  expect_problem(http(own.port(), command), 413, "too_large");
  EXPECT_EQ(reached(own, "payload"), 2);
}

TEST(Limit, TheTopicSilentLongestIsForgotten) {
  Hall own({.limits = "topics = 3\n"});  // one of them is what a hall publishes to settle
  for (const char* topic : {"a", "b", "a", "c"}) own.publish(topic, "1");
  EXPECT_EQ(reached(own, "topics"), 1);
  const auto stream = own.open(Transport::poll, {{"#"}, "latest", ""});
  std::vector<std::string> topics;
  const auto batch = stream->batch();
  for (const auto& reading : batch.readings) topics.push_back(reading.topic);
  EXPECT_EQ(topics, (std::vector<std::string>{"a", "c", "settled"}));
  ASSERT_TRUE(batch.gap) << batch.raw;
  EXPECT_EQ(batch.gap->reason, "expired");
}

TEST(Limit, LatestReadingsAreBoundedInBytes) {
  Hall own({.limits = "payload = \"1KiB\"\nlatest_bytes = \"320KiB\"\n"});
  for (int i = 0; i < 400; ++i) own.publisher().send({"t" + std::to_string(i), std::string(1'000, 'x')});
  own.settle();
  EXPECT_GE(reached(own, "latest_bytes"), 1);
  EXPECT_EQ(reached(own, "topics"), 0);
  EXPECT_LE(own.metric("fieldcast_latest_bytes"), 320 * 1024);
}

}  // namespace
}  // namespace fieldcast::test

// Nobody writes a line into the log, a label into the metrics or a header into an answer with the bytes of a topic, a
// header, a target or a client's id.
#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/gateway.hpp"
#include "tests/support/hall.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/publisher.hpp"
#include "tests/support/raw_answers.hpp"
#include "tests/support/scripted_broker.hpp"
#include "tests/support/websocket_subscriber.hpp"

namespace fieldcast::test {
namespace {

using namespace std::string_literals;

// Ends of lines, an escape sequence, a C1 control, a turn of direction and bytes that are no UTF-8.
const std::string kForged = "x\n2026-01-31T12:00:00.000Z error forged\r\n<0>forged\x1b[2J\u009b2J\u2028\u202e\xff";

/// Names and labels of all that is in /metrics.
std::set<std::string> series(std::uint16_t port) {
  std::istringstream text(http_get(port, "/metrics").body);
  std::set<std::string> names;
  for (std::string line; std::getline(text, line);)
    if (!line.starts_with('#')) names.insert(line.substr(0, line.rfind(' ')));
  return names;
}

TEST(Forgery, ClientsLeaveNothingInTheLogAndNoLabels) {
  Hall own;
  const auto log = own.gateway().process().output();
  const auto names = series(own.port());
  ASSERT_FALSE(names.empty());

  std::string value = kForged;  // as far as a field may have it
  std::erase_if(value, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  const std::string encoded = percent_encoded(kForged);
  for (const std::string& request : {
           "GET /" + encoded + " HTTP/1.1\r\nHost: 127.0.0.1\r\n",
           "GET /healthz?" + encoded + "=" + encoded + " HTTP/1.1\r\nHost: 127.0.0.1\r\n",
           "GET /v1/events?topic=a&from=" + encoded + " HTTP/1.1\r\nHost: 127.0.0.1\r\n",
           "GET /v1/readings?topic=" + encoded + " HTTP/1.1\r\nHost: 127.0.0.1\r\n",
           "GET /healthz HTTP/1.1\r\nHost: " + value + "\r\n",
           "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://127.0.0.1" + value + "\r\n",
           "GET /v1/poll?topic=a HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: " + value + "\r\nReferer: " + value +
               "\r\nX-Forwarded-For: " + value + "\r\nLast-Event-ID: " + value + "\r\nAccept: " + value + "\r\n",
           "GET /" + kForged + " HTTP/1.1\r\nHost: 127.0.0.1\r\n",
           "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nA: " + kForged + "\r\n",
           kForged + " / HTTP/1.1\r\nHost: 127.0.0.1\r\n",
       }) {
    const auto answer = answers_to(own.port(), request + "Connection: close\r\n\r\n", Behind::end).text;
    EXPECT_NE(answer, "") << escaped(request);
    const auto head = answer.substr(0, answer.find("\r\n\r\n"));
    EXPECT_EQ(head.find("forged"), std::string::npos) << escaped(request) << "\n" << answer;
    // Quoted in a problem, it is a JSON string.
    EXPECT_EQ(answer.find('\x1b'), std::string::npos) << escaped(request);
  }
  WebSocketSubscriber socket(own.port(), "");
  socket.send({{"op", "subscribe"}, {"id", "x\n<0>forged\x1b"}, {"topics", {"x\n<0>forged\x1b/#/no"}}});
  EXPECT_EQ(socket.error().at("code"), "bad_filter");
  own.publish("x\u202e/forged", "1");

  EXPECT_EQ(own.gateway().process().output(), log);
  EXPECT_EQ(series(own.port()), names);
}

TEST(Forgery, ATopicEndsNoLineOfTheLog) {
  ScriptedBroker broker;
  Gateway gateway({.broker_port = broker.port(),
                   .topics = R"(["hall/#"])",
                   .server = "anonymous = \"read\"\n",
                   .mqtt = "probe = \"off\"\n"});
  broker.accept_client();
  broker.read_packet();                 // CONNECT
  broker.send_packet(0x20, "\0\0\0"s);  // CONNACK: no session, success, no properties
  const auto subscribe = broker.read_packet();
  broker.send_packet(0x90, subscribe.substr(2, 2) + "\0\1"s);  // SUBACK: its packet id, no properties, QoS 1
  // PUBLISH with QoS 0 on a topic that was not subscribed to, as from a session's former days.
  const std::string topic = "x\n<0>forged\r\x1b[2J\u009b2J\u2028\u202e";
  broker.send_packet(0x30, "\0"s + static_cast<char>(topic.size()) + topic +
                               "\0"
                               "1"s);
  const auto line = gateway.process().wait_for_line("no filter asks for");
  EXPECT_NE(line.find(R"("x\n<0>forged\r\u001b[2J\xc2\x9b2J\xe2\x80\xa8\xe2\x80\xae")"), std::string::npos) << line;
  EXPECT_EQ(gateway.process().output().find("\n<0>"), std::string::npos);
}

}  // namespace
}  // namespace fieldcast::test

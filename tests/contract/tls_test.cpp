// [TLS-1] to [TLS-3], [O-1]: the same over TLS. tests/unit/http_tls_test.cpp has what TLS brings of its own.
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/contract/transports.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/websocket_subscriber.hpp"

namespace fieldcast::test {
namespace {

// Of the client's socket; with what the gateway's takes it is far less than the 2.4 MB of kNumbers.
constexpr int kTlsReceiveBuffer = 4'096;
constexpr int kNumbers = 800;

std::string server_keys(const CertificateFiles& files) {
  return "tls.certificate = \"" + files.certificate + "\"\ntls.key = \"" + files.key + "\"\n";
}

class OverTls : public ::testing::TestWithParam<Transport> {
 protected:
  static void SetUpTestSuite() {
    certificates_ = std::make_unique<Certificates>();
    const auto files = certificates_->issue("gateway", "IP:127.0.0.1");
    hall_ =
        std::make_unique<Hall>(Gateway::Options{.server = server_keys(files), .authority = certificates_->authority()});
  }
  static void TearDownTestSuite() {
    hall_.reset();
    certificates_.reset();
  }
  static Peer peer() { return hall_->gateway().peer(); }

  static inline std::unique_ptr<Certificates> certificates_;
  static inline std::unique_ptr<Hall> hall_;
};

// [TLS-1]: live, and again from a cursor, on a connection of its own.
TEST_P(OverTls, ReadingsComeAsWithoutIt) {
  const auto topic = hall_->topic();
  const auto stream = hall_->open(GetParam(), {{topic}, "", ""});
  const auto cursor = stream->batch().cursor;
  for (int n = 0; n < 20; ++n) hall_->publish(topic, std::to_string(n));
  EXPECT_EQ(numbers(stream->readings(20)).back(), 19);
  const auto again = hall_->open(GetParam(), {{topic}, cursor, ""});
  EXPECT_EQ(numbers(again->readings(20)).front(), 0);
}

// [TLS-1]: batches of many records, and a socket that is full again and again.
TEST_P(OverTls, AClientThatReadsSlowlyGetsThemAll) {
  const auto topic = hall_->topic();
  const auto stream = hall_->open(GetParam(), {{topic}, "", ""}, kTlsReceiveBuffer);
  stream->batch();
  const std::string padding(3'000, 'x');
  for (int n = 0; n < kNumbers; ++n)
    hall_->publisher().send({topic, "{\"n\":" + std::to_string(n) + ",\"padding\":\"" + padding + "\"}"});
  hall_->settle();
  int next = 0;
  for (const auto& reading : stream->readings(kNumbers)) {
    EXPECT_EQ(reading.payload.at("n"), next++);
    EXPECT_EQ(reading.payload.at("padding"), padding);
  }
}

INSTANTIATE_TEST_SUITE_P(Each, OverTls, each_transport(), transport_name);

class Tls : public OverTls {};

// [TLS-1]
TEST_F(Tls, IsTls12OrLater) {
  auto client = peer();
  EXPECT_EQ(http_get(client, "/healthz").status, 200);
  client.newest_tls = TLS1_2_VERSION;
  EXPECT_EQ(http_get(client, "/healthz").status, 200);
  client.newest_tls = TLS1_1_VERSION;
  EXPECT_THROW(http_get(client, "/healthz"), std::runtime_error);
}

// [TLS-2]
TEST_F(Tls, IsAskedForInAnswerToAPlainRequest) {
  HttpConnection plain(hall_->port());
  const auto answer = plain({"/v1/poll?topic=a", {}});
  EXPECT_EQ(answer.status, 400);
  const auto problem = nlohmann::json::parse(answer.body);
  EXPECT_EQ(problem.at("code"), "bad_request");
  EXPECT_NE(problem.at("detail").get<std::string>().find("https://"), std::string::npos);
  EXPECT_TRUE(plain.socket().ends());
}

// [TLS-3]
TEST_F(Tls, SaysWhereAnAnswerEnds) {
  HttpConnection client(peer());
  EXPECT_EQ(client({"/healthz", {{"Connection", "close"}}}).body, "ok\n");
  EXPECT_TRUE(client.socket().ends());
  EXPECT_TRUE(client.socket().ended_by_tls());

  WebSocketSubscriber subscriber(peer(), "?topic=a");
  subscriber.batch();
  subscriber.client().send(Frame{Opcode::close, close_payload(1000)});
  EXPECT_EQ(subscriber.close_code(), 1000);
  EXPECT_TRUE(subscriber.client().socket().ends());
  EXPECT_TRUE(subscriber.client().socket().ended_by_tls());
}

// [O-1]
TEST_F(Tls, APageOfTheGatewayItselfHasItsOrigin) {
  const auto origin = "https://127.0.0.1:" + std::to_string(hall_->port());
  const auto answer = http(peer(), {"/v1/poll?topic=a", {{"Origin", origin}}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer["access-control-allow-origin"], origin);
  EXPECT_EQ(http(peer(), {"/v1/poll?topic=a", {{"Origin", "https://evil.example"}}}).status, 403);
}

// A stop says good-bye by TLS too.
TEST_F(Tls, AStopEndsStreamsAsWithoutIt) {
  Certificates certificates;
  const auto files = certificates.issue("gateway", "IP:127.0.0.1");
  Hall own({.server = server_keys(files), .authority = certificates.authority()});
  WebSocketSubscriber subscriber(own.gateway().peer(), "?topic=a");
  const auto events = own.open(Transport::events, {{"a"}, "", ""});
  subscriber.batch();
  events->batch();
  own.gateway().terminate();
  EXPECT_EQ(subscriber.close_code(), 1001);
  while (events->next()) continue;
  EXPECT_EQ(own.gateway().process().wait_for_exit(), 0);
}

// Readings of a broker over TLS, and of one whose certificate is for another name, which says so.
TEST_F(Tls, BrokersAreReachedByMqtts) {
  const auto right = certificates_->issue("right", "IP:127.0.0.1"), wrong = certificates_->issue("wrong", "DNS:other");
  const auto lines = [](const CertificateFiles& files) {
    return "certfile " + files.certificate + "\nkeyfile " + files.key + "\n";
  };
  Mosquitto good({.acl = {}, .tls_lines = lines(right)}), bad({.acl = {}, .tls_lines = lines(wrong)});
  const auto url = [](const Mosquitto& broker) { return "mqtts://127.0.0.1:" + std::to_string(broker.tls_port()); };
  const std::string trust = "tls.ca = \"" + certificates_->authority() + "\"";
  Hall own({.more_brokers = {{"good", url(good), trust + "\ntopics = [\"good/#\"]"}, {"bad", url(bad), trust}}});
  const auto line = own.gateway().process().wait_for_line("broker \"bad\": no connection");
  EXPECT_NE(line.find("certificate is not for 127.0.0.1"), std::string::npos) << line;
  const auto stream = own.open(Transport::events, {{"good/a"}, "oldest", ""});
  own.gateway().process().wait_for_line("broker \"good\": connected");
  Publisher(good.port(), "sensor").publish({"good/a", "1", 1, true});  // retained: the subscription may come later
  EXPECT_EQ(stream->readings(1).at(0).broker, "good");
}

}  // namespace
}  // namespace fieldcast::test

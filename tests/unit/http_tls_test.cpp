// The server over TLS: what a plain connection does not have. tests/contract/tls_test.cpp has the transports over it.
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <signal.h>

#include <string>

#include "adapters/http/connection.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/http_client.hpp"
#include "tests/unit/http_server_fixture.hpp"

namespace fieldcast::http {
namespace {

using test::HttpConnection;
using test::Peer;

constexpr std::size_t kBigBytes = std::size_t{32} << 20;  // of /big
// Of the client's socket: with what the server's takes it is far less than that.
constexpr int kSmallBuffer = 4'096;

class HttpTls : public HttpServer {
 protected:
  static void SetUpTestSuite() {
    signal(SIGPIPE, SIG_IGN);  // as the program does
    certificates_.emplace();
    files_ = certificates_->issue("server", "IP:127.0.0.1");
  }
  static void TearDownTestSuite() { certificates_.reset(); }

  Peer start_tls(std::chrono::milliseconds stalled = 5min) {
    certificate_.emplace(files_.certificate, files_.key);
    return {start(stalled), certificates_->authority()};
  }
  bool all_gone() {
    return until([&] { return counters_.connections.value() == 0; });
  }

  static inline std::optional<test::Certificates> certificates_;
  static inline test::CertificateFiles files_;
};

const std::string kRequest = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

TEST_F(HttpTls, SpeaksTls12AndLaterAndHttp11) {
  auto peer = start_tls();
  HttpConnection client(peer);
  EXPECT_EQ(SSL_version(client.socket().tls()), TLS1_3_VERSION);
  const unsigned char* protocol = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(client.socket().tls(), &protocol, &size);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(protocol), size), "http/1.1");
  EXPECT_EQ(client({"/healthz", {}}).body, "ok\n");
  EXPECT_EQ(client({"/healthz", {}}).body, "ok\n") << "kept alive";

  peer.protocols = "\x02h2\x08http/1.1";
  EXPECT_EQ(http_get(peer, "/healthz").status, 200);
  peer.protocols = "";
  EXPECT_EQ(http_get(peer, "/healthz").status, 200);
  peer.newest_tls = TLS1_2_VERSION;
  EXPECT_EQ(http_get(peer, "/healthz").status, 200);
}

TEST_F(HttpTls, RefusesOlderVersionsAndOtherProtocols) {
  auto peer = start_tls();
  peer.protocols = "\x02h2";
  EXPECT_THROW(HttpConnection{peer}, std::runtime_error);
  peer.protocols = "";
  peer.newest_tls = TLS1_1_VERSION;
  EXPECT_THROW(HttpConnection{peer}, std::runtime_error);
  EXPECT_TRUE(all_gone());
}

TEST_F(HttpTls, RefusesToNegotiateAgain) {
  auto peer = start_tls();
  peer.newest_tls = TLS1_2_VERSION;
  HttpConnection client(peer);
  EXPECT_EQ(client({"/healthz", {}}).status, 200);
  ASSERT_EQ(SSL_renegotiate(client.socket().tls()), 1);
  EXPECT_THROW(client({"/healthz", {}}), std::runtime_error);
}

TEST_F(HttpTls, TellsAPlainClientThatItSpeaksTls) {
  start_tls();
  Client client(port_);
  client.send(kRequest);
  const auto answer = read_answer(client);
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.json()["code"], "bad_request");
  EXPECT_NE(answer.body.find("https://"), std::string::npos);
  EXPECT_EQ(client.read_to_end(), "");
  client.leave();
  EXPECT_TRUE(all_gone());
}

TEST_F(HttpTls, AHandshakeThatStallsIsClosed) {
  start_tls();
  Client silent(port_), stalled(port_);
  stalled.send("\x16\x03\x01\x02");  // the begin of a ClientHello
  ASSERT_TRUE(until([&] { return counters_.connections.value() == 2; }));
  clock_.forward(kRequestTime - 1s);
  HttpConnection asked({port_, certificates_->authority()}), established({port_, certificates_->authority()});
  asked.send(kRequest);
  EXPECT_EQ(asked.read().status, 200);
  EXPECT_EQ(counters_.connections.value(), 4u);
  clock_.forward(1s);
  EXPECT_EQ(stalled.read_to_end(), "");
  EXPECT_EQ(silent.read_to_end(), "");
  ASSERT_TRUE(until([&] { return counters_.connections.value() == 2; }));
  clock_.forward(kRequestTime - 1s);
  EXPECT_TRUE(established.socket().ends()) << "a handshake is no request";
  asked.send(kRequest);
  EXPECT_EQ(asked.read().status, 200);
}

TEST_F(HttpTls, AnswersRequestsOfWhichOneReadTakesOnlyAPart) {
  HttpConnection client(start_tls());
  // A part of a head waits, so the next record does not fit beside it: the rest stays in TLS, where no socket wakes us.
  const std::string head = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: " + std::string(8'000, 'x');
  client.send(head);
  ASSERT_TRUE(until([&] { return counters_.connections.value() == 1; }));
  std::string rest = "\r\n\r\n";
  int requests = 1;
  while (rest.size() + kRequest.size() <= kRecordBytes) rest += kRequest, ++requests;
  client.send(rest);
  for (int i = 0; i < requests; ++i) ASSERT_EQ(client.read().status, 200) << i;
}

TEST_F(HttpTls, ABigAnswerReachesASlowReaderWhole) {
  HttpConnection client(start_tls(), kSmallBuffer);
  client.send(test::Request{"/big", {}});
  ASSERT_TRUE(until([&] { return counters_.requests.value() == 1; }));
  run([] {});  // its answer waits for the socket now
  const auto answer = client.read();
  EXPECT_TRUE(answer.body == std::string(kBigBytes, 'x'));
  EXPECT_EQ(client({"/healthz", {}}).body, "ok\n");
}

TEST_F(HttpTls, AReaderThatTakesNothingIsClosed) {
  HttpConnection client(start_tls(10s), kSmallBuffer);
  client.send(test::Request{"/big", {}});
  ASSERT_TRUE(until([&] { return counters_.requests.value() == 1; }));
  run([] {});
  clock_.forward(11s);
  EXPECT_TRUE(all_gone());
  EXPECT_LT(client.socket().read_to_end().size(), kBigBytes);
  EXPECT_FALSE(client.socket().ended_by_tls()) << "a client sees that it was cut off";
}

TEST_F(HttpTls, AnswersInWholeAClientThatHasEndedItsOutput) {
  HttpConnection client(start_tls(), kSmallBuffer);
  client.send(test::Request{"/big", {}});
  client.socket().close_write();
  EXPECT_EQ(client.read().body.size(), kBigBytes);
  EXPECT_TRUE(client.socket().ends());
  EXPECT_TRUE(client.socket().ended_by_tls());
  EXPECT_TRUE(all_gone());
}

TEST_F(HttpTls, SaysItsEndByTls) {
  const auto peer = start_tls();
  HttpConnection client(peer);
  EXPECT_EQ(client({"/healthz", {{"Connection", "close"}}}).body, "ok\n");
  EXPECT_TRUE(client.socket().ends());
  EXPECT_TRUE(client.socket().ended_by_tls());
}

TEST_F(HttpTls, AClientThatLeavesWithoutAWordIsGone) {
  const auto peer = start_tls();
  auto client = std::make_unique<HttpConnection>(peer);
  const auto first = (*client)({"/v1/poll?topic=a", {}});
  const std::string cursor = Json::parse(first.body)["cursor"];
  client->send(test::Request{"/v1/poll?topic=a&timeout=60&from=" + cursor, {}});
  ASSERT_TRUE(until([&] { return transport(Transport::poll).clients.value() == 1; }));
  client.reset();  // closes the socket, and says nothing by TLS
  EXPECT_TRUE(all_gone());
}

/// TLS over a plain client, whose bytes go out one at a time.
class ByteWise {
 public:
  explicit ByteWise(std::uint16_t port) : client_(port), context_(SSL_CTX_new(TLS_client_method())) {
    ssl_ = SSL_new(context_);
    SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  }
  ~ByteWise() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  ByteWise(const ByteWise&) = delete;
  ByteWise& operator=(const ByteWise&) = delete;

  /// Calls `step` until it succeeds.
  template <class Step>
  void drive(Step step) {
    while (step(ssl_) <= 0) {
      send_out();
      const std::string byte = client_.read(1);
      BIO_write(SSL_get_rbio(ssl_), byte.data(), 1);
    }
    send_out();
  }

 private:
  void send_out() {
    for (char byte; BIO_read(SSL_get_wbio(ssl_), &byte, 1) == 1;) client_.send({&byte, 1});
  }

  Client client_;
  SSL_CTX* context_;
  SSL* ssl_;
};

TEST_F(HttpTls, TakesAndGivesSingleBytes) {
  start_tls();
  ByteWise client(port_);
  client.drive(SSL_connect);
  client.drive([](SSL* ssl) { return SSL_write(ssl, kRequest.data(), static_cast<int>(kRequest.size())); });
  std::string answer(1'000, '\0');
  client.drive([&](SSL* ssl) {
    const int size = SSL_read(ssl, answer.data(), static_cast<int>(answer.size()));
    if (size > 0) answer.resize(static_cast<std::size_t>(size));
    return size;
  });
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nok\n")) << answer;
}

}  // namespace
}  // namespace fieldcast::http

// What is counted of the clients' sockets and their TLS.
#include <gtest/gtest.h>

#include <csignal>
#include <optional>
#include <string>

#include "adapters/http/certificate.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/http_client.hpp"
#include "tests/unit/http_server_fixture.hpp"

namespace fieldcast::http {
namespace {

using test::HttpConnection;
using test::Peer;

const std::string kHealthz = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

TEST_F(HttpServer, CountsTheBytesOfPlainSockets) {
  start();
  Client client(port_);
  client.send(kHealthz);
  const auto answer = read_answer(client);
  const auto once = answer.head.size() + answer.body.size();
  EXPECT_TRUE(until([&] { return counters_.sent_bytes.value() == once; })) << counters_.sent_bytes.value();
  EXPECT_EQ(counters_.received_bytes.value(), kHealthz.size());
  client.send(kHealthz);
  read_answer(client);
  EXPECT_TRUE(until([&] { return counters_.sent_bytes.value() == 2 * once; })) << counters_.sent_bytes.value();
  EXPECT_EQ(counters_.tls_failures.value(), 0u);
}

TEST_F(HttpServer, CountsTlsHandshakesThatFail) {
  std::signal(SIGPIPE, SIG_IGN);  // as the program does
  const test::Certificates certificates;
  const auto files = certificates.issue("server", "IP:127.0.0.1");
  certificate_.emplace(files.certificate, files.key);
  const Peer peer{start(), certificates.authority()};
  const auto failures = [this](std::uint64_t number) {
    return until([&] { return counters_.tls_failures.value() == number; });
  };
  {
    HttpConnection client(peer);
    EXPECT_EQ(client({"/healthz", {}}).status, 200);
  }
  ASSERT_TRUE(until([&] { return counters_.connections.value() == 0; }));
  EXPECT_TRUE(failures(0));
  {
    Client plain(port_);
    plain.send(kHealthz);
    EXPECT_EQ(read_answer(plain).status, 400);
  }
  EXPECT_TRUE(failures(1));
  { Client gone(port_); }
  EXPECT_TRUE(failures(2));
  Client garbage(port_);
  garbage.send("\x16garbage garbage garbage");
  EXPECT_TRUE(failures(3));
}

}  // namespace
}  // namespace fieldcast::http

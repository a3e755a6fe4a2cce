// RFC 6455 case by case: against fieldcast_echo in pieces of every kind and over TLS, and what is wrong against the
// gateway too.
#include "tests/contract/websocket_cases.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/contract/transports.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/echo_server.hpp"
#include "tests/support/http_client.hpp"

namespace fieldcast::test {
namespace {

/// How the bytes of a case are written.
enum class Pieces { whole, frames, bytes };

// Cases of more bytes are not written one by one.
constexpr std::size_t kFewBytes = 4'000;

std::vector<std::string> pieces_of(const WebSocketCase& tested, Pieces pieces) {
  const std::uint32_t mask = pieces == Pieces::frames ? 0 : 0xA1B2C3D4;
  std::vector<std::string> found;
  for (const Frame& frame : tested.sent) found.push_back(to_bytes(frame, mask));
  if (!tested.raw.empty()) found.push_back(tested.raw);
  if (tested.close == 0) found.push_back(to_bytes(close_with(1000), mask));
  if (pieces == Pieces::frames) return found;
  std::string all;
  for (const auto& piece : found) all += piece;
  if (pieces == Pieces::whole || all.size() > kFewBytes) return {all};
  found.clear();
  for (const char c : all) found.emplace_back(1, c);
  return found;
}

std::string shown(const Frame& frame) {
  return std::to_string(static_cast<unsigned>(frame.opcode)) + ' ' + std::to_string(frame.payload.size()) + " bytes " +
         testing::PrintToString(frame.payload.substr(0, 200));
}

struct Played {
  std::vector<Frame> received;
  int close = 1006;
};

Played play(const Peer& peer, const std::string& target, const std::vector<std::string>& pieces) {
  WebSocketClient client(peer, target);
  EXPECT_TRUE(client.open());
  try {
    for (const auto& piece : pieces) client.send_raw(piece);
  } catch (const EndOfStream&) {  // behind what is wrong nothing needs to be read
  }
  Played played;
  while (auto frame = client.next_frame()) {
    if (frame->opcode != Opcode::close) {
      played.received.push_back(*std::move(frame));
      continue;
    }
    const auto& payload = frame->payload;
    played.close =
        payload.empty() ? 1005 : static_cast<unsigned char>(payload[0]) << 8 | static_cast<unsigned char>(payload[1]);
    EXPECT_TRUE(client.socket().ends()) << "something follows the close frame";
    break;
  }
  return played;
}

void expect_echo(const Peer& peer, const WebSocketCase& tested, Pieces pieces) {
  SCOPED_TRACE("written as " + std::to_string(static_cast<int>(pieces)));
  const auto played = play(peer, "/", pieces_of(tested, pieces));
  ASSERT_EQ(played.received.size(), tested.echoed.size());
  for (std::size_t i = 0; i < tested.echoed.size(); ++i) EXPECT_EQ(shown(played.received[i]), shown(tested.echoed[i]));
  EXPECT_EQ(played.close, tested.close == 0 ? 1000 : tested.close);
}

std::vector<WebSocketCase> all_cases() {
  std::vector<WebSocketCase> cases;
  for (auto section : {framing_cases(), utf8_cases(), closing_cases()})
    cases.insert(cases.end(), section.begin(), section.end());
  return cases;
}

EchoServer& shared_echo() {
  static EchoServer server;
  return server;
}

class EchoCase : public ::testing::TestWithParam<WebSocketCase> {};

TEST_P(EchoCase, IsAnsweredAsRfc6455Says) {
  for (const auto pieces : {Pieces::whole, Pieces::frames, Pieces::bytes})
    expect_echo(shared_echo().peer(), GetParam(), pieces);
}

const auto kCaseName = [](const auto& instance) { return instance.param.name; };
INSTANTIATE_TEST_SUITE_P(Rfc6455, EchoCase, ::testing::ValuesIn(all_cases()), kCaseName);

// [TLS-1]
TEST(EchoOverTls, AnswersEachCaseAsWithoutIt) {
  const Certificates certificates;
  const auto files = certificates.issue("echo", "IP:127.0.0.1");
  EchoServer server({"--certificate", files.certificate, "--key", files.key}, certificates.authority());
  for (const auto& tested : all_cases()) {
    SCOPED_TRACE(tested.name);
    expect_echo(server.peer(), tested, Pieces::frames);
  }
}

// [W-11]: what breaks the protocol is answered by the gateway with the same code; what it says of messages is its own.
TEST(GatewayCase, BrokenOnesAreClosedWithTheirCode) {
  int tried = 0;
  for (const auto& tested : all_cases()) {
    const bool binary = std::any_of(tested.sent.begin(), tested.sent.end(),
                                    [](const Frame& frame) { return frame.opcode == Opcode::binary; });
    if (tested.close == 0 || binary) continue;
    SCOPED_TRACE(tested.name);
    EXPECT_EQ(play(port(), "/v1/ws", pieces_of(tested, Pieces::frames)).close, tested.close);
    ++tried;
  }
  EXPECT_GT(tried, 250);
  EXPECT_EQ(http_get(port(), "/healthz").status, 200);
}

}  // namespace
}  // namespace fieldcast::test

// fieldcast_echo as a program: what it takes, says and ends with. What it echoes: websocket_cases_test.cpp.
#include "tests/support/echo_server.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <string>

#include "tests/support/websocket_client.hpp"

namespace fieldcast::test {
namespace {

int code_of(WebSocketClient& client) {
  while (client.next()) continue;
  return client.close_code();
}

TEST(EchoServerProgram, EchoesAtAnyPathUpToItsLimit) {
  EchoServer server({"--message-bytes", "1000"});
  for (const std::string target : {"/", "/any/path?x=1&x=2", "/v1/ws?topic=a"}) {
    WebSocketClient client(server.peer(), target);
    ASSERT_TRUE(client.open()) << target;
    client.send(std::string(1'000, 'a'));
    EXPECT_EQ(client.next(), std::string(1'000, 'a'));
    client.send(std::string(1'001, 'a'));
    EXPECT_EQ(code_of(client), 1009);
  }
  EXPECT_EQ(http_get(server.peer(), "/").status, 426);
}

TEST(EchoServerProgram, TakesLargeMessagesByDefault) {
  EchoServer server;
  WebSocketClient client(server.peer(), "/");
  const std::string large(16u << 20, 'x');
  client.send(large);
  EXPECT_TRUE(client.next() == large);
}

TEST(EchoServerProgram, EndsWithItsClientsToldAtSigterm) {
  EchoServer server;
  WebSocketClient client(server.peer(), "/");
  client.send("a");
  EXPECT_EQ(client.next(), "a");
  server.process().signal(SIGTERM);
  EXPECT_EQ(code_of(client), 1001);
  EXPECT_EQ(server.process().wait_for_exit(), 0);
}

TEST(EchoServerProgram, TellsWhatIsWrongWithItsOptions) {
  Process no_port({echo_program()});
  EXPECT_EQ(no_port.wait_for_exit(), 2);
  EXPECT_NE(no_port.output().find("--port is required"), std::string::npos) << no_port.output();
  Process help({echo_program(), "--help"});
  EXPECT_EQ(help.wait_for_exit(), 0);
  EXPECT_NE(help.output().find("Example:"), std::string::npos);
  EchoServer first;
  Process second({echo_program(), "--port", std::to_string(first.peer().port)});
  EXPECT_EQ(second.wait_for_exit(), 1);
  EXPECT_NE(second.output().find("Address already in use"), std::string::npos) << second.output();
}

}  // namespace
}  // namespace fieldcast::test

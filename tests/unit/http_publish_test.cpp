// POST /v1/publish behind a real socket: what is judged before the body is read, how a body may come, the answer.
#include <gtest/gtest.h>

#include <list>
#include <string>

#include "adapters/http/connection.hpp"
#include "adapters/http/publish.hpp"
#include "gateway/limits.hpp"
#include "tests/unit/http_server_fixture.hpp"

namespace fieldcast::http {
namespace {

const std::string kJson = "Content-Type: application/json\r\n";

std::string with_length(const std::string& body) {
  return "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

class HttpPublish : public HttpServer {
 protected:
  static std::string post(const std::string& rest) { return "POST /v1/publish HTTP/1.1\r\nHost: localhost\r\n" + rest; }

  /// Waits until so many commands have come in all.
  void await_commands(std::size_t count) {
    ASSERT_TRUE(until([&] {
      run([&] { commands_ = publisher_.commands(); });
      return commands_ >= count;
    }));
    ASSERT_EQ(commands_, count);
  }
  std::string payload(std::size_t number) {
    std::string out;
    run([&] { out = publisher_.command(number).payload; });
    return out;
  }
  void finish(std::size_t number, std::optional<Problem> problem = {}) {
    run([&] { publisher_.finish(number, std::move(problem)); });
  }
  std::uint64_t problems(Code code) const { return counters_.problems[static_cast<std::size_t>(code)].value(); }

 private:
  std::size_t commands_ = 0;
};

TEST_F(HttpPublish, IsAnsweredAfterTheAcknowledgementAndInOrder) {
  Client client(start());
  client.send(post(kJson + with_length("1")) + "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" +
              post(kJson + with_length("2")));
  await_commands(1);
  EXPECT_EQ(payload(0), "1");
  finish(0);
  const auto answer = read_answer(client);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.field("Content-Type"), "application/json");
  EXPECT_EQ(answer.body, R"({"type":"published"})");
  EXPECT_EQ(read_answer(client).body, "ok\n");
  await_commands(2);
  finish(1, Problem{Code::refused, "not allowed", 135});
  const auto refused = read_answer(client);
  EXPECT_EQ(refused.status, 502);
  EXPECT_EQ(refused.json()["code"], "refused");
  EXPECT_EQ(refused.json()["reason_code"], 135);
  EXPECT_EQ(problems(Code::refused), 1u);
}

TEST_F(HttpPublish, WhatThePublisherSaysHasItsStatus) {
  Client client(start());
  std::size_t number = 0;
  for (const auto& [code, status] : {std::pair(Code::no_broker, 503),
                                     {Code::too_many, 503},
                                     {Code::timeout, 504},
                                     {Code::too_large, 413},
                                     {Code::bad_message, 400},
                                     {Code::stopping, 503}}) {
    client.send(post(kJson + with_length("1")));
    await_commands(++number);
    finish(number - 1, Problem{code, "so it is"});
    const auto answer = read_answer(client);
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(answer.json()["detail"], "so it is");
    EXPECT_EQ(answer.json().count("reason_code"), 0u);
    EXPECT_EQ(answer.field("Retry-After").has_value(), status == 503);
  }
}

TEST_F(HttpPublish, ABodyMayComeInPiecesInChunksAndBehindA100) {
  start();
  const std::string large(kPublishBytes, 'x');
  Client whole(port_);
  const auto text = post(kJson + "Expect: 100-continue\r\n" + with_length(large));
  const auto head = text.substr(0, text.size() - large.size());
  whole.send(head);
  EXPECT_EQ(whole.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  for (std::size_t at = 0; at < large.size(); at += 50'000) whole.send(large.substr(at, 50'000));
  await_commands(1);
  EXPECT_EQ(payload(0).size(), large.size());
  finish(0);
  EXPECT_EQ(read_answer(whole).status, 200);
  whole.get("/healthz");
  EXPECT_EQ(read_answer(whole).body, "ok\n") << "the connection goes on";

  Client chunked(port_);
  chunked.send(post(kJson + "Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n"));
  run([] {});
  chunked.send("4;x=y\r\n two\r\n0\r\nTrailer: x\r\n\r\n");
  await_commands(2);
  EXPECT_EQ(payload(1), "one two");
  finish(1);
  EXPECT_EQ(read_answer(chunked).status, 200);
  chunked.get("/healthz");
  EXPECT_EQ(read_answer(chunked).body, "ok\n") << "here too";

  Client old(port_);
  old.send("POST /v1/publish HTTP/1.0\r\n" + kJson + "Expect: 100-continue\r\n" + with_length("old"));
  await_commands(3);
  finish(2);
  EXPECT_EQ(read_answer(old).status, 200) << "no 100 for HTTP/1.0";
  EXPECT_EQ(old.read_to_end(), "");
}

TEST_F(HttpPublish, ItsHeadIsJudgedBeforeTheBodyIsRead) {
  may_publish_ = true;
  start();
  const std::string rest = "Content-Length: 100000\r\nExpect: 100-continue\r\n\r\n";
  for (const auto& [fields, status] :
       std::vector<std::pair<std::string, int>>{{"", 415},
                                                {"Content-Type: text/plain\r\n", 415},
                                                {"Content-Type: application/x-www-form-urlencoded\r\n", 415},
                                                {"Content-Type: application/json-seq\r\n", 415},
                                                {"Content-Type: application/json\r\nContent-Type: text/plain\r\n", 400},
                                                {kJson + "Origin: http://evil.example\r\n", 403}}) {
    for (const std::string& lengths :
         {rest, std::string("Content-Length: 100000\r\n\r\n"), std::string("Transfer-Encoding: chunked\r\n\r\n")}) {
      Client client(port_);
      client.send(post(fields + lengths));
      EXPECT_EQ(read_answer(client).status, status) << fields << lengths;
      EXPECT_EQ(client.read_to_end(), "");
    }
  }
  Client query(port_);
  query.send("POST /v1/publish?qos=1 HTTP/1.1\r\nHost: localhost\r\n" + kJson + rest);
  EXPECT_EQ(read_answer(query).json()["code"], "bad_request");
  for (const char* type : {"application/json;charset=utf-8", "Application/JSON ; charset=UTF-8", "application/json"}) {
    Client client(port_);
    client.send(post("Content-Type: " + std::string(type) + "\r\n" + with_length("bad")));
    EXPECT_EQ(read_answer(client).json()["code"], "bad_message") << type;
  }
  Client empty(port_);
  empty.send(post(kJson + "\r\n"));
  await_commands(1);
  EXPECT_EQ(payload(0), "") << "whether that is a command, its parser says";
}

TEST_F(HttpPublish, MayBeForbidden) {
  may_publish_ = false;
  Client client(start());
  client.send(post(kJson + "Content-Length: 100000\r\nExpect: 100-continue\r\n\r\n"));
  const auto answer = read_answer(client);
  EXPECT_EQ(answer.status, 403);
  EXPECT_EQ(answer.json()["code"], "forbidden");
  await_commands(0);
}

TEST_F(HttpPublish, TooLongABodyIsRefusedForAForeignPageToo) {
  start();
  const std::string origin = "Origin: https://page.example\r\n";
  const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
  std::string chunks;
  while (chunks.size() <= kPublishBytes) chunks += chunk;
  for (const auto& request : {post(kJson + origin + with_length(std::string(kPublishBytes + 1, 'x'))),
                              post(kJson + origin + "Transfer-Encoding: chunked\r\n\r\n" + chunks)}) {
    Client client(port_);
    client.send(request);
    const auto answer = read_answer(client);
    EXPECT_EQ(answer.status, 413);
    EXPECT_EQ(answer.json()["code"], "too_large");
    EXPECT_EQ(answer.field("Access-Control-Allow-Origin"), "https://page.example");
    EXPECT_EQ(answer.field("Connection"), "close");
    EXPECT_EQ(client.read_to_end(), "");
  }
  await_commands(0);
}

TEST_F(HttpPublish, BodiesReadTogetherAreBounded) {
  start();
  // Announced, and never sent.
  const auto half =
      post(kJson + "Expect: 100-continue\r\nContent-Length: " + std::to_string(kPublishBytes) + "\r\n\r\n");
  std::list<Client> clients;
  for (std::size_t i = 0; i < kBodiesBytes / kPublishBytes; ++i) {
    clients.emplace_back(port_).send(half);
    EXPECT_EQ(clients.back().read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  }
  for (const std::string& rest : {std::string(), std::string("Transfer-Encoding: chunked\r\n\r\n")}) {
    Client client(port_);
    client.send(rest.empty() ? half : post(kJson + rest));
    const auto answer = read_answer(client);
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.json()["code"], "too_many");
    EXPECT_TRUE(answer.field("Retry-After"));
  }
  EXPECT_EQ(reached(Limit::bodies_bytes), 2u);
  Client small(port_);
  small.send("POST /healthz HTTP/1.1\r\nHost: localhost\r\n" + with_length("thrown away"));
  EXPECT_EQ(read_answer(small).status, 405);
  clients.front().leave();
  ASSERT_TRUE(until([&] { return counters_.connections.value() == kBodiesBytes / kPublishBytes; }));
  Client again(port_);
  again.send(half);
  EXPECT_EQ(again.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  run([] {});
  clock_.forward(kRequestTime);
  EXPECT_EQ(read_answer(again).status, 408);
}

TEST_F(HttpPublish, EachPathSaysItsMethods) {
  Client client(start());
  for (const std::string method : {"GET", "HEAD", "PUT", "DELETE"}) {
    client.send(method + " /v1/publish HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const auto answer = method == "HEAD" ? read_head(client) : read_answer(client);
    EXPECT_EQ(answer.status, 405) << method;
    EXPECT_EQ(answer.field("Allow"), "POST, OPTIONS");
  }
  for (const auto& [path, methods] : {std::pair("/v1/publish", "POST, OPTIONS"), {"/v1/poll", "GET, HEAD, OPTIONS"}}) {
    client.send("OPTIONS " + std::string(path) +
                " HTTP/1.1\r\nHost: localhost\r\nOrigin: https://page.example\r\n\r\n");
    const auto answer = read_answer(client);
    EXPECT_EQ(answer.status, 204);
    EXPECT_EQ(answer.field("Allow"), methods);
    EXPECT_EQ(answer.field("Access-Control-Allow-Methods"), methods);
  }
}

TEST_F(HttpPublish, AClientThatLeavesDoesNotTakeItsCommandBack) {
  start();
  {
    Client client(port_);
    client.send(post(kJson + with_length("1")));
    await_commands(1);
  }
  ASSERT_TRUE(until([&] { return counters_.connections.value() == 0; }));
  finish(0);
  run([] {});
  EXPECT_EQ(payload(0), "1");
}

TEST_F(HttpPublish, AStopWaitsForTheBrokerForAWhile) {
  Client answered(start()), waits(port_), late(port_);
  answered.send(post(kJson + with_length("1")));
  await_commands(1);
  waits.send(post(kJson + with_length("2")));
  await_commands(2);
  late.send(post(kJson + "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n"));
  late.read_until("\r\n\r\n");
  run([&] { server_->stop([] {}); });
  late.send("3");
  EXPECT_EQ(read_answer(late).json()["code"], "stopping");
  finish(0);
  const auto answer = read_answer(answered);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.field("Connection"), "close");
  clock_.forward(kPublishStopWait);
  const auto unknown = read_answer(waits);
  EXPECT_EQ(unknown.status, 504);
  EXPECT_EQ(unknown.json()["code"], "timeout");
  finish(1);
  EXPECT_EQ(waits.read_to_end(), "") << "one answer only";
  await_commands(2);
}

}  // namespace
}  // namespace fieldcast::http

// The server behind a real socket: connections, requests, limits, deadlines, stop.
#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <map>

#include "adapters/http/connection.hpp"
#include "tests/unit/http_server_fixture.hpp"

namespace fieldcast::http {
namespace {

TEST_F(HttpServer, ServesPlainRoutesOnOneConnectionInOrder) {
  Client client(start());
  client.send(
      "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n\r\n"
      "HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
      "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"
      "POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nGET /"
      "GET /healthz?x=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nab"
      "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(read_answer(client).body, "ok\n");
  const auto head = read_head(client);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.field("Content-Length"), "3");
  EXPECT_EQ(read_answer(client).json()["code"], "not_found");
  const auto post = read_answer(client);
  EXPECT_EQ(post.status, 405);
  EXPECT_EQ(post.field("Allow"), "GET, HEAD, OPTIONS");
  const auto unknown = read_answer(client);
  EXPECT_EQ(unknown.status, 400);
  EXPECT_NE(unknown.body.find("`x`"), std::string::npos);
  const auto last = read_answer(client);
  EXPECT_EQ(last.body, "<p>");
  EXPECT_EQ(last.field("Connection"), "close");
  EXPECT_EQ(client.read_to_end(), "");
  EXPECT_EQ(counters_.requests.value(), 6u);
  EXPECT_EQ(counters_.problems[static_cast<std::size_t>(Code::bad_request)].value(), 1u);
}

TEST_F(HttpServer, ServesHttp10) {
  Client client(start());
  client.send("GET /healthz HTTP/1.0\r\n\r\n");
  EXPECT_EQ(read_answer(client).field("Connection"), "close");
  EXPECT_EQ(client.read_to_end(), "");
}

TEST_F(HttpServer, AnswersAndClosesWhatItCannotRead) {
  start();
  for (const auto& [request, status] : std::map<std::string, int>{
           {"GET / HTTP/1.1\nHost: localhost\n\n", 400},
           {"\x16\x03\x01", 400},
           {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nGET /healthz HTTP/1.1",
            400},
           {"GET / HTTP/1.1\r\nX: " + std::string(kHeadBytes, 'x'), 431},
           {"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20000\r\n\r\n", 413},
           {"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400},
           {"BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n", 405},
       }) {
    Client client(port_);
    client.send(request);
    EXPECT_EQ(read_answer(client).status, status) << request;
    EXPECT_EQ(client.read_to_end(), "");
  }
}

TEST_F(HttpServer, AnswersInsteadOfA100AndCloses) {
  Client client(start());
  client.send("POST /healthz HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n");
  EXPECT_EQ(read_answer(client).status, 405);
  EXPECT_EQ(client.read_to_end(), "");
}

TEST_F(HttpServer, ServesTheNextRequestAfterABodyInChunks) {
  Client client(start());
  client.send(
      "GET /healthz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
      "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(read_answer(client).status, 200);
  EXPECT_EQ(read_answer(client).status, 404);
}

TEST_F(HttpServer, ClosesBehindAWebSocketThatWasNotHad) {
  start();
  for (const std::string path : {"/v1/ws", "/healthz", "/nothing"}) {
    Client client(port_);
    client.send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
                "Sec-WebSocket-Version: 8\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_NE(read_answer(client).status, 101);
    EXPECT_EQ(client.read_to_end(), "") << path;
  }
}

TEST_F(HttpServer, RefusesForeignHostsAndOriginsBeforeAnyEffect) {
  start();
  Client client(port_);
  client.send("GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n");
  EXPECT_EQ(read_answer(client).status, 421);
  EXPECT_EQ(ask("/v1/poll?topic=%23", "Origin: http://evil.example\r\n").status, 403);
  EXPECT_EQ(ask("/v1/ws", "Origin: null\r\n").status, 403);
  EXPECT_EQ(transport(Transport::poll).streams.value(), 0u);
  const auto listed = ask("/v1/poll?topic=%23", "Origin: https://page.example\r\n");
  EXPECT_EQ(listed.status, 200);
  EXPECT_EQ(listed.field("Access-Control-Allow-Origin"), "https://page.example");
  EXPECT_EQ(listed.field("Vary"), "Origin");

  client.send(
      "OPTIONS /v1/poll HTTP/1.1\r\nHost: localhost\r\nOrigin: https://page.example\r\nAccess-Control-Request-Method: "
      "GET\r\n\r\n");
  const auto preflight = read_answer(client);
  EXPECT_EQ(preflight.status, 204);
  EXPECT_EQ(preflight.field("Access-Control-Allow-Headers"), "Content-Type, Authorization, Last-Event-ID");
}

TEST_F(HttpServer, AClientThatEndsItsOutputStillGetsItsAnswers) {
  Client client(start());
  client.get("/healthz");
  client.get("/big");
  client.end_output();
  EXPECT_EQ(read_answer(client).body, "ok\n");
  EXPECT_EQ(read_answer(client).body.size(), std::size_t{32} << 20);
  EXPECT_EQ(client.read_to_end(), "");
}

const std::string kHandshake =
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
    "dGhlIHNhbXBsZSBub25jZQ==\r\n";

TEST_F(HttpServer, AnUpgradedConnectionBelongsToItsSession) {
  Client client(start());
  const std::string head = "GET /v1/ws?topic=a/%23 HTTP/1.1\r\nHost: localhost\r\n" + kHandshake + "\r\n";
  client.send(head + "early");
  EXPECT_EQ(client.read_until("\n"), "topic a/#\n");
  EXPECT_EQ(client.read(head.size()), head);
  EXPECT_EQ(client.read(5), "early");
  client.send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(client.read(18), "GET / HTTP/1.1\r\n\r\n");
  run([&] { server_->stop([] {}); });
  EXPECT_EQ(client.read_to_end(), "stopped");
}

TEST_F(HttpServer, WhatIsNoHandshakeGetsAnHttpAnswer) {
  start();
  const auto plain = ask("/v1/ws?topic=a");
  EXPECT_EQ(plain.status, 426);
  EXPECT_EQ(plain.field("Upgrade"), "websocket");
  EXPECT_EQ(plain.field("Sec-WebSocket-Version"), "13");
  Client client(port_);
  client.get("/v1/ws?topic=%", kHandshake);
  EXPECT_EQ(client.read_until("\n"), "topic  refused\n");
}

TEST_F(HttpServer, OverTheLimitStreamsAreRefusedAndHealthIsServed) {
  limits_.connections = 1;
  Client first(start());
  first.get("/healthz");
  EXPECT_EQ(read_answer(first).status, 200);

  const auto poll = ask("/v1/poll?topic=a");
  EXPECT_EQ(poll.status, 503);
  EXPECT_EQ(poll.json()["code"], "too_many");
  EXPECT_TRUE(poll.field("Retry-After"));
  EXPECT_EQ(poll.field("Connection"), "close");
  const auto events = ask("/v1/events?topic=a", "Accept: text/event-stream\r\n");
  EXPECT_EQ(events.status, 200);
  EXPECT_NE(events.body.find("event: problem\ndata: {"), std::string::npos);
  EXPECT_EQ(ask("/v1/events?topic=a").status, 503);
  EXPECT_EQ(ask("/healthz").status, 200);
  Client upgraded(port_);
  upgraded.get("/v1/ws?topic=a", kHandshake);
  EXPECT_EQ(upgraded.read_until("\n"), "topic a refused\n");
  EXPECT_EQ(reached(Limit::connections), 5u);
  EXPECT_EQ(counters_.connections.value(), 1u);

  first.leave();
  ASSERT_TRUE(until([&] { return counters_.connections.value() == 0; }));
  EXPECT_EQ(ask("/v1/poll?topic=a").status, 200);
}

TEST_F(HttpServer, SilentClientsAreClosed) {
  Client silent(start()), blank(port_), slow(port_), idle(port_), kept(port_);
  blank.send("\r");
  slow.send("GET /healthz HT");
  for (Client* client : {&idle, &kept}) {
    client->get("/healthz");
    EXPECT_EQ(read_answer(*client).status, 200);
  }
  ASSERT_TRUE(until([&] { return counters_.connections.value() == 5; }));
  run([] {});
  clock_.forward(kRequestTime - 1s);
  blank.send("\n");  // no byte wins time
  slow.send("TP");
  run([] {});
  clock_.forward(1s);
  EXPECT_EQ(read_answer(slow).status, 408);
  EXPECT_EQ(slow.read_to_end(), "");
  EXPECT_EQ(silent.read_to_end(), "");
  EXPECT_EQ(blank.read_to_end(), "");
  clock_.forward(kIdleTime - kRequestTime - 1s);
  kept.get("/healthz");
  EXPECT_EQ(read_answer(kept).status, 200);
  clock_.forward(2s);
  EXPECT_EQ(idle.read_to_end(), "");
  EXPECT_EQ(reached(Limit::request_time), 3u);
  EXPECT_EQ(reached(Limit::idle_time), 1u);
  kept.get("/healthz");
  EXPECT_EQ(read_answer(kept).status, 200);
}

TEST_F(HttpServer, IdleClientsAreClosedSoonerWhereThereAreMany) {
  crowd_ = 3;
  Client idle(start()), parked(port_);
  idle.get("/healthz");
  EXPECT_EQ(read_answer(idle).status, 200);
  park(parked, "/v1/poll?topic=a&timeout=60&from=" + ask("/v1/poll?topic=a").json()["cursor"].get<std::string>());
  ASSERT_TRUE(until([&] { return counters_.connections.value() == 2; }));
  clock_.forward(kRequestTime);
  idle.get("/healthz");
  EXPECT_EQ(read_answer(idle).status, 200) << "two are not many";
  Client third(port_);
  third.get("/healthz");
  EXPECT_EQ(read_answer(third).status, 200);
  clock_.forward(kRequestTime - 1s);
  third.get("/healthz");
  EXPECT_EQ(read_answer(third).status, 200);
  clock_.forward(1s);
  EXPECT_EQ(idle.read_to_end(), "");
  ASSERT_TRUE(until([&] { return counters_.connections.value() == 2; }));
  third.get("/healthz");
  EXPECT_EQ(read_answer(third).status, 200);
  EXPECT_EQ(transport(Transport::poll).clients.value(), 1u) << "who waits for an answer does something";
}

TEST_F(HttpServer, AClientThatTakesNoByteIsClosedAtItsLimit) {
  Client client(start(1min));
  client.get("/big");
  EXPECT_EQ(read_head(client).status, 200);
  run([] {});
  clock_.forward(1min);
  EXPECT_TRUE(until([&] { return counters_.connections.value() == 0; }));
}

/// Bytes that this process' own end of the client's connection holds and that the client has not acknowledged.
int bytes_held_for(const Client& client) {
  const auto wanted = client.port();
  for (int socket = 0; socket < 1024; ++socket) {
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    if (::getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &size) != 0 || peer.sin_port != wanted) continue;
    int bytes = -1;
    ::ioctl(socket, SIOCOUTQ, &bytes);
    return bytes;
  }
  return -1;
}

TEST_F(HttpServer, TheKernelHoldsLittleForAClientThatDoesNotRead) {
  Client client(start());
  client.get("/big");
  EXPECT_EQ(read_head(client).status, 200);
  run([] {});  // the first send is over, and it took what it could
  EXPECT_GT(bytes_held_for(client), 0);
  EXPECT_LT(bytes_held_for(client), 2 * kUnsentBytes);
}

TEST_F(HttpServer, AStopTellsEveryClient) {
  start();
  const auto cursor = ask("/v1/poll?topic=a").json()["cursor"].get<std::string>();
  Client idle(port_), poll(port_), events(port_);
  park(poll, "/v1/poll?topic=a&from=" + cursor);
  events.get("/v1/events?topic=a");
  read_head(events);
  read_chunk(events);
  read_chunk(events);
  idle.get("/healthz");
  read_answer(idle);

  std::promise<void> gone;
  run([&] {
    acceptor_->stop();
    server_->stop([&] { gone.set_value(); });
  });
  EXPECT_EQ(idle.read_to_end(), "");
  const auto answer = read_answer(poll);
  EXPECT_EQ(answer.field("Connection"), "close");
  EXPECT_TRUE(answer.json()["readings"].empty());
  EXPECT_TRUE(parse_event(read_chunk(events)).data["readings"].empty());
  EXPECT_EQ(read_chunk(events), "");
  idle.leave();
  poll.leave();
  events.leave();
  EXPECT_EQ(gone.get_future().wait_for(20s), std::future_status::ready);
  EXPECT_EQ(counters_.connections.value(), 0u);
  EXPECT_THROW(Client{port_}, std::runtime_error);
}

TEST_F(HttpServer, AStopResetsNobody) {
  Client asks(start()), idle(port_), fresh(port_);
  asks.get("/healthz");
  read_answer(asks);
  idle.get("/healthz");
  read_answer(idle);
  ASSERT_TRUE(until([&] { return counters_.connections.value() == 3; }));
  std::promise<void> gone;
  run([&] {
    asks.get("/healthz");  // it is in the socket, and this thread has not read it
    acceptor_->stop();
    server_->stop([&] { gone.set_value(); });
  });
  const auto answer = read_answer(asks);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.field("Connection"), "close");
  EXPECT_EQ(asks.read_to_end(), "");

  EXPECT_EQ(idle.read_to_end(), "");
  idle.get("/healthz");  // too late: it asks again elsewhere
  run([] {});
  EXPECT_EQ(idle.read_to_end(), "");

  fresh.get("/v1/poll?topic=a");
  const auto refused = read_answer(fresh);
  EXPECT_EQ(refused.json()["code"], "stopping");
  EXPECT_TRUE(refused.field("Retry-After"));
  EXPECT_EQ(fresh.read_to_end(), "");
  for (Client* client : {&asks, &idle, &fresh}) client->leave();
  EXPECT_EQ(gone.get_future().wait_for(20s), std::future_status::ready);
}

TEST_F(HttpServer, AStopWaitsAMomentForANewClient) {
  Client silent(start());
  ASSERT_TRUE(until([&] { return counters_.connections.value() == 1; }));
  std::promise<void> gone;
  run([&] { server_->stop([&] { gone.set_value(); }); });
  run([] {});
  EXPECT_EQ(counters_.connections.value(), 1u);
  clock_.forward(kFirstRequestTime);
  EXPECT_EQ(silent.read_to_end(), "");
  EXPECT_EQ(gone.get_future().wait_for(20s), std::future_status::ready);
}

TEST_F(HttpServer, AnAddressInUseIsSaidInOneSentence) {
  start();
  asio::io_context loop;
  try {
    Acceptor second(loop, {{"127.0.0.1", port_}}, {server_.get()}, limits_, counters_);
    FAIL() << "two acceptors on one port";
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(error.what(), "cannot listen on 127.0.0.1:" + std::to_string(port_) + ": Address already in use");
  }
}

}  // namespace
}  // namespace fieldcast::http

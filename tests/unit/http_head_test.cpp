// The request head: what is taken, and each way in which a request can hide in another one.
#include <gtest/gtest.h>

#include <string>

#include "adapters/http/head.hpp"

namespace fieldcast::http {
namespace {

std::string get(const std::string& target, const std::string& fields = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n";
}

Code code_of(const std::string& head) {
  const auto request = parse_head(head);
  EXPECT_FALSE(request) << head;
  return request ? Code::stopping : request.problem().code;
}

TEST(HttpHead, TakesAnOrdinaryRequest) {
  const auto request = parse_head(get("/v1/%70oll?topic=a&from=now", "X-Two:  one \r\nx-two:two\r\n"));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->method, "GET");
  EXPECT_EQ(request->path, "/v1/poll");
  EXPECT_EQ(request->query, "topic=a&from=now");
  EXPECT_EQ(request->minor, 1);
  EXPECT_TRUE(request->keep_alive);
  EXPECT_FALSE(request->upgrade);
  EXPECT_FALSE(request->has_body());
  EXPECT_EQ(request->field("HOST"), "localhost");
  EXPECT_EQ(request->field("X-Two"), "one, two");
  EXPECT_EQ(request->field("accept"), std::nullopt);
}

TEST(HttpHead, KnowsWhatTheClientWantsOfTheConnection) {
  EXPECT_FALSE(parse_head(get("/", "Connection: close\r\n"))->keep_alive);
  EXPECT_FALSE(parse_head("GET / HTTP/1.0\r\n\r\n")->keep_alive);
  EXPECT_TRUE(parse_head("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")->keep_alive);
  EXPECT_FALSE(parse_head("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n")->keep_alive);
  EXPECT_TRUE(parse_head(get("/", "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"))->upgrade);
}

TEST(HttpHead, TakesTheAbsoluteFormOfItsOwnHostOnly) {
  EXPECT_EQ(parse_head(get("http://LOCALHOST/healthz?strict=1"))->path, "/healthz");
  EXPECT_EQ(parse_head(get("http://localhost?a=b"))->path, "/");
  EXPECT_EQ(code_of(get("http://other/healthz")), Code::bad_request);
  EXPECT_EQ(code_of(get("http://user@localhost/")), Code::bad_request);
  EXPECT_EQ(code_of(get("healthz")), Code::bad_request);
  EXPECT_EQ(code_of(get("*")), Code::bad_request);
  EXPECT_EQ(parse_head("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")->path, "*");
}

TEST(HttpHead, RefusesAPathThatMeansAnother) {
  for (const char* path :
       {"/a/../b", "/..", "/a/.", "/%2e%2e/x", "/a%2F..%2Fb", "/a%00", "/a%0d", "/a%5cb", "/%", "/%4", "/%zz", "/a#b"})
    EXPECT_EQ(code_of(get(path)), Code::bad_request) << path;
  EXPECT_EQ(parse_head(get("/..a/b.."))->path, "/..a/b..");
}

TEST(HttpHead, RefusesEveryFaultyLine) {
  for (const std::string& head : {
           std::string("GET / HTTP/1.1\nHost: a\n\n"),
           std::string("GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"),  // bare LF
           std::string("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"),  // bare CR
           std::string("GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n", 34),  // NUL
           std::string("GET / HTTP/1.1\r\nHost: a\r\nX: b\x01\r\n\r\n"),     // control characters
           std::string("GET / HTTP/1.1\r\nHost: a\r\nX: b\x7f\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n"),  // folded
           std::string("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\tc: d\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\nHost : a\r\n\r\n"),  // space before the colon
           std::string("GET / HTTP/1.1\r\nHost: a\r\nX\t: b\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\nHost: a\r\nX(: b\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\n\r\nHost: a\r\n\r\n"),
           std::string("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
           std::string("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),  // the request line
           std::string("GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
           std::string(" GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
           std::string("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
           std::string("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"),
           std::string("GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n"),
           std::string("GET /\r\n\r\n"),
           std::string("GET HTTP/1.1\r\nHost: a\r\n\r\n"),
           std::string("GET / HTTP/1.2\r\nHost: a\r\n\r\n"),
           std::string("GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
           std::string("GET / HTTP/0.9\r\nHost: a\r\n\r\n"),
           std::string("GET / http/1.1\r\nHost: a\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\nHost: a\r\n"),
       })
    EXPECT_EQ(code_of(head), Code::bad_request);
  EXPECT_EQ(code_of("BREW / HTTP/1.1\r\nHost: a\r\n\r\n"), Code::bad_method);
}

TEST(HttpHead, WantsExactlyOneHost) {
  EXPECT_EQ(code_of("GET / HTTP/1.1\r\n\r\n"), Code::bad_request);
  EXPECT_EQ(code_of(get("/", "Host: localhost\r\n")), Code::bad_request);
  EXPECT_EQ(code_of("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"), Code::bad_request);
}

TEST(HttpHead, TakesOnlyOneOfFieldsThatReadersTakeOneOf) {
  for (const std::string name :
       {"Authorization", "Content-Range", "Content-Type", "Expect", "If-Match", "If-Modified-Since", "If-None-Match",
        "If-Range", "If-Unmodified-Since", "Last-Event-ID", "Origin"}) {
    EXPECT_TRUE(parse_head(get("/", name + ": x\r\n")));
    EXPECT_EQ(code_of(get("/", name + ": x\r\nA: b\r\n" + name + ": x\r\n")), Code::bad_request) << name;
  }
  EXPECT_TRUE(parse_head(get("/", "Accept: a/b\r\nAccept: c/d\r\nConnection: a\r\nConnection: b\r\n")));
}

TEST(HttpHead, RefusesEveryAmbiguousBodyLength) {
  for (const char* fields : {
           "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n",
           "Content-Length: 1\r\nContent-Length: 1\r\n",
           "Content-Length: 1\r\nContent-Length: 2\r\n",
           "Content-Length: 1, 1\r\n",
           "Content-Length: +1\r\n",
           "Content-Length: -1\r\n",
           "Content-Length: 0x1\r\n",
           "Content-Length: 1 1\r\n",
           "Content-Length:\r\n",
           "Content-Length: 99999999999999999999999\r\n",
           "Transfer-Encoding: gzip, chunked\r\n",
           "Transfer-Encoding: chunked, identity\r\n",
           "Transfer-Encoding: identity\r\n",
           "Transfer-Encoding: xchunked\r\n",
           "Transfer-Encoding: chunked;q=1\r\n",
           "Transfer-Encoding: \"chunked\"\r\n",
           "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
           "Transfer-Encoding:\r\n",
       })
    EXPECT_EQ(code_of(get("/", fields)), Code::bad_request) << fields;
  EXPECT_EQ(code_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), Code::bad_request);

  EXPECT_EQ(parse_head(get("/", "Content-Length: 12\r\n"))->content_length, 12u);
  EXPECT_TRUE(parse_head(get("/", "Transfer-Encoding: Chunked\r\n"))->chunked);
}

TEST(HttpHead, BoundsTheNumberOfFields) {
  std::string fields;
  for (std::size_t i = 0; i + 1 < kHeadFields; ++i) fields += "X: y\r\n";
  EXPECT_TRUE(parse_head(get("/", fields)));
  EXPECT_EQ(code_of(get("/", fields + "X: y\r\n")), Code::too_large);
}

TEST(HttpHeadSize, FindsTheEndInPieces) {
  const std::string head = get("/a"), input = head + "GET /b";
  std::size_t scanned = 0;
  for (std::size_t size = 0; size < head.size(); ++size) {
    const auto found = head_size(std::string_view(input).substr(0, size), scanned);
    ASSERT_TRUE(found);
    ASSERT_EQ(*found, 0u);
  }
  EXPECT_EQ(*head_size(input, scanned), head.size());
}

TEST(HttpHeadSize, RefusesAtOnceWhatBecomesNoHead) {
  for (const char* input : {"\x16\x03\x01", "\xef\xbb\xbfGET", " GET", "GET / HTTP/1.1\n", "GET / HTTP/1.1\r\nA: b\n\n",
                            "GET /\r\n", "PRI * HTTP/2.0\r\n", "EHLO mail.example\r\n"}) {
    std::size_t scanned = 0;
    const auto found = head_size(input, scanned);
    ASSERT_FALSE(found) << input;
    EXPECT_EQ(found.problem().code, Code::bad_request);
  }
}

TEST(HttpHeadSize, BoundsTheHead) {
  const std::string start = "GET / HTTP/1.1\r\nX: ";
  const std::string longest = start + std::string(kHeadBytes - start.size() - 4, 'x') + "\r\n\r\n";
  std::size_t scanned = 0;
  EXPECT_EQ(*head_size(longest, scanned), kHeadBytes);
  scanned = 0;
  const std::string longer = start + std::string(kHeadBytes - start.size() - 3, 'x') + "\r\n\r\n";
  const auto found = head_size(longer, scanned);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.problem().code, Code::too_large);
}

TEST(HttpNames, LooksForWholeItemsOfAList) {
  EXPECT_TRUE(names("text/html, TEXT/event-stream;q=0.5", "text/event-stream"));
  EXPECT_TRUE(names("websocket", "websocket"));
  EXPECT_FALSE(names("websocket2, x-websocket", "websocket"));
  EXPECT_FALSE(names(std::nullopt, "websocket"));
}

}  // namespace
}  // namespace fieldcast::http

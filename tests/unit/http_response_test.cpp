// Answers, problems, static files and the outbox that sends them.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string>

#include "adapters/http/outbox.hpp"
#include "adapters/http/response.hpp"
#include "adapters/http/routes.hpp"
#include "adapters/http/upgrade.hpp"

namespace fieldcast::http {
namespace {

constexpr std::int64_t kNow = 784'111'777'999;  // RFC 9110's own example

bool has(const std::string& head, std::string_view line) {
  return head.find("\r\n" + std::string(line) + "\r\n") != std::string::npos;
}

TEST(HttpResponse, HeadSaysLengthCachingAndConnection) {
  const auto response = make_response(200, "text/plain", "four");
  const auto head = make_head(response, {.minor = 1, .keep_alive = true, .headers = "X: y\r\n"}, kNow);
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
  EXPECT_TRUE(has(head, "Date: Sun, 06 Nov 1994 08:49:37 GMT"));
  EXPECT_TRUE(has(head, "Content-Type: text/plain"));
  EXPECT_TRUE(has(head, "Content-Length: 4"));
  EXPECT_TRUE(has(head, "Cache-Control: no-store, no-transform"));
  EXPECT_TRUE(has(head, "X: y"));
  EXPECT_EQ(head.find("Connection:"), std::string::npos);
  EXPECT_TRUE(
      has(make_head(response, {.minor = 0, .keep_alive = true, .headers = {}}, kNow), "Connection: keep-alive"));
  EXPECT_TRUE(has(make_head(response, {.minor = 1, .keep_alive = false, .headers = {}}, kNow), "Connection: close"));
}

TEST(HttpResponse, ProblemIsJsonWhateverTheClientSent) {
  const auto response = problem_response({Code::bad_request, "unknown \"x\"\n\xff"});
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.type, "application/problem+json");
  const auto json = nlohmann::json::parse(*response.body);
  EXPECT_EQ(json["type"], "about:blank");
  EXPECT_EQ(json["status"], 400);
  EXPECT_EQ(json["code"], "bad_request");
  EXPECT_EQ(json["title"], "Bad request");
  EXPECT_EQ(json["detail"], "unknown \"x\"\n\uFFFD");
}

TEST(HttpResponse, ProblemSaysWhenToComeBackAndWhatIsAllowed) {
  EXPECT_TRUE(problem_response({Code::too_many, ""}).headers.starts_with("Retry-After: "));
  EXPECT_EQ(problem_response({Code::too_many, ""}).status, 503);
  EXPECT_EQ(problem_response({Code::bad_method, ""}).headers, "Allow: GET, HEAD, OPTIONS\r\n");
  const auto too_large = problem_response({Code::too_large, ""}, 431);
  EXPECT_EQ(nlohmann::json::parse(*too_large.body)["status"], 431);
}

TEST(HttpResponse, AnEventSourceIsToldInItsOwnLanguage) {
  const auto response = problem_events({Code::stopping, "later"});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.type, "text/event-stream");
  const auto at = response.body->find("\n\nevent: problem\ndata: ");
  ASSERT_NE(at, std::string::npos);
  EXPECT_TRUE(response.body->starts_with("retry: "));
  const auto data = response.body->substr(at + std::string_view("\n\nevent: problem\ndata: ").size());
  EXPECT_EQ(nlohmann::json::parse(data)["code"], "stopping");
  EXPECT_TRUE(response.body->ends_with("}\n\n"));
}

Request request_with(const std::string& fields) {
  return *parse_head("GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n");
}

TEST(HttpRoutes, StaticFileIsSentOnceAndRevalidated) {
  const auto route = static_file("text/html", "<p>");
  const auto first = route.handler(request_with(""));
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(*first.body, "<p>");
  EXPECT_TRUE(first.cacheable);
  EXPECT_NE(first.headers.find("Content-Security-Policy: default-src 'none'"), std::string::npos);
  const auto etag = first.headers.substr(6, first.headers.find("\r\n") - 6);

  const auto again = route.handler(request_with("If-None-Match: \"x\", " + etag + "\r\n"));
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.body, nullptr);
  const auto head = make_head(again, {.headers = {}}, kNow);
  EXPECT_EQ(head.find("Content-Length"), std::string::npos);
  EXPECT_TRUE(has(head, "ETag: " + etag));
  EXPECT_EQ(route.handler(request_with("If-None-Match: \"x\"\r\n")).status, 200);
  EXPECT_NE(static_file("text/html", "<q>").handler(request_with("")).headers, first.headers);
}

TEST(HttpRoutes, UnknownEmptyAndRepeatedParametersAreNamed) {
  const Route route{nullptr, std::vector<std::string>{"strict"}};
  EXPECT_FALSE(check_parameters(route, {{"strict", "1"}}));
  for (const std::vector<Parameter>& wrong :
       {std::vector<Parameter>{{"x", "1"}}, {{"strict", ""}}, {{"strict", "1"}, {"strict", "1"}}}) {
    const auto problem = check_parameters(route, wrong);
    ASSERT_TRUE(problem);
    EXPECT_EQ(problem->code, Code::bad_request);
    EXPECT_NE(problem->detail.find('`' + wrong[0].name + '`'), std::string::npos);
  }
}

TEST(HttpUpgrade, TakesTheHandshakeOfVersion13Only) {
  const std::string key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", version = "Sec-WebSocket-Version: 13\r\n",
                    upgrade = "Upgrade: WebSocket\r\n", connection = "Connection: keep-alive, upgrade\r\n";
  EXPECT_FALSE(upgrade_fault(request_with(key + version + upgrade + connection)));

  const auto status = [](const Request& request) {
    const auto fault = upgrade_fault(request);
    return fault ? fault->status : 0;
  };
  EXPECT_EQ(status(request_with("")), 426);
  EXPECT_EQ(status(request_with(key + upgrade + connection)), 426);
  EXPECT_EQ(status(request_with(key + upgrade + connection + "Sec-WebSocket-Version: 8\r\n")), 426);
  EXPECT_EQ(status(*parse_head("GET / HTTP/1.0\r\n" + key + version + upgrade + connection + "\r\n")), 426);
  EXPECT_EQ(status(*parse_head("HEAD / HTTP/1.1\r\nHost: a\r\n" + key + version + upgrade + connection + "\r\n")), 426);
  EXPECT_EQ(status(request_with(key + version + upgrade)), 400);
  EXPECT_EQ(status(request_with(version + upgrade + connection)), 400);
  for (const char* faulty :
       {"dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZR==", "dGhlIHNhbXBsZSBub25j====", "dGhl!HNhbXBsZSBub25jZQ=="})
    EXPECT_EQ(status(request_with(version + upgrade + connection + "Sec-WebSocket-Key: " + faulty + "\r\n")), 400)
        << faulty;
}

class OutboxTest : public testing::Test {
 protected:
  OutboxTest() {
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, sockets_), 0);
    channel_.socket().assign(asio::ip::tcp::v4(), sockets_[0]);
  }
  ~OutboxTest() override {
    if (sockets_[1] >= 0) ::close(sockets_[1]);
  }
  std::string read_some() {
    std::string bytes(1 << 16, '\0');
    const auto size = ::recv(sockets_[1], bytes.data(), bytes.size(), MSG_DONTWAIT);
    bytes.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return bytes;
  }
  int sockets_[2];
  asio::io_context loop_;
  Channel channel_{Socket(loop_), nullptr};
  Outbox outbox_;
};

TEST_F(OutboxTest, KeepsWhatTheSocketDoesNotTakeAndSharesItsOwner) {
  const auto shared = std::make_shared<const std::string>(std::size_t{3} << 20, 's');
  const std::shared_ptr<const void> owner = shared;
  std::string copied = "copied", expected = *shared + copied + *shared + "behind";
  const std::array pieces{Piece{*shared, &owner}, Piece{""}, Piece{copied}, Piece{*shared, &owner}};
  ASSERT_FALSE(outbox_.send(channel_, pieces));
  ASSERT_FALSE(outbox_.empty());
  EXPECT_GT(shared.use_count(), 2);
  copied = "******";
  const Piece behind{"behind"};
  ASSERT_FALSE(outbox_.send(channel_, {&behind, 1}));

  std::string received;
  while (!outbox_.empty()) {
    received += read_some();
    ASSERT_FALSE(outbox_.flush(channel_));
  }
  for (auto more = read_some(); !more.empty(); more = read_some()) received += more;
  EXPECT_TRUE(received == expected);
  EXPECT_EQ(outbox_.taken(), expected.size());
  EXPECT_EQ(shared.use_count(), 2);
}

TEST_F(OutboxTest, SendsMorePiecesThanOneCallTakes) {
  std::vector<Piece> pieces(1000, Piece{"ab"});
  pieces.push_back({""});
  ASSERT_FALSE(outbox_.send(channel_, pieces));
  EXPECT_TRUE(outbox_.empty());
  EXPECT_EQ(read_some().size(), 2000u);
}

TEST_F(OutboxTest, IsBounded) {
  const std::string big(std::size_t{1} << 20, 'x');
  const Piece piece{big};
  ASSERT_FALSE(outbox_.send(channel_, {&piece, 1}));
  ASSERT_FALSE(outbox_.empty());
  ASSERT_FALSE(outbox_.send(channel_, {&piece, 1}));
  EXPECT_EQ(outbox_.send(channel_, {&piece, 1}), std::errc::no_buffer_space);
}

TEST_F(OutboxTest, AClientThatLeftIsAnError) {
  ::close(std::exchange(sockets_[1], -1));
  const Piece piece{"x"};
  EXPECT_TRUE(outbox_.send(channel_, {&piece, 1}));
}

}  // namespace
}  // namespace fieldcast::http

// [O-1] to [O-5]: who may ask.
#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/contract/transports.hpp"
#include "tests/support/event_reader.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/websocket_client.hpp"

namespace fieldcast::test {
namespace {

class Access : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    hall_ = std::make_unique<Hall>(Gateway::Options{
        .server = "hosts = [\"panel.example\"]\norigins = [\"https://dash.example\", \"http://dash.example:3000\"]\n"});
  }
  static void TearDownTestSuite() { hall_.reset(); }

  static std::string with_port(const std::string& host) { return host + ":" + std::to_string(hall_->port()); }
  static Response get(const std::string& target, const std::vector<std::pair<std::string, std::string>>& headers) {
    return http(hall_->port(), {target, headers});
  }
  static std::string machine() {
    char name[256] = {};
    gethostname(name, sizeof name - 1);
    return name;
  }

  static inline std::unique_ptr<Hall> hall_;
};

// [O-4]
TEST_F(Access, HostMustBeOneOfOurs) {
  for (const auto& host :
       {with_port("127.0.0.1"), std::string("127.0.0.1"), with_port("localhost"), std::string("LOCALHOST"),
        with_port("[::1]"), std::string("192.168.1.7"), machine(), with_port(machine()), machine() + ".local",
        std::string("panel.example"), with_port("Panel.Example")})
    EXPECT_EQ(get("/healthz", {{"Host", host}}).status, 200) << host;
  for (const auto& [host, status] : std::initializer_list<std::pair<std::string, int>>{{"evil.example", 421},
                                                                                       {"127.0.0.1.evil.example", 421},
                                                                                       {"localhost.evil.example", 421},
                                                                                       {"panel.example.evil", 421},
                                                                                       {"xpanel.example", 421},
                                                                                       {"1.2.3", 421},
                                                                                       {"evil.example:8080", 421},
                                                                                       {"[::1", 421},
                                                                                       {"", 400},
                                                                                       {"a@localhost", 400}}) {
    for (const std::string target : {"/v1/poll?topic=a", "/v1/events?topic=a", "/healthz", "/metrics", "/"})
      EXPECT_EQ(get(target, {{"Host", host}}).status, status) << host;
    WebSocketClient socket(hall_->port(), "/v1/ws?topic=a", {{"Host", host}});
    EXPECT_FALSE(socket.open()) << host;
  }
  EXPECT_EQ(nlohmann::json::parse(get("/healthz", {{"Host", "evil.example"}}).body).at("code"), "bad_host");
}

// [O-1], [O-2], [O-3]
TEST_F(Access, OriginMustBeTheSameOrListed) {
  const auto here = with_port("127.0.0.1");
  for (const auto& [host, origin] :
       std::vector<std::pair<std::string, std::string>>{{here, "http://" + here},
                                                        {with_port("localhost"), "http://" + with_port("localhost")},
                                                        {"panel.example", "http://panel.example"},
                                                        {"panel.example", "https://panel.example"},
                                                        {here, "https://dash.example"},
                                                        {here, "http://dash.example:3000"}}) {
    const auto response = get("/v1/poll?topic=a", {{"Host", host}, {"Origin", origin}});
    EXPECT_EQ(response.status, 200) << origin;
    EXPECT_EQ(response["access-control-allow-origin"], origin);
    EXPECT_TRUE(WebSocketClient(hall_->port(), "/v1/ws", {{"Host", host}, {"Origin", origin}}).open()) << origin;
    EXPECT_EQ(EventReader(hall_->port(), {"/v1/events?topic=a", {{"Host", host}, {"Origin", origin}}}).head().status,
              200);
  }
  for (const auto& origin :
       {std::string("http://evil.example"), std::string("null"), "http://" + with_port("localhost"),
        std::string("http://127.0.0.1"), "https://" + with_port("127.0.0.2"), std::string("http://127.0.0.1:1"),
        std::string("http://dash.example"), std::string("https://dash.example:3000"),
        std::string("https://dash.example.evil"), std::string("https://evil-dash.example"), std::string("file://"),
        std::string("")}) {
    SCOPED_TRACE(origin);
    const std::vector<std::pair<std::string, std::string>> headers{{"Host", here}, {"Origin", origin}};
    for (const std::string target : {"/v1/poll?topic=a", "/v1/events?topic=a", "/healthz", "/v1/poll", "/nothing"}) {
      const auto response = get(target, headers);
      EXPECT_EQ(response.status, 403) << target;
      EXPECT_EQ(nlohmann::json::parse(response.body).at("code"), "forbidden");
      EXPECT_FALSE(response.header("access-control-allow-origin"));
    }
    WebSocketClient socket(hall_->port(), "/v1/ws?topic=a", headers);
    EXPECT_EQ(socket.head().status, 403);
    EXPECT_EQ(http(hall_->port(), {"/v1/poll", headers, "OPTIONS"}).status, 403);
  }
  EXPECT_EQ(get("/v1/poll?topic=a", {}).status, 200) << "no Origin: no browser, or its own page";
}

// [O-5]
TEST_F(Access, PreflightIsAnswered) {
  const auto response = http(hall_->port(), {"/v1/events?topic=a",
                                             {{"Origin", "https://dash.example"},
                                              {"Access-Control-Request-Method", "GET"},
                                              {"Access-Control-Request-Headers", "last-event-id"}},
                                             "OPTIONS"});
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(response["access-control-allow-origin"], "https://dash.example");
  EXPECT_NE(response["access-control-allow-methods"].find("GET"), std::string::npos);
  const auto allowed = response["access-control-allow-headers"];
  for (const std::string name : {"Content-Type", "Authorization", "Last-Event-ID"})
    EXPECT_NE(allowed.find(name), std::string::npos) << allowed;
  for (const std::string target : {"/v1/poll?topic=a", "/v1/readings?topic=a"}) {
    const auto exposed = get(target, {{"Origin", "https://dash.example"}})["access-control-expose-headers"];
    for (const std::string name :
         {"Retry-After", "Fieldcast-Cursor", "Fieldcast-More", "Fieldcast-Gap", "Fieldcast-Head"})
      EXPECT_NE(exposed.find(name), std::string::npos) << exposed;
  }
}

}  // namespace
}  // namespace fieldcast::test

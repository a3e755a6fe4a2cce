// Host and Origin: who may ask, and what CORS is told.
#include <gtest/gtest.h>

#include "adapters/http/access.hpp"

namespace fieldcast::http {
namespace {

const Access kAccess({"Gateway.Example.com"}, {"https://page.example", "http://page.example:3000"}, "hall-3");

std::optional<Code> host(std::optional<std::string_view> value) {
  const auto problem = kAccess.check(value, std::nullopt);
  return problem ? std::optional(problem->code) : std::nullopt;
}

std::optional<Code> origin(std::string_view host, std::string_view value) {
  const auto problem = kAccess.check(host, value);
  return problem ? std::optional(problem->code) : std::nullopt;
}

TEST(HttpAccess, TakesAddressesAndItsOwnNames) {
  for (const char* value :
       {"127.0.0.1", "192.168.1.20:8080", "[::1]", "[fe80::1]:8080", "localhost", "LOCALHOST:80", "localhost.",
        "hall-3", "hall-3.local:8080", "Hall-3", "gateway.example.com", "gateway.example.com:443"})
    EXPECT_EQ(host(value), std::nullopt) << value;
  EXPECT_EQ(host(std::nullopt), std::nullopt);
}

TEST(HttpAccess, KnowsAMachineByItsFullAndItsShortName) {
  const Access access({}, {}, "hall-3.plant.example");
  for (const char* value : {"hall-3.plant.example", "hall-3", "hall-3.local"})
    EXPECT_FALSE(access.check(value, std::nullopt)) << value;
  EXPECT_TRUE(access.check("plant.example", std::nullopt));
}

TEST(HttpAccess, RefusesEveryOtherHost) {
  for (const char* value : {"evil.example",
                            "localhost.evil.example",
                            "127.0.0.1.evil.example",
                            "1.2.3",
                            "0x7f.1",
                            "2130706433",
                            "hall-3.example.com",
                            "",
                            ":80",
                            "[::1",
                            "[::1]x",
                            "::1",
                            "[evil.example]",
                            "localhost:x",
                            "localhost:99999",
                            "localhost:0",
                            "a@localhost",
                            "localhost/",
                            "localhost, evil.example",
                            "127.0.0.1 "})
    EXPECT_EQ(host(value), Code::bad_host) << value;
}

TEST(HttpAccess, TakesTheSameOrigin) {
  EXPECT_EQ(origin("127.0.0.1:8080", "http://127.0.0.1:8080"), std::nullopt);
  EXPECT_EQ(origin("[::1]:8080", "http://[::1]:8080"), std::nullopt);
  EXPECT_EQ(origin("localhost", "http://localhost"), std::nullopt);
  EXPECT_EQ(origin("localhost:80", "http://localhost"), std::nullopt);
  EXPECT_EQ(origin("Hall-3", "https://hall-3:443"), std::nullopt);
}

TEST(HttpAccess, TakesAListedOrigin) {
  EXPECT_EQ(origin("127.0.0.1:8080", "https://page.example"), std::nullopt);
  EXPECT_EQ(origin("127.0.0.1:8080", "https://PAGE.example:443"), std::nullopt);
  EXPECT_EQ(origin("127.0.0.1:8080", "http://page.example:3000"), std::nullopt);
}

TEST(HttpAccess, RefusesEveryOtherOrigin) {
  for (const char* value :
       {"http://evil.example", "http://127.0.0.1", "http://127.0.0.1:8081", "https://127.0.0.1:80800", "null", "",
        "127.0.0.1:8080", "http://page.example", "https://page.example:3000", "https://page.example.evil",
        "http://127.0.0.1:8080/", "http://x@127.0.0.1:8080", "http://127.0.0.1:8080, http://evil.example",
        "ftp://127.0.0.1:8080x", "://127.0.0.1:8080"})
    EXPECT_EQ(origin("127.0.0.1:8080", value), Code::forbidden) << value;
  EXPECT_EQ(origin("localhost", "https://localhost:80"), Code::forbidden);
  EXPECT_EQ(origin("evil.example", "http://evil.example"), Code::bad_host);
  const auto without_host = kAccess.check(std::nullopt, "http://127.0.0.1");
  ASSERT_TRUE(without_host);
  EXPECT_EQ(without_host->code, Code::forbidden);
}

TEST(HttpAccess, TakesNullWhereItIsListed) {
  const Access access({}, {"null"}, "");
  EXPECT_FALSE(access.check("localhost", "null"));
  EXPECT_TRUE(access.check("localhost", "http://evil.example"));
}

TEST(HttpAccess, TellsCorsTheOneOrigin) {
  EXPECT_EQ(cors_lines(std::nullopt), "Vary: Origin\r\n");
  const auto lines = cors_lines("https://page.example");
  EXPECT_NE(lines.find("Vary: Origin\r\n"), std::string::npos);
  EXPECT_NE(lines.find("Access-Control-Allow-Origin: https://page.example\r\n"), std::string::npos);
  EXPECT_NE(lines.find("Retry-After, Fieldcast-Cursor"), std::string::npos);
  EXPECT_NE(preflight_lines("GET").find("Access-Control-Allow-Headers: Content-Type, Authorization, Last-Event-ID\r\n"),
            std::string::npos);
}

}  // namespace
}  // namespace fieldcast::http

// What the tests with hostile bytes share: requests in which one thing is wrong, and the same bytes sent to the gateway
// and to a real nginx. The gateway must be at least as strict: it refuses what nginx refuses; and where it goes on with
// the connection, it has seen as many requests in the same bytes. The test's main thread.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/contract/transports.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/nginx.hpp"
#include "tests/support/raw_answers.hpp"

namespace fieldcast::test {

using namespace std::string_literals;

struct Hostile {
  const char* name;
  std::string bytes;
  const char* answers;  // of the gateway, as RawAnswers::brief() has them
  Behind behind = Behind::canary_and_end;
};

inline const std::string kHost = "Host: 127.0.0.1\r\n";
// A request that must never be answered.
inline const std::string kInner = "GET /canary HTTP/1.1\r\n" + kHost + "\r\n";

/// A sound request, with these fields and this behind its head.
inline std::string sound(const std::string& fields, const std::string& body = "") {
  return "GET /healthz HTTP/1.1\r\n" + kHost + fields + "\r\n" + body;
}

inline Nginx& shared_nginx() {
  static Nginx nginx;
  return nginx;
}

/// The rule.
inline void expect_as_strict(const RawAnswers& ours, const RawAnswers& nginx) {
  EXPECT_TRUE(ours.refused() || !nginx.refused()) << "nginx refuses: " << nginx.text << "\nwe do not: " << ours.text;
  // nginx ends a connection where `close` stands anywhere in Connection, and says so.
  const bool said_close = !nginx.canary && nginx.text.find("Connection: close") != std::string::npos;
  EXPECT_TRUE(!ours.canary || (said_close && !nginx.refused()) || ours.count() == nginx.count())
      << "ours: " << ours.brief() << ", nginx: " << nginx.brief();
}

inline void hold_against_nginx(const std::vector<Hostile>& cases) {
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name + (": " + escaped(c.bytes.substr(0, 500))));
    const auto ours = answers_to(port(), c.bytes, c.behind);
    EXPECT_EQ(ours.brief(), c.answers) << ours.text;
    expect_as_strict(ours, answers_to(shared_nginx().port(), c.bytes, c.behind));
  }
  EXPECT_EQ(http_get(port(), "/healthz").status, 200);
}

}  // namespace fieldcast::test

#include <gtest/gtest.h>

#include <vector>

#include "adapters/mqtt/backoff.hpp"

namespace fieldcast::mqtt {
namespace {

using namespace std::chrono_literals;

TEST(MqttBackoff, CeilingDoublesUpToTheLongest) {
  Backoff backoff([] { return 0.5; });
  std::vector<std::chrono::milliseconds> delays;
  for (int i = 0; i < 9; ++i) delays.push_back(backoff.next());
  EXPECT_EQ(delays, (std::vector<std::chrono::milliseconds>{250ms, 500ms, 1000ms, 2000ms, 4000ms, 8000ms, 15'000ms,
                                                            15'000ms, 15'000ms}));
}

TEST(MqttBackoff, SpreadsOverTheWholeRange) {
  double random = 0.0;
  Backoff backoff([&random] { return random; });
  EXPECT_EQ(backoff.next(), 0ms);
  random = 0.999;
  EXPECT_EQ(backoff.next(), 999ms);
}

TEST(MqttBackoff, ResetBeginsAnew) {
  Backoff backoff([] { return 0.5; });
  for (int i = 0; i < 20; ++i) backoff.next();
  backoff.reset();
  EXPECT_EQ(backoff.next(), 250ms);
  EXPECT_EQ(backoff.next(), 500ms);
}

}  // namespace
}  // namespace fieldcast::mqtt

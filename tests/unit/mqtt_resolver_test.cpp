#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <stdexcept>
#include <stop_token>

#include "adapters/mqtt/resolver.hpp"

namespace fieldcast::mqtt {
namespace {

using namespace std::chrono_literals;

// Passes only in a test that fails.
constexpr auto kPatience = 30s;

TEST(MqttResolver, TakesAddressesAsTheyAre) {
  for (const char* address : {"127.0.0.1", "::1", "2001:db8::2"}) {
    Resolver resolver(address, [](const std::string&) -> Resolution { throw std::logic_error("looked up"); });
    const Resolution found = resolver.resolve(kPatience, {});
    EXPECT_EQ(found.addresses, std::vector<std::string>{address});
    EXPECT_EQ(found.error, "");
  }
}

TEST(MqttResolver, LooksUpNames) {
  Resolver resolver("broker", [](const std::string& host) -> Resolution { return {{host + "-1", host + "-2"}, {}}; });
  EXPECT_EQ(resolver.resolve(kPatience, {}).addresses, (std::vector<std::string>{"broker-1", "broker-2"}));
}

TEST(MqttResolver, HandsOnWhyThereIsNone) {
  Resolver refused("broker", [](const std::string&) -> Resolution { return {{}, "no such name"}; });
  EXPECT_EQ(refused.resolve(kPatience, {}).error, "no such name");
  Resolver thrown("broker", [](const std::string&) -> Resolution { throw std::runtime_error("out of luck"); });
  EXPECT_EQ(thrown.resolve(kPatience, {}).error, "out of luck");
}

// A look-up that hangs until it is let go; shared with the resolver's thread, which may outlive the test's frame.
struct Hanging {
  std::promise<void> go;
  std::shared_future<void> gone{go.get_future()};
  std::atomic<int> calls{0};
};

TEST(MqttResolver, OneThatHangsIsWaitedForAgainInsteadOfStartingAnother) {
  const auto hanging = std::make_shared<Hanging>();
  Resolver resolver("broker", [hanging](const std::string&) -> Resolution {
    ++hanging->calls;
    hanging->gone.wait();
    return {{"192.0.2.1"}, {}};
  });
  for (int i = 0; i < 3; ++i) {
    const Resolution late = resolver.resolve(1ms, {});
    EXPECT_TRUE(late.addresses.empty());
    EXPECT_EQ(late.error, "the name server does not answer");
  }
  hanging->go.set_value();
  EXPECT_EQ(resolver.resolve(kPatience, {}).addresses, std::vector<std::string>{"192.0.2.1"});
  EXPECT_EQ(hanging->calls, 1);
  EXPECT_EQ(resolver.resolve(kPatience, {}).addresses, std::vector<std::string>{"192.0.2.1"});
  EXPECT_EQ(hanging->calls, 2);
}

TEST(MqttResolver, AStopRequestEndsTheWaitAndTheLookUpIsLeftBehind) {
  const auto hanging = std::make_shared<Hanging>();
  std::stop_source stop;
  {
    std::promise<void> called;
    Resolver resolver("broker", [hanging, &called](const std::string&) -> Resolution {
      called.set_value();
      hanging->gone.wait();
      return {};
    });
    auto resolved = std::async(std::launch::async, [&] { return resolver.resolve(kPatience, stop.get_token()); });
    called.get_future().wait();
    stop.request_stop();
    ASSERT_EQ(resolved.wait_for(kPatience / 2), std::future_status::ready);
    EXPECT_EQ(resolved.get().error, "stopping");
  }
  hanging->go.set_value();
}

TEST(MqttLookUp, FindsThisMachine) {
  const Resolution found = look_up("localhost");
  ASSERT_FALSE(found.addresses.empty()) << found.error;
  EXPECT_TRUE(std::ranges::all_of(found.addresses, [](const auto& a) { return is_address(a) && on_this_machine(a); }));
}

TEST(MqttLookUp, SaysWhyANameHasNone) {
  const Resolution found = look_up("no-such-host.invalid");  // RFC 6761: never exists
  EXPECT_TRUE(found.addresses.empty());
  EXPECT_FALSE(found.error.empty());
}

TEST(MqttLookUp, KnowsWhatIsNotThisMachine) {
  EXPECT_TRUE(on_this_machine("127.0.0.1"));
  EXPECT_TRUE(on_this_machine("127.1.2.3"));
  EXPECT_TRUE(on_this_machine("::1"));
  EXPECT_FALSE(on_this_machine("192.0.2.1"));  // RFC 5737 and 3849: documentation only
  EXPECT_FALSE(on_this_machine("2001:db8::1"));
}

TEST(MqttLookUp, TellsAddressesFromNames) {
  EXPECT_TRUE(is_address("10.0.0.1"));
  EXPECT_TRUE(is_address("fe80::1"));
  EXPECT_FALSE(is_address("10.0.0"));
  EXPECT_FALSE(is_address("broker"));
  EXPECT_FALSE(is_address(""));
}

}  // namespace
}  // namespace fieldcast::mqtt

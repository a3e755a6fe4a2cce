// A second broker that does not answer holds up neither the readings of the first nor a stop: its name server is
// silent, its machine is, or the broker itself.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/full_backlog.hpp"
#include "tests/support/hall.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/scripted_broker.hpp"
#include "tests/support/temp_dir.hpp"

namespace fieldcast::test {
namespace {

using namespace std::chrono_literals;

// Far below what an attempt to connect takes, which is 5 s at least, and far above what a reading takes.
constexpr auto kNotHeldUp = 2s;
constexpr auto kGone = 5s;
constexpr const char* kFailures = R"(fieldcast_broker_failures_total{broker="second"})";

enum class Silent { name_server, machine, broker };

class SecondBroker : public ::testing::TestWithParam<Silent> {
 protected:
  Gateway::Options options() {
    Gateway::Options options;
    options.more_brokers = {{"second", url()}};
    if (GetParam() == Silent::name_server) options.environment = {"HOSTALIASES=" + names_};
    return options;
  }

 private:
  std::string url() const {
    switch (GetParam()) {
      case Silent::name_server:
        return "mqtt://second-broker";
      case Silent::machine:
        return mqtt_url(backlog_.port());
      case Silent::broker:
        return mqtt_url(broker_.port());
    }
    return "";
  }

  // For a name without a dot the machine's resolver first opens the file that HOSTALIASES names (hostname(7)). Of a
  // FIFO that nobody writes to it never comes back, which takes no rights and no network.
  static std::string make_fifo(const TempDir& directory) {
    auto name = (directory.path() / "names").string();
    if (mkfifo(name.c_str(), 0600) != 0) throw std::system_error(errno, std::generic_category(), "mkfifo");
    return name;
  }

  const TempDir directory_;
  const std::string names_ = make_fifo(directory_);
  const FullBacklog backlog_;
  const ScriptedBroker broker_;  // it takes connections, and never says a word
};

TEST_P(SecondBroker, ThatIsSilentHoldsUpNoReading) {
  Hall hall(options());
  const auto stream = hall.open(Transport::websocket, {{"a"}, "", ""});
  stream->batch();
  auto longest = 0ns;
  const Deadline deadline;
  int readings = 0;
  for (; hall.metric(kFailures) == 0; ++readings) {  // a whole attempt
    ASSERT_GT(deadline.left_ms(), 0);
    const auto begin = std::chrono::steady_clock::now();
    hall.publisher().send({"a", std::to_string(readings)});
    EXPECT_EQ(stream->readings(1)[0].payload, readings);
    longest = std::max<std::chrono::nanoseconds>(longest, std::chrono::steady_clock::now() - begin);
  }
  std::cout << readings << " readings; the longest took " << longest / 1us << " us from publisher to client\n";
  EXPECT_GT(readings, 0);
  EXPECT_LT(longest, kNotHeldUp);

  const auto ready = http_get(hall.port(), "/readyz");
  EXPECT_EQ(ready.status, 200) << "streams are served";
  const auto degraded = nlohmann::json::parse(ready.body).at("degraded");
  ASSERT_EQ(degraded.size(), 1u) << degraded;
  EXPECT_EQ(degraded[0].at("what"), "broker");
  EXPECT_EQ(degraded[0].at("name"), "second");
  const std::string detail = degraded[0].at("detail");
  EXPECT_NE(detail, "");
  if (GetParam() == Silent::name_server) {
    EXPECT_NE(detail.find("name server does not answer"), std::string::npos) << detail;
  }

  hall.gateway().terminate();
  EXPECT_EQ(hall.gateway().process().wait_for_exit(Deadline(kGone)), 0) << hall.gateway().process().output();
}

TEST_P(SecondBroker, ThatIsSilentHoldsUpNoStop) {
  Hall hall(options());
  hall.publish("a", "1");
  ASSERT_EQ(hall.metric(kFailures), 0) << "its first attempt is under way";
  hall.gateway().terminate();
  EXPECT_EQ(hall.gateway().process().wait_for_exit(Deadline(kGone)), 0) << hall.gateway().process().output();
}

INSTANTIATE_TEST_SUITE_P(SecondBrokers, SecondBroker,
                         ::testing::Values(Silent::name_server, Silent::machine, Silent::broker),
                         [](const auto& instance) {
                           return instance.param == Silent::name_server ? "NameServer"
                                  : instance.param == Silent::machine   ? "Machine"
                                                                        : "Broker";
                         });

}  // namespace
}  // namespace fieldcast::test

#include "app/readiness.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace fieldcast {
namespace {

using nlohmann::json;

const std::string kDatabase = "/var/lib/\"fieldcast\".db";

class Readyz : public testing::Test {
 protected:
  Readyz() {
    health_.brokers.push_back(healthy("local", 11));
    health_.storage = {true, 22, ""};
    health_.database = kDatabase;
    health_.now = 1'000;
  }

  static mqtt::State healthy(std::string name, std::int64_t since) {
    mqtt::State state;
    state.name = std::move(name);
    state.up = true;
    state.since = since;
    return state;
  }
  mqtt::State& broker() { return health_.brokers.front(); }

  /// What is degraded, where the status is as expected.
  json degraded(int status = 200, int strict_status = 503) const {
    const auto found = find_degraded(health_);
    const auto answer = judge(found, stopping_, false);
    EXPECT_EQ(answer.status, status) << answer.body;
    const auto strict = judge(found, stopping_, true);
    EXPECT_EQ(strict.status, strict_status) << strict.body;
    EXPECT_EQ(strict.body, answer.body);
    const auto body = json::parse(answer.body);
    EXPECT_EQ(body.at("status"), stopping_ ? "stopping" : "ready");
    return body.at("degraded");
  }

  Health health_;
  bool stopping_ = false;
};

TEST_F(Readyz, NamesNothingWhereAllIsWell) {
  EXPECT_EQ(degraded(200, 200), json::array());
}

TEST_F(Readyz, NamesABrokerThatIsAway) {
  broker().up = false;
  EXPECT_EQ(degraded(), json::parse(R"([{"what":"broker","name":"local","since":11,"detail":"not connected"}])"));
  broker().last_error = "refused";
  EXPECT_EQ(degraded().at(0).at("detail"), "not connected: refused");
}

TEST_F(Readyz, NamesFiltersThatTheBrokerRefused) {
  broker().refused = {"a/#", "b"};
  const auto found = degraded();
  ASSERT_EQ(found.size(), 2u) << found;
  EXPECT_EQ(found[1].at("what"), "broker");
  EXPECT_EQ(found[1].at("detail"), "the broker refused the subscription to b");
}

TEST_F(Readyz, NamesEachBrokerThatIsAway) {
  for (const char* name : {"oven", "press", "saw"}) health_.brokers.push_back(healthy(name, 12));
  EXPECT_EQ(degraded(200, 200), json::array());
  health_.brokers[1].up = health_.brokers[3].up = false;
  health_.brokers[2].refused = {"a"};
  health_.brokers[3].since = 13;
  EXPECT_EQ(degraded(), json::parse(R"([
    {"what":"broker","name":"oven","since":12,"detail":"not connected"},
    {"what":"broker","name":"press","since":12,"detail":"the broker refused the subscription to a"},
    {"what":"broker","name":"saw","since":13,"detail":"not connected"}])"));
}

TEST_F(Readyz, NamesADatabaseThatIsAway) {
  health_.storage = {false, 33, "disk I/O error"};
  EXPECT_EQ(degraded(),
            json::array({{{"what", "storage"}, {"name", kDatabase}, {"since", 33}, {"detail", "disk I/O error"}}}));
  broker().up = false;
  EXPECT_EQ(degraded().size(), 2u);
}

TEST_F(Readyz, NamesACertificateThatHasExpiredOrCannotBeRenewed) {
  health_.certificate = CertificateState{"/etc/cert.pem", 1'001, "", 0};
  EXPECT_EQ(degraded(200, 200), json::array());
  health_.now = 1'001;
  EXPECT_EQ(degraded(), json::parse(R"([{"what":"certificate","name":"/etc/cert.pem","since":1001,
                                         "detail":"has expired: clients refuse it"}])"));
  health_.now = 1'000;
  health_.certificate->fault = "no key";
  health_.certificate->fault_since = 44;
  EXPECT_EQ(degraded(), json::parse(R"([{"what":"certificate","name":"/etc/cert.pem","since":44,
                                         "detail":"no key; the former certificate stays in use"}])"));
}

TEST_F(Readyz, NamesThatClientsAreTurnedAway) {
  health_.clients_refused = 55;
  EXPECT_EQ(degraded(), json::parse(R"([{"what":"connections","name":"limits.connections","since":55,
                                         "detail":"clients are turned away, since so many are connected"}])"));
}

TEST_F(Readyz, SaysTheSameOnOneLine) {
  const auto summary = [&] { return judge(find_degraded(health_), stopping_, false).summary; };
  EXPECT_EQ(summary(), "serving");
  broker().up = false;
  health_.storage = {false, 33, "disk I/O error"};
  EXPECT_EQ(summary(), "serving, degraded: broker local: not connected; storage " + kDatabase + ": disk I/O error");
  stopping_ = true;
  EXPECT_EQ(summary(), "stopping");
}

TEST_F(Readyz, IsNotReadyWhileStopping) {
  stopping_ = true;
  EXPECT_EQ(degraded(503, 503), json::array());
}

}  // namespace
}  // namespace fieldcast

#include "app/readiness.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace fieldcast {
namespace {

using nlohmann::json;

const std::string kDatabase = "/var/lib/\"fieldcast\".db";

class Readyz : public testing::Test {
 protected:
  Readyz() {
    broker_.name = "local";
    broker_.up = true;
    broker_.since = 11;
    storage_ = {true, 22, ""};
  }

  /// What is degraded, where the status is as expected.
  json degraded(int status = 200, int strict_status = 503) const {
    const auto answer = judge(broker_, storage_, kDatabase, stopping_, false);
    EXPECT_EQ(answer.status, status) << answer.body;
    const auto strict = judge(broker_, storage_, kDatabase, stopping_, true);
    EXPECT_EQ(strict.status, strict_status) << strict.body;
    EXPECT_EQ(strict.body, answer.body);
    const auto body = json::parse(answer.body);
    EXPECT_EQ(body.at("status"), stopping_ ? "stopping" : "ready");
    return body.at("degraded");
  }

  mqtt::State broker_;
  StorageState storage_;
  bool stopping_ = false;
};

TEST_F(Readyz, NamesNothingWhereAllIsWell) {
  EXPECT_EQ(degraded(200, 200), json::array());
}

TEST_F(Readyz, NamesABrokerThatIsAway) {
  broker_.up = false;
  EXPECT_EQ(degraded(), json::parse(R"([{"what":"broker","name":"local","since":11,"detail":"not connected"}])"));
  broker_.last_error = "refused";
  EXPECT_EQ(degraded().at(0).at("detail"), "not connected: refused");
}

TEST_F(Readyz, NamesFiltersThatTheBrokerRefused) {
  broker_.refused = {"a/#", "b"};
  const auto found = degraded();
  ASSERT_EQ(found.size(), 2u) << found;
  EXPECT_EQ(found[1].at("what"), "broker");
  EXPECT_EQ(found[1].at("detail"), "the broker refused the subscription to b");
}

TEST_F(Readyz, NamesADatabaseThatIsAway) {
  storage_ = {false, 33, "disk I/O error"};
  EXPECT_EQ(degraded(),
            json::array({{{"what", "storage"}, {"name", kDatabase}, {"since", 33}, {"detail", "disk I/O error"}}}));
  broker_.up = false;
  EXPECT_EQ(degraded().size(), 2u);
}

TEST_F(Readyz, IsNotReadyWhileStopping) {
  stopping_ = true;
  EXPECT_EQ(degraded(503, 503), json::array());
}

}  // namespace
}  // namespace fieldcast

// Commands to a real Mosquitto over TLS: whom they go to, and whom not.
#include <gtest/gtest.h>
#include <signal.h>

#include <memory>
#include <string>

#include "adapters/mqtt/commands.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/mosquitto.hpp"
#include "tests/unit/log_lines.hpp"
#include "tests/unit/mqtt_asker.hpp"

namespace fieldcast::mqtt {
namespace {

class MqttCommandsTls : public testing::Test {
 protected:
  static void SetUpTestSuite() { signal(SIGPIPE, SIG_IGN); }  // as the program does

  MqttCommandsTls() {
    settings_.host = "localhost";
    settings_.client_id = "gateway-under-test";
    settings_.tls = Settings::Tls{certificates_.authority(), "", ""};
  }

  void start(const test::CertificateFiles& broker, const std::string& lines = "") {
    mosquitto_ = std::make_unique<test::Mosquitto>(test::Mosquitto::Options{
        .acl = {}, .tls_lines = "certfile " + broker.certificate + "\nkeyfile " + broker.key + "\n" + lines});
    settings_.port = mosquitto_->tls_port();
    commands_ = std::make_unique<Commands>(settings_, clock_);
    commands_->start();
  }

  std::optional<Problem> publish(std::string payload = "1") {
    const auto publication = command("a/b", std::move(payload));
    commands_->publish(publication, asker_);
    return asker_.wait_for(*publication);
  }

  const test::Certificates certificates_;
  std::unique_ptr<test::Mosquitto> mosquitto_;
  Settings settings_;
  SystemClock clock_;
  test::LogLines lines_;
  Asker asker_;
  std::unique_ptr<Commands> commands_;
};

TEST_F(MqttCommandsTls, GoToABrokerWithTheRightName) {
  start(certificates_.issue("broker", "DNS:localhost"));
  expect_published(publish());
  expect_published(publish(std::string(3u << 20, 'x')));
}

TEST_F(MqttCommandsTls, GoToABrokerWithTheRightAddress) {
  settings_.host = "127.0.0.1";
  start(certificates_.issue("broker", "IP:127.0.0.1"));
  expect_published(publish());
}

TEST_F(MqttCommandsTls, ShowOurCertificate) {
  const auto ours = certificates_.issue("gateway", "DNS:gateway");
  settings_.tls->certificate = ours.certificate;
  settings_.tls->key = ours.key;
  start(certificates_.issue("broker", "DNS:localhost"),
        "cafile " + certificates_.authority() + "\nrequire_certificate true\n");
  expect_published(publish());
}

TEST_F(MqttCommandsTls, DoNotGoToOneWithAnotherName) {
  start(certificates_.issue("broker", "DNS:other.example,IP:127.0.0.1"));
  expect_problem(publish(), Code::no_broker, "TLS");
}

TEST_F(MqttCommandsTls, DoNotGoToOneOfAnotherAuthority) {
  const test::Certificates other;
  start(other.issue("broker", "DNS:localhost"));
  expect_problem(publish(), Code::no_broker, "TLS");
}

TEST_F(MqttCommandsTls, AreHeldToTheSystemsAuthoritiesUnlessOthersAreGiven) {
  settings_.tls->ca = "";
  start(certificates_.issue("broker", "DNS:localhost"));
  expect_problem(publish(), Code::no_broker, "TLS");
}

}  // namespace
}  // namespace fieldcast::mqtt

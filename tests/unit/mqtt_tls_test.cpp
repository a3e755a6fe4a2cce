// The MQTT adapter against a real Mosquitto over TLS: whom it lets in, and what it says of the others.
#include <gtest/gtest.h>
#include <signal.h>

#include <memory>
#include <optional>
#include <string>

#include "adapters/mqtt/broker.hpp"
#include "adapters/mqtt/tls_check.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/mosquitto.hpp"
#include "tests/support/publisher.hpp"
#include "tests/unit/log_lines.hpp"
#include "tests/unit/recording_log.hpp"

namespace fieldcast::mqtt {
namespace {

using test::CertificateFiles;

std::string listener_lines(const CertificateFiles& files) {
  return "certfile " + files.certificate + "\nkeyfile " + files.key + "\n";
}

class MqttTls : public testing::Test {
 protected:
  static void SetUpTestSuite() { signal(SIGPIPE, SIG_IGN); }  // as the program does

  MqttTls() {
    settings_.host = "localhost";
    settings_.client_id = "gateway-under-test";
    settings_.probe = false;
    settings_.tls = Settings::Tls{certificates_.authority(), "", ""};
  }

  CertificateFiles for_localhost() { return certificates_.issue("broker", "DNS:localhost"); }

  void start(const std::string& lines) {
    mosquitto_ = std::make_unique<test::Mosquitto>(test::Mosquitto::Options{.acl = {}, .tls_lines = lines});
    settings_.port = mosquitto_->tls_port();
    begin();
  }
  void begin() {
    broker_ = std::make_unique<Broker>(settings_, "hall-3", limits_, log_, clock_, [](std::string_view payload) {
      return Classified{Kind::text, payload};
    });
    broker_->start();
  }

  /// A reading comes over the connection.
  void expect_up() {
    lines_.wait_for("subscribed to");
    test::Publisher(mosquitto_->port(), "sensor").publish({"factory/a", "1"});
    EXPECT_EQ(log_.wait_for(2).at(1).topic, "factory/a");
    EXPECT_EQ(lines_.count("no connection"), 0u);
  }
  /// It is refused for this reason.
  void expect_refused(const std::string& reason) {
    lines_.wait_for("no connection: ");
    EXPECT_EQ(lines_.count(reason), 1u) << broker_->state().last_error;
    EXPECT_NE(broker_->state().last_error.find(reason), std::string::npos) << broker_->state().last_error;
    EXPECT_TRUE(log_.entries().empty());
    EXPECT_EQ(broker_->state().connects, 0u);
  }

  const test::Certificates certificates_;
  std::unique_ptr<test::Mosquitto> mosquitto_;
  Settings settings_;
  Limits limits_;
  SystemClock clock_;
  test::RecordingLog log_;
  test::LogLines lines_;
  std::unique_ptr<Broker> broker_;
};

TEST_F(MqttTls, ABrokerWithTheRightNameIsLetIn) {
  start(listener_lines(for_localhost()));
  expect_up();
}

TEST_F(MqttTls, ABrokerWithTheRightAddressIsLetIn) {
  settings_.host = "127.0.0.1";
  start(listener_lines(certificates_.issue("broker", "DNS:broker.example,IP:127.0.0.1")));
  expect_up();
}

TEST_F(MqttTls, ABrokerIsLetInAgainAfterItsRestart) {
  start(listener_lines(for_localhost()));
  expect_up();
  mosquitto_->stop();
  log_.wait_for(3);
  mosquitto_->start();
  EXPECT_EQ(log_.wait_for(4).at(3).state, LinkState::up);
  lines_.wait_for("subscribed to", 2);
}

TEST_F(MqttTls, AnotherNameIsRefused) {
  start(listener_lines(certificates_.issue("broker", "DNS:other.example,DNS:*.localhost,IP:127.0.0.1")));
  expect_refused("the broker's certificate is not for localhost");
}

TEST_F(MqttTls, AnotherAddressIsRefused) {
  settings_.host = "127.0.0.1";
  start(listener_lines(certificates_.issue("broker", "DNS:localhost,IP:127.0.0.2")));
  expect_refused("the broker's certificate is not for 127.0.0.1");
}

TEST_F(MqttTls, AnUnknownAuthorityIsRefused) {
  const test::Certificates other;
  start(listener_lines(other.issue("broker", "DNS:localhost")));
  expect_refused("from no authority that is trusted here");
}

TEST_F(MqttTls, TheSystemsAuthoritiesCountUnlessOthersAreGiven) {
  settings_.tls->ca = "";
  start(listener_lines(for_localhost()));
  expect_refused("from no authority that is trusted here");
}

TEST_F(MqttTls, AnExpiredCertificateIsRefused) {
  start(listener_lines(certificates_.issue("broker", "DNS:localhost", -1)));
  expect_refused("has expired");
}

TEST_F(MqttTls, ABrokerMayAskForOurCertificate) {
  const auto ours = certificates_.issue("gateway", "DNS:gateway");
  settings_.tls->certificate = ours.certificate;
  settings_.tls->key = ours.key;
  start(listener_lines(for_localhost()) + "cafile " + certificates_.authority() + "\nrequire_certificate true\n");
  expect_up();
}

TEST_F(MqttTls, ABrokerThatAsksForOurCertificateInVainSaysSo) {
  start(listener_lines(for_localhost()) + "cafile " + certificates_.authority() + "\nrequire_certificate true\n");
  expect_refused("does it want a certificate of ours, mqtt.tls.certificate?");
}

TEST_F(MqttTls, ABrokerWithoutTlsIsSaidToHaveNone) {
  mosquitto_ = std::make_unique<test::Mosquitto>();
  settings_.port = mosquitto_->port();
  begin();
  expect_refused("does it speak TLS on this port?");
}

TEST_F(MqttTls, WhatIsNoFaultOfTlsIsSaidAsWithoutIt) {
  settings_.port = test::free_port();
  begin();
  expect_refused("no connection, or no answer of an MQTT 5 broker");
}

TEST_F(MqttTls, AFileOfAuthoritiesIsChecked) {
  EXPECT_EQ(authorities_fault(certificates_.authority()), std::nullopt);
  EXPECT_NE(authorities_fault(certificates_.file("missing")).value_or("").find("No such file"), std::string::npos);
  EXPECT_NE(authorities_fault(certificates_.file("authority.key")).value_or("").find("no certificate"),
            std::string::npos);
}

}  // namespace
}  // namespace fieldcast::mqtt

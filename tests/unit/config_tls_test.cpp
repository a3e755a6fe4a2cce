// The keys for TLS, and the files that they name.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <string>

#include "app/config.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/temp_dir.hpp"

namespace fieldcast {
namespace {

class TlsKeys : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    certificates_.emplace();
    one_ = certificates_->issue("one", "DNS:localhost");
    other_ = certificates_->issue("other", "DNS:localhost");
    old_ = certificates_->issue("old", "DNS:localhost", -1);
    for (const auto& files : {one_, other_, old_}) chmod(files.key.c_str(), 0600);
  }
  static void TearDownTestSuite() { certificates_.reset(); }

  /// In the certificates' directory.
  static LoadedConfig load(const std::string& text) {
    return parse_config(text, std::filesystem::path(one_.key).parent_path());
  }
  static Config sound(const std::string& text) {
    const auto loaded = load(text);
    for (const auto& problem : loaded.problems) ADD_FAILURE() << to_string(problem, "f");
    return loaded.config;
  }
  static void expect_only(const std::string& text, const std::string& begin, const std::string& part) {
    const auto loaded = load(text);
    ASSERT_EQ(loaded.problems.size(), 1u) << text;
    const auto line = to_string(loaded.problems[0], "f");
    EXPECT_TRUE(line.starts_with("f:" + begin)) << line;
    EXPECT_NE(line.find(part), std::string::npos) << line;
  }
  static std::string server(const std::string& certificate, const std::string& key) {
    return "[server]\ntls.certificate = \"" + certificate + "\"\ntls.key = \"" + key + "\"\n";
  }

  static inline std::optional<test::Certificates> certificates_;
  static inline test::CertificateFiles one_, other_, old_;
};

TEST_F(TlsKeys, AreWrittenWithDotsOrAsATable) {
  EXPECT_FALSE(sound("").server.tls.given());
  const auto dotted = sound(server("one.crt", "one.key"));
  EXPECT_EQ(dotted.server.tls.certificate, one_.certificate);
  EXPECT_EQ(dotted.server.tls.key, one_.key);
  EXPECT_EQ(sound("[server.tls]\ncertificate = \"one.crt\"\nkey = \"one.key\"").server.tls.key, one_.key);
  const auto broker = sound(
      "[[mqtt]]\nurl = \"mqtts://broker\"\n[mqtt.tls]\nca = \"authority.crt\"\ncertificate = \"one.crt\"\n"
      "key = \"" +
      one_.key + "\"\n[[mqtt]]\nname = \"b\"\nurl = \"mqtts://b\"");
  EXPECT_EQ(broker.mqtt.at(0).url, (BrokerUrl{"broker", 8883, true}));
  EXPECT_EQ(broker.mqtt.at(0).tls_ca, certificates_->authority());
  EXPECT_EQ(broker.mqtt.at(0).tls.certificate, one_.certificate);
  EXPECT_EQ(broker.mqtt.at(0).tls.key, one_.key);
  EXPECT_EQ(broker.mqtt.at(1).tls_ca, "");
  EXPECT_FALSE(broker.mqtt.at(1).tls.given());
}

TEST_F(TlsKeys, AnUnknownOneIsNamedWithTheNearest) {
  expect_only("[server.tls]\ncertifcate = \"one.crt\"",
              "2:1: ", "server.tls.certifcate: did you mean server.tls.certificate?");
  expect_only("[server]\ntls.certificate.x = 1", "2:5: ", "server.tls.certificate is a table, not file name");
  expect_only("[server]\ntls = \"one.crt\"", "2:1: ", "server.tls is text: write [server.tls] on a line of its own");
  expect_only("[server]\ntls.key = 7", "2:11: ", "server.tls.key is a number, not file name");
}

TEST_F(TlsKeys, CertificateAndKeyComeTogether) {
  expect_only("[server]\ntls.certificate = \"one.crt\"", "2:19: ", "without tls.key");
  expect_only("[server]\ntls.key = \"one.key\"", "2:11: ", "without tls.certificate");
  expect_only("[[mqtt]]\nurl = \"mqtts://b\"\ntls.key = \"one.key\"", "3:11: ", "mqtt.tls.key is given without");
}

TEST_F(TlsKeys, TheFilesMustFit) {
  expect_only(server("missing.crt", "one.key"), "2:19: ", "missing.crt\" cannot be read (No such file");
  expect_only(server("one.crt", "missing.key"), "3:11: ", "missing.key\" cannot be read (No such file");
  expect_only(server("one.crt", "other.key"), "3:11: ", "not the key of the certificate");
  expect_only("[[mqtt]]\nurl = \"mqtts://b\"\ntls.ca = \"one.key\"", "3:10: ", "one.key\" holds no certificate");
}

TEST_F(TlsKeys, AnExpiredCertificateIsAWarning) {
  expect_only(server("old.crt", "old.key"), "2:19: warning: ", "has expired");
}

TEST_F(TlsKeys, AKeyForEverybodyIsAnError) {
  chmod(other_.key.c_str(), 0644);
  expect_only(server("other.crt", "other.key"), "3:11: server.tls.key: ", "can be read by every user");
  EXPECT_TRUE(load(server("other.crt", "other.key")).failed());
  EXPECT_EQ(load(server("one.crt", "other.key")).problems.size(), 2u) << "nor is it that certificate's";
  chmod(other_.key.c_str(), 0640);
  EXPECT_TRUE(load(server("other.crt", "other.key")).problems.empty()) << "a group may read it, such as ssl-cert";
  chmod(other_.key.c_str(), 0600);
}

TEST_F(TlsKeys, BothFilesAreJudgedAtOnce) {
  const auto all = load(server("missing.crt", ".")).problems;
  ASSERT_EQ(all.size(), 2u);
  EXPECT_NE(all[0].text.find("No such file"), std::string::npos) << all[0].text;
  EXPECT_NE(all[1].text.find("is no regular file"), std::string::npos) << all[1].text;
}

TEST_F(TlsKeys, AreNotReadForATool) {
  const auto loaded =
      parse_config(server("one.crt", "missing.key"), std::filesystem::path(one_.key).parent_path(), ConfigFiles::leave);
  EXPECT_TRUE(loaded.problems.empty());
  EXPECT_EQ(loaded.config.server.tls.certificate, one_.certificate);
}

TEST_F(TlsKeys, OfABrokerNeedMqtts) {
  for (const std::string key : {"tls.ca", "tls.certificate", "tls.key"})
    expect_only("[[mqtt]]\nurl = \"mqtt://b\"\n" + key + " = \"one.crt\"", "3:" + std::to_string(key.size() + 4) + ": ",
                "mqtt." + key + " is given, but mqtt.url is \"mqtt://b:1883\"");
}

TEST_F(TlsKeys, NamesAreLookedForAmongSystemdsCredentialsFirst) {
  const test::TempDir credentials;
  std::filesystem::copy(one_.certificate, credentials.path() / "other.crt");
  std::filesystem::copy(one_.key, credentials.path() / "other.key");
  setenv("CREDENTIALS_DIRECTORY", credentials.path().c_str(), 1);
  const auto config = load(server("other.crt", "other.key"));
  unsetenv("CREDENTIALS_DIRECTORY");
  EXPECT_TRUE(config.problems.empty());
  EXPECT_EQ(config.config.server.tls.key, credentials.path() / "other.key");
}

}  // namespace
}  // namespace fieldcast

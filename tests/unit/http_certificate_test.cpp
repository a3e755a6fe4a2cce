// The gateway's certificate: what is wrong with its files, and what becomes of it when they change.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "adapters/http/certificate.hpp"
#include "tests/support/certificates.hpp"

namespace fieldcast::http {
namespace {

using test::CertificateFiles;

class CertificateTest : public testing::Test {
 protected:
  /// "certificate: …" or "key: …"; empty where there is no fault.
  static std::string fault(const std::string& certificate, const std::string& key) {
    try {
      const Certificate read(certificate, key);
      return "";
    } catch (const CertificateFault& caught) {
      return (caught.in_key ? "key: " : "certificate: ") + std::string(caught.what());
    }
  }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(certificates_.file(name)) << text;
    return certificates_.file(name);
  }
  /// Takes the place of another one at once, as renewals do.
  static void replace(const CertificateFiles& by, const CertificateFiles& replaced) {
    std::filesystem::rename(by.certificate, replaced.certificate);
    std::filesystem::rename(by.key, replaced.key);
  }

  const test::Certificates certificates_;
  const CertificateFiles files_ = certificates_.issue("one", "DNS:localhost");
};

void expect_fault(const std::string& found, const std::string& begin, const std::string& part) {
  EXPECT_TRUE(found.starts_with(begin)) << found;
  EXPECT_NE(found.find(part), std::string::npos) << found;
}

TEST_F(CertificateTest, IsReadWithoutAFault) {
  EXPECT_EQ(fault(files_.certificate, files_.key), "");
  EXPECT_FALSE(Certificate(files_.certificate, files_.key).expired());
}

TEST_F(CertificateTest, TellsWhenItExpires) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto in_two_days = std::chrono::floor<std::chrono::seconds>(now + std::chrono::days(2)).count();
  const auto expires = Certificate(files_.certificate, files_.key).expires();
  EXPECT_LE(expires, in_two_days);
  EXPECT_GT(expires, in_two_days - 3600);  // no run of the tests takes an hour
}

TEST_F(CertificateTest, MayHaveExpired) {
  const auto old = certificates_.issue("old", "DNS:localhost", -1);
  EXPECT_TRUE(Certificate(old.certificate, old.key).expired());
}

TEST_F(CertificateTest, SaysWhichFileIsFaultyAndWhy) {
  const auto missing = certificates_.file("missing");
  expect_fault(fault(missing, files_.key), "certificate: \"" + missing, "No such file");
  expect_fault(fault(files_.certificate, missing), "key: \"" + missing, "No such file");
  const auto directory = std::filesystem::path(missing).parent_path().string();
  expect_fault(fault(directory, files_.key), "certificate: ", "no regular file");

  const auto text = write("text", "no certificate\n");
  expect_fault(fault(text, files_.key), "certificate: \"" + text, "no certificate in PEM form");
  expect_fault(fault(files_.certificate, text), "key: \"" + text, "no private key in PEM form");
  expect_fault(fault(files_.key, files_.key), "certificate: ", "no certificate in PEM form");
  expect_fault(fault(files_.certificate, files_.certificate), "key: ", "no private key in PEM form");
  const auto broken = write("broken", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  expect_fault(fault(broken, files_.key), "certificate: ", "no certificate that can be used");
}

TEST_F(CertificateTest, AKeyMustBelongToIt) {
  const auto other = certificates_.issue("other", "DNS:localhost");
  expect_fault(fault(files_.certificate, other.key), "key: ", "not the key of the certificate");
  const auto rsa = certificates_.file("rsa.key");
  certificates_.openssl({"genpkey", "-algorithm", "RSA", "-out", rsa});
  expect_fault(fault(files_.certificate, rsa), "key: ", "not the key of the certificate");
}

TEST_F(CertificateTest, AKeyWithAPassphraseIsRefusedWithoutAskingForIt) {
  const auto encrypted = certificates_.file("encrypted.key");
  certificates_.openssl({"pkey", "-in", files_.key, "-out", encrypted, "-aes128", "-passout", "pass:secret"});
  expect_fault(fault(files_.certificate, encrypted), "key: ", "without a passphrase");
}

TEST_F(CertificateTest, IsReadAgainWhereItsFilesHaveChanged) {
  Certificate certificate(files_.certificate, files_.key);
  EXPECT_FALSE(certificate.renew());
  replace(certificates_.issue("old", "DNS:localhost", -1), files_);
  EXPECT_TRUE(certificate.renew());
  EXPECT_TRUE(certificate.expired()) << "the new one is in use";
  EXPECT_FALSE(certificate.renew());
}

TEST_F(CertificateTest, AFaultyChangeIsToldOnceAndTheFormerOneStays) {
  Certificate certificate(files_.certificate, files_.key);
  const auto next = certificates_.issue("next", "DNS:localhost", -1);
  std::filesystem::rename(next.certificate, files_.certificate);  // the key is not there yet
  EXPECT_THROW(certificate.renew(), CertificateFault);
  EXPECT_FALSE(certificate.renew());
  EXPECT_FALSE(certificate.expired());
  std::filesystem::rename(next.key, files_.key);
  EXPECT_TRUE(certificate.renew());
  EXPECT_TRUE(certificate.expired());

  std::filesystem::remove(files_.key);
  EXPECT_THROW(certificate.renew(), CertificateFault);
  EXPECT_FALSE(certificate.renew());
}

TEST_F(CertificateTest, SessionsBeginOnAnyThreadWhileItIsRenewed) {
  Certificate certificate(files_.certificate, files_.key);
  std::atomic<bool> done{false};
  std::atomic<int> sessions{0};
  const auto begin_sessions = [&] {
    while (!done) sessions += certificate.begin_session(STDIN_FILENO) != nullptr;  // nothing is read or written
  };
  std::thread one(begin_sessions), two(begin_sessions);
  for (int renewals = 0; renewals < 5; ++renewals) {
    replace(certificates_.issue("next", "DNS:localhost"), files_);
    EXPECT_TRUE(certificate.renew());
    const int before = sessions;
    while (sessions < before + 2) std::this_thread::yield();
  }
  done = true;
  one.join();
  two.join();
}

}  // namespace
}  // namespace fieldcast::http

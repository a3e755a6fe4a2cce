// A certificate that is renewed while the gateway runs.
#include "app/certificate_renewal.hpp"

#include <gtest/gtest.h>

#include <asio/io_context.hpp>
#include <filesystem>
#include <thread>

#include "tests/support/certificates.hpp"
#include "tests/support/log_lines.hpp"

namespace fieldcast {
namespace {

using namespace std::chrono_literals;

TEST(CertificateRenewal, UsesWhatIsInTheFilesAndStaysWithTheFormerOneWhereThatIsFaulty) {
  const test::Certificates certificates;
  const auto files = certificates.issue("server", "IP:127.0.0.1");
  const auto next = certificates.issue("next", "IP:127.0.0.1", -1);
  http::Certificate certificate(files.certificate, files.key);
  const test::LogLines lines;
  asio::io_context loop;
  asio::steady_timer timer(loop);
  keep_renewed(timer, certificate, 5ms);
  std::thread thread([&] { loop.run(); });

  std::filesystem::rename(next.certificate, files.certificate);
  lines.wait_for("the former certificate stays in use");
  EXPECT_FALSE(certificate.expired());
  std::filesystem::rename(next.key, files.key);
  lines.wait_for("a renewed certificate is in use");
  EXPECT_TRUE(certificate.expired());

  loop.stop();
  thread.join();
  EXPECT_EQ(lines.count("stays in use"), 1u);
  EXPECT_EQ(lines.count("is in use"), 1u);
}

}  // namespace
}  // namespace fieldcast

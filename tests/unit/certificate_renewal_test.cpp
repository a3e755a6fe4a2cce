// A certificate that is renewed while the gateway runs.
#include "app/certificate_renewal.hpp"

#include <gtest/gtest.h>

#include <asio/io_context.hpp>
#include <filesystem>
#include <thread>

#include "tests/support/certificates.hpp"
#include "tests/unit/log_lines.hpp"

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
  const SystemClock clock;
  CertificateRenewal renewal(loop, certificate, files.certificate, clock);
  EXPECT_GT(renewal.state().expires, clock.wall_ms());
  renewal.start(5ms);
  std::thread thread([&] { loop.run(); });

  std::filesystem::rename(next.certificate, files.certificate);
  lines.wait_for("the former certificate stays in use");
  test::Deadline deadline;
  while (renewal.state().fault.empty()) ASSERT_GT(deadline.left_ms(), 0);
  EXPECT_NE(renewal.state().fault_since, 0);
  std::filesystem::rename(next.key, files.key);
  lines.wait_for("a renewed certificate is in use");
  lines.wait_for("the certificate has expired");
  EXPECT_EQ(renewal.state().fault, "");
  EXPECT_LT(renewal.state().expires, clock.wall_ms());

  loop.stop();
  thread.join();
  EXPECT_EQ(lines.count("stays in use"), 1u);
  EXPECT_EQ(lines.count("is in use"), 1u);
  EXPECT_EQ(lines.of(Event::certificate_expired).size(), 1u);
}

}  // namespace
}  // namespace fieldcast

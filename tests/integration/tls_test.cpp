// The program with certificates that do not fit.
#include <gtest/gtest.h>

#include <string>

#include "tests/support/certificates.hpp"
#include "tests/support/gateway.hpp"

namespace fieldcast::test {
namespace {

TEST(TlsFiles, AreFaultsOfTheConfigurationWithTheirPlace) {
  const Certificates certificates;
  const auto one = certificates.issue("one", "IP:127.0.0.1"), other = certificates.issue("other", "IP:127.0.0.1");
  const TempDir directory;
  const auto config = directory.write(
      "f.toml", "[server]\ntls.certificate = \"" + one.certificate + "\"\ntls.key = \"" + other.key + "\"\n");
  for (const std::string option : {"--config", "--check-config"}) {
    Process process({program(), option, config});
    EXPECT_EQ(process.wait_for_exit(), 2) << option;
    EXPECT_NE(process.output().find(config + ":3:11: server.tls.key: \"" + other.key + "\" is not the key"),
              std::string::npos)
        << process.output();
  }
}

}  // namespace
}  // namespace fieldcast::test

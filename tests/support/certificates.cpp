#include "tests/support/certificates.hpp"

#include <stdexcept>

#include "tests/support/process.hpp"

namespace fieldcast::test {
namespace {

// Keys of an elliptic curve are made at once.
const std::vector<std::string> kNewKey{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"};

}  // namespace

Certificates::Certificates() {
  std::vector<std::string> arguments{"req", "-x509"};
  arguments.insert(arguments.end(), kNewKey.begin(), kNewKey.end());
  arguments.insert(arguments.end(), {"-keyout", file("authority.key"), "-out", authority(), "-days", "2", "-subj",
                                     "/CN=the test's authority"});
  openssl(std::move(arguments));
}

CertificateFiles Certificates::issue(const std::string& subject, const std::string& names, int days) const {
  const CertificateFiles files{file(subject + ".crt"), file(subject + ".key")};
  std::vector<std::string> arguments{"req"};
  arguments.insert(arguments.end(), kNewKey.begin(), kNewKey.end());
  arguments.insert(arguments.end(), {"-keyout", files.key, "-out", file("request.csr"), "-subj", "/CN=" + subject});
  openssl(std::move(arguments));
  openssl({"x509", "-req", "-in", file("request.csr"), "-CA", authority(), "-CAkey", file("authority.key"),
           "-CAcreateserial", "-days", std::to_string(days), "-extfile",
           directory_.write("names.cnf", "subjectAltName=" + names + "\n"), "-out", files.certificate});
  return files;
}

void Certificates::openssl(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), {"/usr/bin/env", "-C", directory_.path(), "openssl"});
  Process process(std::move(arguments));
  if (process.wait_for_exit() != 0) throw std::runtime_error("openssl: " + process.output());
}

}  // namespace fieldcast::test

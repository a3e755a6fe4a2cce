// An authority of a test's own and the certificates that it issues, made by the openssl command in a directory that is
// gone with the object. The test's main thread.
#pragma once

#include <string>
#include <vector>

#include "tests/support/temp_dir.hpp"

namespace fieldcast::test {

/// PEM files.
struct CertificateFiles {
  std::string certificate, key;
};

class Certificates {
 public:
  Certificates();

  /// The authority's own certificate.
  std::string authority() const { return file("authority.crt"); }

  /// `names` as in subjectAltName: "DNS:localhost,IP:127.0.0.1". One of no day, `days` -1, has expired. Throws where
  /// the command fails.
  CertificateFiles issue(const std::string& subject, const std::string& names, int days = 2) const;

  /// Runs `openssl` in the directory.
  void openssl(std::vector<std::string> arguments) const;

  std::string file(const std::string& name) const { return directory_.path() / name; }

 private:
  TempDir directory_;
};

}  // namespace fieldcast::test

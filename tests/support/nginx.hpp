// A real nginx on a free port, with a configuration of its own: the other reader of the bytes that the gateway is sent.
// It answers every request with 200, but OPTIONS with 204, as the gateway does. The test's main thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

namespace fieldcast::test {

class Nginx {
 public:
  /// Starts it and waits until it listens.
  Nginx();

  std::uint16_t port() const { return port_; }

 private:
  void start();

  TempDir directory_;
  std::uint16_t port_ = 0;
  std::unique_ptr<Process> process_;
};

}  // namespace fieldcast::test

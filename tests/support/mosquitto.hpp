// A real Mosquitto on a free port, with a configuration and a database of its own. The test's main thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

namespace fieldcast::test {

class Mosquitto {
 public:
  struct Options {
    std::string acl;        // access rules, as in acl_file; without, everything is allowed
    std::string tls_lines;  // of the configuration: those of a second listener, with TLS
  };
  /// Starts it and waits until it answers.
  Mosquitto() : Mosquitto(Options{}) {}
  explicit Mosquitto(Options options);

  std::uint16_t port() const { return port_; }
  std::uint16_t tls_port() const { return tls_port_; }

  /// A clean stop: it saves its sessions and queues.
  void stop();
  /// kill -9: what it had not saved is gone.
  void kill();
  /// Starts again on the same port.
  void start();

 private:
  TempDir directory_;
  const Options options_;
  std::uint16_t port_ = 0, tls_port_ = 0;
  std::unique_ptr<Process> process_;
};

}  // namespace fieldcast::test

// fieldcast_echo as a process of its own. The test's main thread; peer() any.
#pragma once

#include <string>
#include <vector>

#include "tests/support/process.hpp"
#include "tests/support/socket.hpp"

namespace fieldcast::test {

class EchoServer {
 public:
  /// Starts it and waits until it listens. `authority`: of its certificate, where the options have one.
  explicit EchoServer(const std::vector<std::string>& options = {}, std::string authority = {});

  const Peer& peer() const { return peer_; }
  Process& process() { return process_; }

 private:
  Process process_;
  Peer peer_;
};

/// The program under test.
std::string echo_program();

}  // namespace fieldcast::test

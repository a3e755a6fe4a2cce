// The real gateway as a process of its own, with a configuration in a directory of its own. Its members
// belong to the test's main thread; port() to any.
#pragma once

#include <signal.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

namespace fieldcast::test {

class Gateway {
 public:
  struct Options {
    std::uint16_t broker_port = 0;
    std::string name = "hall-3";
    std::string topics = R"(["#", "$hall/#"])";  // TOML
    std::uint16_t port = 0;                      // 0: the kernel chooses; a restart keeps it
    // Further lines of the sections.
    std::string server{}, mqtt{}, storage{}, limits{};
  };

  /// Starts the program and waits until it says that streams can be served.
  explicit Gateway(Options options);

  std::uint16_t port() const { return port_; }
  Process& process() { return *process_; }

  void terminate() { process_->signal(SIGTERM); }
  /// kill -9, and waits for the end.
  void kill();
  /// Starts again, on the same port; the old process must be gone.
  void start();

 private:
  Options options_;
  TempDir directory_;
  std::uint16_t port_ = 0;
  std::unique_ptr<Process> process_;
};

/// The program under test.
std::string program();

}  // namespace fieldcast::test

// A child process with its standard error captured. It runs in a process group of its own that is killed
// with the object, and dies with the thread that started it: start it on a thread that outlives it (the
// test's main one). Other members may be called from any thread.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/support/deadline.hpp"

namespace fieldcast::test {

class Process {
 public:
  /// Starts argv[0] with standard output and error captured together. Throws where it cannot be started. `inherited`: a
  /// descriptor that it gets as its own number 3, the first that systemd hands over.
  explicit Process(std::vector<std::string> argv, int inherited = -1);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// Waits for a line that contains `text` and returns the first one. Throws TimedOut, or runtime_error with
  /// all output where the process ended before.
  std::string wait_for_line(std::string_view text, Deadline deadline = {});

  void signal(int number) const;
  /// SIGSTOP, and waits until none of its threads runs any more. SIGCONT lets them run on.
  void freeze() const;

  /// Waits for the end: the exit code, or minus the signal's number. Throws TimedOut.
  int wait_for_exit(Deadline deadline = {});

  /// All that it has written so far.
  std::string output() const;
  pid_t pid() const { return pid_; }

 private:
  void read_output();

  pid_t pid_ = -1;
  int pidfd_ = -1;
  int output_fd_ = -1;
  bool reaped_ = false;
  int exit_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string output_;
  bool output_ended_ = false;
  std::thread reader_;
};

/// A TCP port of 127.0.0.1 that nobody listens on, below the kernel's range for outgoing connections: so a
/// client that connects while the server is away cannot be given the server's port and meet itself.
std::uint16_t free_port();

}  // namespace fieldcast::test

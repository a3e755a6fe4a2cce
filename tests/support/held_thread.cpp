#include "tests/support/held_thread.hpp"

#include <sys/ptrace.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <utility>

#include "tests/support/deadline.hpp"
#include "tests/support/throw_errno.hpp"

namespace fieldcast::test {
namespace {

/// A thread has its name a moment after it was started.
pid_t find_thread(pid_t process, const std::string& name) {
  for (const Deadline deadline; deadline.left_ms() > 0;) {
    for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task")) {
      std::string comm;
      std::getline(std::ifstream(task.path() / "comm"), comm);
      if (comm == name) return std::stoi(task.path().filename());
    }
  }
  throw TimedOut("no thread " + name);
}

}  // namespace

HeldThread::HeldThread(pid_t process, const std::string& name)
    : process_(process), thread_(find_thread(process, name)) {
  if (ptrace(PTRACE_SEIZE, thread_, nullptr, nullptr) != 0) throw_errno("PTRACE_SEIZE");
  int status = 0;
  if (ptrace(PTRACE_INTERRUPT, thread_, nullptr, nullptr) != 0 || waitpid(thread_, &status, __WALL) != thread_)
    throw_errno("PTRACE_INTERRUPT");
}

void HeldThread::release() {
  const pid_t thread = std::exchange(thread_, 0);
  if (thread == 0 || ptrace(PTRACE_DETACH, thread, nullptr, nullptr) == 0) return;
  // It has ended with its process, which ends only when whoever held it knows. For the main thread that is whoever
  // waits for the process.
  if (thread != process_) waitpid(thread, nullptr, __WALL);
}

}  // namespace fieldcast::test

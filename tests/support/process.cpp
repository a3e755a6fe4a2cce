#include "tests/support/process.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <random>
#include <stdexcept>

#include "tests/support/throw_errno.hpp"

namespace fieldcast::test {
Process::Process(std::vector<std::string> argv, int inherited) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw_errno("pipe");
  std::vector<char*> arguments;
  for (auto& argument : argv) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  pid_ = fork();
  if (pid_ < 0) throw_errno("fork");
  if (pid_ == 0) {  // only calls that are safe after a fork of a process with threads
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(ends[1], STDOUT_FILENO);
    dup2(ends[1], STDERR_FILENO);
    if (inherited >= 0) {
      const int again = fcntl(inherited, F_DUPFD_CLOEXEC, 4);  // dup2() of 3 onto itself would leave it as it is
      dup2(again, 3);
    }
    execv(arguments[0], arguments.data());
    constexpr std::string_view kMessage = "cannot execute\n";
    [[maybe_unused]] const auto written = write(STDERR_FILENO, kMessage.data(), kMessage.size());
    _exit(127);
  }
  setpgid(pid_, pid_);  // here too: whoever comes first
  close(ends[1]);
  output_fd_ = ends[0];
  pidfd_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  if (pidfd_ < 0) throw_errno("pidfd_open");
  reader_ = std::thread([this] { read_output(); });
}

Process::~Process() {
  kill(-pid_, SIGKILL);
  if (!reaped_) waitpid(pid_, nullptr, 0);
  reader_.join();
  close(output_fd_);
  close(pidfd_);
}

void Process::read_output() {
  char buffer[4096];
  for (;;) {
    const auto n = read(output_fd_, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    const std::lock_guard lock(mutex_);
    if (n <= 0) {
      output_ended_ = true;
    } else {
      output_.append(buffer, static_cast<std::size_t>(n));
    }
    changed_.notify_all();
    if (n <= 0) return;
  }
}

std::string Process::wait_for_line(std::string_view text, Deadline deadline) {
  std::unique_lock lock(mutex_);
  for (;;) {
    std::size_t begin = 0;
    for (auto end = output_.find('\n'); end != std::string::npos; end = output_.find('\n', begin)) {
      const auto line = output_.substr(begin, end - begin);
      if (line.find(text) != std::string::npos) return line;
      begin = end + 1;
    }
    if (output_ended_) throw std::runtime_error("ended before it wrote \"" + std::string(text) + "\":\n" + output_);
    if (changed_.wait_until(lock, deadline.at()) == std::cv_status::timeout)
      throw TimedOut("no line \"" + std::string(text) + "\" in:\n" + output_);
  }
}

void Process::signal(int number) const {
  if (!reaped_) kill(pid_, number);
}

void Process::freeze() const {
  signal(SIGSTOP);
  siginfo_t stopped{};
  if (waitid(P_PID, static_cast<id_t>(pid_), &stopped, WSTOPPED) != 0) throw_errno("waitid");
}

int Process::wait_for_exit(Deadline deadline) {
  if (reaped_) return exit_;
  pollfd waiting{pidfd_, POLLIN, 0};
  if (poll(&waiting, 1, deadline.left_ms()) <= 0) throw TimedOut("the process did not end:\n" + output());
  int status = 0;
  if (waitpid(pid_, &status, 0) != pid_) throw_errno("waitpid");
  reaped_ = true;
  exit_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  // Its last words: the pipe ends with the process, unless a child of its own holds it open.
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, deadline.at(), [this] { return output_ended_; });
  return exit_;
}

std::string Process::output() const {
  const std::lock_guard lock(mutex_);
  return output_;
}

std::uint16_t free_port() {
  static std::mt19937 random{std::random_device{}()};
  std::uniform_int_distribution<int> choose(10'000, 32'000);
  for (int tries = 0; tries < 1'000; ++tries) {
    const auto port = static_cast<std::uint16_t>(choose(random));
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool free = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    close(fd);
    if (free) return port;
  }
  throw std::runtime_error("no free port");
}

}  // namespace fieldcast::test

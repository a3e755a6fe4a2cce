#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "adapters/metrics/metrics.hpp"

namespace fieldcast::metrics {
namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

std::uint64_t resident_bytes() {
  std::uint64_t total = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;  // pages
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

double seconds_of(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double start_seconds() {
  std::string stat;
  std::getline(std::ifstream("/proc/self/stat"), stat);
  // proc(5): field 2 is the program's name in parentheses, which may hold anything; field 22 is the start in ticks
  // after boot.
  const auto name_end = stat.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(stat.substr(name_end + 1));
  std::string field;
  for (int number = 3; number < 22; ++number) fields >> field;
  std::uint64_t ticks = 0;
  fields >> ticks;
  // The start of the machine is not read from /proc/stat, since a service may see nothing of /proc but its processes.
  // Whole seconds, as there: else every call would give another one.
  const double boot = std::floor(seconds_of(CLOCK_REALTIME) - seconds_of(CLOCK_BOOTTIME));
  return boot + static_cast<double>(ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

/// Not what was handed to write(): what of it reached files on a disk (tmpfs and pipes are none), by whole pages.
std::uint64_t flash_bytes() {
  std::ifstream io("/proc/self/io");
  std::string key;
  for (std::uint64_t value = 0; io >> key >> value;) {
    if (key == "write_bytes:") return value;
  }
  return 0;
}

std::uint64_t open_fds() {
  // Since Linux 6.2 the directory's size is their number; before, they have to be counted.
  struct stat directory {};
  if (stat("/proc/self/fd", &directory) == 0 && directory.st_size > 0)
    return static_cast<std::uint64_t>(directory.st_size);
  std::error_code error;
  std::uint64_t count = 0;
  for (std::filesystem::directory_iterator at("/proc/self/fd", error), end; !error && at != end; at.increment(error))
    ++count;
  return count > 0 ? count - 1 : 0;  // without the one that counts
}

}  // namespace

Process read_process() {
  Process out;
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) out.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) out.max_fds = limit.rlim_cur;
  out.start_seconds = start_seconds();
  out.resident_bytes = resident_bytes();
  out.open_fds = open_fds();
  out.flash_bytes = flash_bytes();
  return out;
}

}  // namespace fieldcast::metrics

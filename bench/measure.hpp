// What the benchmarks read off a process, and the statistics that they report. Free functions, any thread.
#pragma once

#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fieldcast::bench {

/// CPU time of a process, all its threads: exact in all, to a clock tick (10 ms) in the kernel.
struct Cpu {
  double seconds = 0, kernel_seconds = 0;

  Cpu& operator+=(Cpu more) {
    seconds += more.seconds;
    kernel_seconds += more.kernel_seconds;
    return *this;
  }
  friend Cpu operator-(Cpu a, Cpu b) { return {a.seconds - b.seconds, a.kernel_seconds - b.kernel_seconds}; }
};

inline Cpu cpu_of(pid_t pid) {
  Cpu cpu;
  clockid_t clock;
  timespec used{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
    throw std::runtime_error("no such process: " + std::to_string(pid));
  cpu.seconds = static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  stat.ignore(std::numeric_limits<std::streamsize>::max(), ')');  // the program's name may hold spaces
  std::string skipped;
  for (int field = 3; field <= 14; ++field) stat >> skipped;
  double ticks = 0;
  stat >> ticks;  // proc(5): stime
  cpu.kernel_seconds = ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
  return cpu;
}

/// What other processes than this one and `server` take of the CPUs (1: one CPU's time), since the object was made: the
/// broker, and whatever disturbs the measurement.
class RestOfMachine {
 public:
  explicit RestOfMachine(pid_t server) : server_(server), begin_(busy()) {}

  double cpus() const {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began_;
    return std::max(0.0, (busy() - begin_) / passed.count());  // the kernel counts in ticks
  }

 private:
  double busy() const {
    std::ifstream stat("/proc/stat");
    std::string skipped;
    double user = 0, nice = 0, system = 0, idle = 0, waiting = 0, interrupts = 0, soft_interrupts = 0, stolen = 0;
    stat >> skipped >> user >> nice >> system >> idle >> waiting >> interrupts >> soft_interrupts >> stolen;
    return (user + nice + system + interrupts + soft_interrupts + stolen) / static_cast<double>(sysconf(_SC_CLK_TCK)) -
           cpu_of(getpid()).seconds - cpu_of(server_).seconds;
  }

  const pid_t server_;
  const double begin_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

/// KiB of a line of /proc/PID/status: `VmRSS` is what a process has in memory, `VmHWM` the most that it ever had since
/// forget_high_water().
inline double memory_of(pid_t pid, std::string_view line) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string key; status >> key;) {
    double kib = 0;
    if (key.starts_with(line) && status >> kib) return kib;
    status.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  throw std::runtime_error("no " + std::string(line) + " of process " + std::to_string(pid));
}

inline void forget_high_water(pid_t pid) {
  std::ofstream file("/proc/" + std::to_string(pid) + "/clear_refs");
  if (!(file << "5" << std::flush)) throw std::runtime_error("cannot write clear_refs");
}

/// The value that a part `p` (0 to 1) of all is not above; 0 where there is none.
template <class T>
double percentile(std::vector<T> values, double p) {
  if (values.empty()) return 0;
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(p * static_cast<double>(values.size() - 1) + 0.5);
  std::nth_element(values.begin(), at, values.end());
  return static_cast<double>(*at);
}

inline double median(std::vector<double> values) {
  return percentile(std::move(values), 0.5);
}

}  // namespace fieldcast::bench

// A hall's day in short: a real broker, the built program, clients of all kinds that come, go and read slowly, readings
// at an even pace. Judges that each client got exactly its part, that the gateway's memory keeps below a bound and does
// not grow, and that it takes next to no CPU while nothing happens.
//
//   fieldcast_soak [--seconds 60] [--clients 500] [--topics 1000] [--rate 200] [--threads 0] [--readings-only]
//
// Exit 1 where one of these is not so. scripts/soak runs it for ten minutes, the tests for one.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "bench/load.hpp"
#include "bench/measure.hpp"
#include "bench/soak/clients.hpp"
#include "bench/soak/readings.hpp"
#include "tests/support/hall.hpp"

namespace {

using namespace fieldcast;

// What the requirements ask for, in MB (of 1,000,000 bytes) and parts of a core.
constexpr double kMostMegabytes = 64, kMostIdle = 0.01;
// What memory may grow by from the second quarter of a run to its last, besides what fills up to a limit of its own; in
// runs of so many seconds or more, since it is half a minute until that is full.
constexpr double kMostGrowth = 2;
constexpr unsigned kGrowthSeconds = 300;
// Of the process's own memory, for each entry of the journal (docs/configuration.md, storage.memory_readings).
constexpr double kEntryBytes = 16;
constexpr std::size_t kIdleClients = 10;
constexpr int kIdleSeconds = 20;

struct Options {
  unsigned seconds = 60, clients = 500, topics = 1'000, rate = 200, threads = 0;
  bool readings_only = false;
};

/// MB of a process, at one moment.
struct Memory {
  double peak = 0;     // that it ever had, the part of the journal that it has touched among it
  double own = 0;      // that no file holds
  double program = 0;  // of the program and its libraries
  double journal = 0;  // of tmpfs, whole
  double views = 0;    // in `own`: encoded readings
  double entries = 0;  // in `own`: where each is in the journal
};

Memory memory_of(test::Hall& hall) {
  const pid_t pid = hall.gateway().process().pid();
  const auto of = [&](const char* line) { return bench::memory_of(pid, line) * 1'024 / 1e6; };
  Memory memory{of("VmHWM"),
                of("RssAnon"),
                of("RssFile"),
                0,
                hall.metric("fieldcast_view_bytes") / 1e6,
                hall.metric("fieldcast_memory_entries") * kEntryBytes / 1e6};
  for (const auto& file : std::filesystem::recursive_directory_iterator(hall.gateway().journal()))
    if (file.is_regular_file()) memory.journal += static_cast<double>(file.file_size()) / 1e6;
  return memory;
}

/// Prints a bound and whether it is kept.
bool judge(const char* what, double value, double most, const char* unit) {
  const bool kept = value <= most;
  std::printf("%-52s %8.2f %s, at most %.2f: %s\n", what, value, unit, most, kept ? "kept" : "BROKEN");
  return kept;
}

/// Of a core, with a connected broker and some clients, while nothing is published.
double idle_cpu(const test::Hall& hall, pid_t pid) {
  std::vector<std::unique_ptr<test::StreamClient>> clients;
  for (std::size_t i = 0; i < kIdleClients; ++i) {
    clients.push_back(hall.open(test::kTransports[i % 3], {{"nothing"}, "", ""}));
    clients.back()->batch();
  }
  const double before = bench::cpu_of(pid).seconds;
  std::this_thread::sleep_for(std::chrono::seconds(kIdleSeconds));  // what is measured is time
  return (bench::cpu_of(pid).seconds - before) / kIdleSeconds;
}

double growth(const std::vector<Memory>& samples) {
  const auto median = [&](std::size_t from, std::size_t to) {
    std::vector<double> values;
    for (std::size_t i = from; i < to; ++i) values.push_back(samples[i].own - samples[i].views - samples[i].entries);
    return bench::median(values);
  };
  const std::size_t quarter = samples.size() / 4;
  return median(3 * quarter, samples.size()) - median(quarter, 2 * quarter);
}

bool run(const Options& options) {
  test::Hall hall({.server = "threads = " + std::to_string(options.threads) + "\n"});
  const pid_t pid = hall.gateway().process().pid();
  const double idle = idle_cpu(hall, pid);

  const soak::Readings readings(options.topics);
  soak::Clients clients(readings, hall.port(), options.clients);
  const std::uint32_t total = options.seconds * options.rate;
  const double cpu_before = bench::cpu_of(pid).seconds;
  std::vector<Memory> samples;
  const auto sample = [&](std::uint32_t second) {
    clients.check();
    samples.push_back(memory_of(hall));
    const Memory& now = samples.back();
    if (second % std::max(1u, options.seconds / 10) == 0)
      std::printf("%5u s: own %.1f MB, of it views %.1f; program %.1f; journal %.1f; peak with journal %.1f\n", second,
                  now.own, now.views, now.program, now.journal, now.peak + now.journal);
    std::fflush(stdout);
  };
  bench::at_pace(options.rate, total, [&](std::uint32_t n) {
    if (n % options.rate == 0) sample(n / options.rate);
    const auto reading = readings.at(n);
    hall.publisher().send({reading.topic, reading.payload});
  });
  hall.publisher().flush();
  clients.finish(total, test::Deadline(std::chrono::minutes(2)));
  sample(options.seconds);
  const double cpu = (bench::cpu_of(pid).seconds - cpu_before) / options.seconds;
  const auto counts = clients.counts();
  std::printf(
      "%u clients got all of their readings of %u, once and in order: %llu in all; %llu times one came back, %llu "
      "times one "
      "read nothing for a while; %.1f %% of a core\n",
      options.clients, total, static_cast<unsigned long long>(counts.readings),
      static_cast<unsigned long long>(counts.returns), static_cast<unsigned long long>(counts.rests), cpu * 100);
  if (options.readings_only) return true;
  const Memory& last = samples.back();
  const bool small = judge("peak memory with the files in tmpfs", last.peak + last.journal, kMostMegabytes, "MB");
  const bool flat = options.seconds < kGrowthSeconds ||
                    judge("growth from the second quarter to the last", growth(samples), kMostGrowth, "MB");
  const bool quiet = judge("CPU of a core while idle", idle * 100, kMostIdle * 100, "%");
  return small && flat && quiet;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    Options options;
    CLI::App app("Soaks the gateway: many clients of all kinds, for a while.");
    app.add_option("--seconds", options.seconds, "how long readings come")
        ->check(CLI::Range(8, 86'400))
        ->capture_default_str();
    app.add_option("--clients", options.clients, "")->check(CLI::Range(1, 8'000))->capture_default_str();
    app.add_option("--topics", options.topics, "")->check(CLI::Range(100, 100'000))->capture_default_str();
    app.add_option("--rate", options.rate, "readings a second")->check(CLI::Range(1, 10'000))->capture_default_str();
    app.add_option("--threads", options.threads, "of the gateway; 0: one per core")
        ->check(CLI::Range(0, 64))
        ->capture_default_str();
    app.add_flag("--readings-only", options.readings_only, "judge neither memory nor CPU, as under a sanitizer");
    CLI11_PARSE(app, argc, argv);
    return run(options) ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}

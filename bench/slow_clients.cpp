// Whether clients that do not read cost the others anything: 100 clients follow 500 readings of 4 kB a second; in every
// other run ten of them, with receive buffers of 4 KiB, read nothing for a time, and then read on.
//
//   bench_slow_clients [SECONDS_WITHOUT_READING]      default: 30
//
// Exit 1 where a client misses a reading and no gap stands for it.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/clients.hpp"
#include "bench/load.hpp"
#include "bench/measure.hpp"
#include "bench/table.hpp"
#include "tests/support/hall.hpp"

namespace {

using namespace fieldcast;
using namespace fieldcast::bench;

constexpr std::uint32_t kRate = 500;
constexpr std::size_t kPayloadBytes = 4'096;
constexpr std::size_t kSlow = 10, kOthers = 90;
constexpr int kSlowBuffer = 4'096;
constexpr int kPairsOfRuns = 3;
// Before the stall: until the gateway's rings of 8 MiB, taken step by step, are in its memory whole.
constexpr std::uint32_t kSecondsBefore = 15;
// After it: the slow ones catch up while readings go on.
constexpr std::uint32_t kSecondsAfter = 15;
// A slow client has caught up where a reading reaches it as soon.
constexpr std::uint32_t kCaughtUpMicroseconds = 250'000;

// What the requirement asks for.
constexpr double kMostSlower = 2, kMostMegabytes = 10;

struct Latency {
  double p50 = 0, p99 = 0, max = 0;  // ms
};

struct Result {
  Latency during, after, both;                       // of the others: while ten do not read, since, and in all
  double megabytes_before = 0;                       // the gateway's memory when the stall began
  double growth_during = 0, growth_after = 0;        // the most that it had since, less that
  std::uint64_t readings_of_slow = 0, expected = 0;  // that reached the ten, and that were published for them
  std::uint64_t gaps = 0;                            // of all clients
  double caught_up = 0;                              // seconds that the last of the ten took
  double others = 0;                                 // CPUs that other processes took
};

Latency latency_of_others(const std::vector<Receipt>& receipts, std::uint32_t from, std::uint32_t to) {
  std::vector<std::uint32_t> latencies;
  for (const auto& receipt : receipts)
    if (receipt.client >= kSlow && receipt.n >= from && receipt.n < to) latencies.push_back(receipt.microseconds);
  return {percentile(latencies, 0.5) / 1e3, percentile(latencies, 0.99) / 1e3, percentile(latencies, 1) / 1e3};
}

/// Seconds after reading `resumed` was published until the slow ones were all up to date.
double caught_up(const std::vector<Receipt>& receipts, std::uint32_t resumed) {
  std::vector<std::uint32_t> first(kSlow, 0);  // that came in time
  for (const auto& receipt : receipts) {
    if (receipt.client < kSlow && receipt.n >= resumed && receipt.microseconds < kCaughtUpMicroseconds &&
        first[receipt.client] == 0)
      first[receipt.client] = receipt.n;
  }
  double seconds = 0;
  for (const auto n : first)
    seconds = std::max(seconds, n == 0 ? HUGE_VAL : (n - resumed) / static_cast<double>(kRate));
  return seconds;
}

Result run(std::uint32_t stall_seconds, bool stall) {
  test::Hall hall;
  const auto pid = hall.gateway().process().pid();
  const auto megabytes = [&](const char* line) { return memory_of(pid, line) / 1'000; };
  Clients clients(Wire::websocket);
  clients.open(hall.port(), "#", kSlow, kSlowBuffer);
  clients.open(hall.port(), "#", kOthers);

  Result result;
  const std::uint32_t begin = kRate * kSecondsBefore, end = begin + kRate * stall_seconds,
                      total = end + kRate * kSecondsAfter;
  const RestOfMachine rest(pid);
  clients.start(total);
  at_pace(kRate, total, [&](std::uint32_t n) {
    if (n == begin) {
      if (stall) clients.pause(kSlow);
      result.megabytes_before = megabytes("VmRSS");
      forget_high_water(pid);
    }
    if (n == end) {
      result.growth_during = megabytes("VmHWM") - result.megabytes_before;
      clients.pause(0);
    }
    hall.publisher().send({"hall/press-" + std::to_string(n % 50), make_payload(n, kPayloadBytes)});
  });
  result.others = rest.cpus();
  clients.finish(test::Deadline(std::chrono::minutes(2)));
  result.growth_after = megabytes("VmHWM") - result.megabytes_before;
  result.during = latency_of_others(clients.receipts(), begin, end);
  result.after = latency_of_others(clients.receipts(), end, total);
  result.both = latency_of_others(clients.receipts(), begin, total);
  for (const auto& receipt : clients.receipts()) result.readings_of_slow += receipt.client < kSlow;
  result.expected = std::uint64_t{total} * kSlow;
  result.gaps = clients.gaps();
  result.caught_up = stall ? caught_up(clients.receipts(), end) : 0;
  return result;
}

std::string to_text(const Latency& latency) {
  return number(latency.p50, 2) + " / " + number(latency.p99, 2) + " / " + number(latency.max, 2);
}

/// Says whether `value` is at most `bound`.
void judge(const char* what, double value, double bound) {
  std::printf("%s: %.2f, at most %.0f: %s\n", what, value, bound, value <= bound ? "yes" : "NO");
}

void run_all(std::uint32_t stall_seconds) {
  std::printf(
      "%zu clients, %u readings/s of %zu bytes; ten stall for %u s. Latency of the others: p50 / p99 / max in ms; "
      "memory of the gateway in MB\n\n",
      kSlow + kOthers, kRate, kPayloadBytes, stall_seconds);
  Table table({"ten stall", "latency meanwhile", "latency after it", "memory", "growth meanwhile", "growth in all",
               "readings of the ten", "gaps", "caught up in", "other processes"});
  std::vector<double> p99_during[2], p99_after[2], p99_both[2], growth[2];
  std::uint64_t missed = 0;
  for (int pair = 0; pair < kPairsOfRuns; ++pair) {
    for (const bool stall : {false, true}) {
      const auto result = run(stall_seconds, stall);
      table.add({stall ? "yes" : "no", to_text(result.during), to_text(result.after),
                 number(result.megabytes_before, 1), number(result.growth_during, 1), number(result.growth_after, 1),
                 std::to_string(result.readings_of_slow) + " of " + std::to_string(result.expected),
                 std::to_string(result.gaps), stall ? number(result.caught_up, 1, " s") : "",
                 number(100 * result.others, 0, " %")});
      p99_during[stall].push_back(result.during.p99);
      p99_after[stall].push_back(result.after.p99);
      p99_both[stall].push_back(result.both.p99);
      growth[stall].push_back(result.growth_during);
      missed += result.expected - result.readings_of_slow;
    }
  }
  table.print();
  judge("p99 of the others while ten stall, times that without", median(p99_during[1]) / median(p99_during[0]),
        kMostSlower);
  judge("p99 of the others while ten catch up, times that without", median(p99_after[1]) / median(p99_after[0]),
        kMostSlower);
  judge("p99 of the others in all, times that without", median(p99_both[1]) / median(p99_both[0]), kMostSlower);
  judge("growth of the gateway's memory while ten stall, MB", percentile(growth[1], 1), kMostMegabytes);
  judge("readings that the ten missed", static_cast<double>(missed), 0);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const int seconds = argc > 1 ? std::atoi(argv[1]) : 30;
    if (argc > 2 || seconds < 1) throw std::invalid_argument("usage: bench_slow_clients [SECONDS_WITHOUT_READING]");
    run_all(static_cast<std::uint32_t>(seconds));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}

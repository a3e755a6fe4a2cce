// The seam between stored and live readings, under thousands of random schedules: the program's own log, hub and
// streams over real files; clients that come, are cut, change their filters, stop reading for a while, and come back
// with their cursor as another kind of client; and processes that end in every way, with the disk away, lost, or an
// older one. A failing seed is printed; FIELDCAST_SEED=n runs it alone, and FIELDCAST_SEEDS=n runs that many.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "tests/simulation/world.hpp"
#include "tests/support/temp_dir.hpp"

namespace fieldcast {
namespace {

constexpr std::size_t kShownLines = 60;  // of a seed among many
constexpr std::uint64_t kEnough = 400;   // seeds, for their sums to mean something

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

TEST(Seam, HoldsUnderRandomSchedules) {
  const std::uint64_t only = number_from("FIELDCAST_SEED", 0);
  const std::uint64_t count = only != 0 ? 1 : number_from("FIELDCAST_SEEDS", 500);
  const test::TempDir files("/dev/shm");
  std::map<std::string, std::uint64_t> sum;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t seed = only != 0 ? only : i + 1;
    const auto directory = files.path() / std::to_string(seed);
    std::filesystem::create_directory(directory);
    World world(seed, directory);
    const std::string fault = world.run();
    if (only != 0 || !fault.empty()) {
      const auto& trace = world.trace();
      const std::size_t lines = only != 0 ? trace.size() : std::min(trace.size(), kShownLines);
      for (auto line = trace.end() - static_cast<std::ptrdiff_t>(lines); line != trace.end(); ++line) {
        std::cout << *line << '\n';
      }
    }
    ASSERT_EQ(fault, "") << "FIELDCAST_SEED=" << seed;
    for (const auto& [what, number] : world.totals) sum[what] += number;
    std::filesystem::remove_all(directory);
  }
  for (const auto& [what, number] : sum) std::cout << number << ' ' << what << '\n';
  if (count < kEnough) return;
  // The schedules reach what they are for: about a third of what they do in the long run.
  const std::map<std::string, double> least{{"readings", 100},
                                            {"replayed", 100},
                                            {"history entries", 150},
                                            {"snapshots", 0.6},
                                            {"changes", 1.5},
                                            {"gaps: storage", 0.8},
                                            {"gaps: unknown", 0.5},
                                            {"gaps: expired", 0.05},
                                            {"clean stop", 0.25},
                                            {"clean stop, journal lost", 0.12},
                                            {"kill", 0.25},
                                            {"power cut", 0.25},
                                            {"older copy, journal kept", 0.06},
                                            {"older copy, journal lost", 0.06},
                                            {"database lost", 0.06},
                                            {"all lost", 0.06},
                                            {"starts without the disk", 0.1},
                                            {"snapshots resumed after a restart", 0.25},
                                            {"entries lost in a full journal", 2},
                                            {"a shard lost its place", 0.1},
                                            {"slow on the ring, counted", 0.25},
                                            {"slow in memory, counted", 0.25},
                                            {"slow on disk", 0.03},
                                            {"slow on disk, counted", 0.015},
                                            {"slow with a change waiting", 0.13},
                                            {"slow with a change waiting, counted", 0.13},
                                            {"slow, disconnected", 0.15},
                                            {"slow, disconnected, and back", 0.12},
                                            {"expiries", 0.01}};
  for (const auto& [what, a_seed] : least)
    EXPECT_GT(static_cast<double>(sum[what]), a_seed * static_cast<double>(count)) << what;
}

}  // namespace
}  // namespace fieldcast

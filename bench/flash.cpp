// What the log writes to the disk: runs the program's own log on a clock that jumps from second to second, over files
// of its own in memory, and reports bytes handed to the file system per reading (all of it: write-ahead log,
// checkpoints, blocks, states). What a file system adds of its own is not in it.
//
//   bench_flash [READINGS_PER_SECOND [HOURS [TOPICS]]]      default: 100 1 50
#include <stdlib.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "storage/durable_log.hpp"

namespace {

using namespace fieldcast;

class JumpingClock final : public Clock {
 public:
  std::int64_t wall_ms() const noexcept override { return wall; }
  Instant now() const noexcept override { return std::chrono::milliseconds(wall); }
  std::int64_t wall = 1'764'000'000'000;
};

/// Bytes that this process has written so far.
double written() {
  std::ifstream io("/proc/self/io");
  std::string key;
  for (double value; io >> key >> value;) {
    if (key == "wchar:") return value;
  }
  return 0;
}

/// About 90 bytes of numbers that drift and shake, as sensors' do.
class Sensor {
 public:
  std::string next(std::mt19937_64& random, std::int64_t time) {
    std::normal_distribution<double> shake;
    temperature_ += 0.05 * shake(random);
    std::array<char, 200> text;
    const int size = std::snprintf(
        text.data(), text.size(), R"({"temperature":%.2f,"humidity":%.1f,"pressure":%.1f,"battery":%.2f,"ts":%lld})",
        temperature_, 45 + temperature_ / 7 + shake(random) * 0.2, 1'013 + shake(random) * 0.1,
        3.3 + shake(random) * 0.01, static_cast<long long>(time));
    return {text.data(), static_cast<std::size_t>(size)};
  }

 private:
  double temperature_ = 20;
};

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int i, int otherwise) { return argc > i ? std::atoi(argv[i]) : otherwise; };
  const int rate = argument(1, 100), hours = argument(2, 1), topics = argument(3, 50);
  std::string directory = "/dev/shm/fieldcast-bench-XXXXXX";
  if (rate < 1 || hours < 1 || topics < 1 || mkdtemp(directory.data()) == nullptr) return 1;

  JumpingClock clock;
  const Limits limits;
  Counters counters;
  std::mt19937_64 random(1);
  std::vector<Sensor> sensors(static_cast<std::size_t>(topics));
  std::uint64_t readings = 0, payload_bytes = 0;
  {
    DurableLog::Options options;
    options.path = directory + "/fieldcast.db";
    options.journal = directory + "/journal";
    DurableLog log(clock, limits, options, counters);
    const double before = written();
    for (int second = 0; second < hours * 3'600; ++second) {
      for (int i = 0; i < rate; ++i, ++readings) {
        const std::size_t topic = (readings * 37) % sensors.size();
        const std::string name = "factory/press-" + std::to_string(topic) + "/telemetry";
        const std::string payload = sensors[topic].next(random, clock.wall);
        NewEntry entry;
        entry.kind = Kind::json;
        entry.broker = "local";
        entry.topic = name;
        entry.payload = payload;
        log.append(entry);
        payload_bytes += payload.size();
        clock.wall += 1'000 / rate;
      }
      clock.wall += 1'000 % rate;
      log.store_turn();
    }
    const auto each = [&](double bytes) { return bytes / static_cast<double>(readings); };
    std::printf("%d readings/s, %d topics, %d h, payload %.1f bytes: %.1f bytes written, %.1f bytes kept per reading\n",
                rate, topics, hours, each(static_cast<double>(payload_bytes)), each(written() - before),
                each(static_cast<double>(counters.database_bytes.value())));
  }
  std::filesystem::remove_all(directory);
}

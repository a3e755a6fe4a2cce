// What /metrics answers: the gateway's counters, its brokers and its process as Prometheus text. Nothing is
// kept between two calls, and nothing is shared but the counters, which any thread may read. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "gateway/counters.hpp"

namespace fieldcast::metrics {

/// The media type of what render() returns: Prometheus' text format.
inline constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

/// One broker connection.
struct BrokerRow {
  std::string name;
  bool up = false;
  std::uint64_t connects = 0;         // connections that came up
  std::uint64_t failures = 0;         // attempts that failed, and connections lost
  std::uint64_t refused_filters = 0;  // now: topic filters that the broker did not grant
  std::uint64_t messages = 0;         // received, but probes
  std::uint64_t faulty_topics = 0;    // of those, dropped: no topic name by MQTT 5
  std::uint64_t not_subscribed = 0;   // of those, dropped: of a filter of a former configuration

  std::uint64_t open_commands = 0;  // now: commands that have no answer yet
  std::uint64_t published = 0;      // commands that the broker acknowledged
  std::array<std::uint64_t, kCodes> failed_commands{};
};

/// The disk.
struct StorageRow {
  bool up = false;             // the database can be written
  double waiting_seconds = 0;  // now: how long the disk has not answered
};

/// Figures of this process.
struct Process {
  double cpu_seconds = 0;    // user and system
  double start_seconds = 0;  // Unix time
  std::uint64_t resident_bytes = 0;
  std::uint64_t open_fds = 0;
  std::uint64_t max_fds = 0;  // all that it may have
};

/// Reads /proc, and never waits for a disk. A figure that cannot be read is 0.
Process read_process();

/// docs/metrics.md lists every metric. `counters`: of the log and of each shard; what is shown is their sum.
std::string render(std::span<const Counters* const> counters, const StorageRow& storage,
                   std::span<const BrokerRow> brokers, const Process& process, std::string_view version);

}  // namespace fieldcast::metrics

// What /metrics answers: the gateway's counters, and what is so now, as Prometheus text. Nothing is kept between two
// calls, and nothing is shared but the counters, which any thread may read. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/counters.hpp"
#include "gateway/event.hpp"
#include "gateway/log_figures.hpp"

namespace fieldcast::metrics {

/// The media type of what render() returns: Prometheus' text format.
inline constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

/// One broker connection.
struct BrokerRow {
  std::string name;
  bool up = false;
  std::int64_t since = 0;             // Unix ms of the last change of that
  std::uint64_t connects = 0;         // connections that came up
  std::uint64_t failures = 0;         // attempts that failed, and connections lost
  std::uint64_t granted_filters = 0;  // now: topic filters that the broker granted
  std::uint64_t refused_filters = 0;  // now: those that it did not
  std::uint64_t messages = 0;         // received, but probes
  std::uint64_t bytes = 0;            // of their topics and payloads
  std::int64_t last_message = 0;      // Unix ms of the last of them; 0 before the first
  std::uint64_t faulty_topics = 0;    // of those, dropped: no topic name by MQTT 5
  std::uint64_t not_subscribed = 0;   // of those, dropped: of a filter of a former configuration

  std::uint64_t open_commands = 0;       // now: commands that have no answer yet
  std::uint64_t open_command_bytes = 0;  // now: of their payloads
  std::uint64_t published = 0;           // commands that the broker acknowledged
  std::array<std::uint64_t, kCodes> failed_commands{};
};

/// One kind of thing that can be degraded, as /readyz names it.
struct DegradedRow {
  std::string_view what;
  std::uint64_t number = 0;  // now: those that are
  std::int64_t since = 0;    // Unix ms: the oldest of them; 0 where there is none
};

/// Figures of this process.
struct Process {
  double cpu_seconds = 0;    // user and system
  double start_seconds = 0;  // Unix time
  std::uint64_t resident_bytes = 0;
  std::uint64_t open_fds = 0;
  std::uint64_t max_fds = 0;      // all that it may have
  std::uint64_t flash_bytes = 0;  // written to disks: pages of files on a disk that were made dirty
};

/// Reads /proc, and never waits for a disk. A figure that cannot be read is 0.
Process read_process();

/// All that is shown.
struct Figures {
  std::span<const Counters* const> counters;  // of the log and of each shard: what is shown is their sum
  LogFigures log;
  std::vector<BrokerRow> brokers;
  std::vector<double> loop_lags;                    // of each thread, in seconds
  std::optional<std::int64_t> certificate_expires;  // Unix seconds; none where there is no certificate
  std::vector<DegradedRow> degraded;                // one of each kind
  EventCounts events;
  Process process;
  std::string_view version;
};

/// docs/metrics.md lists every metric.
std::string render(const Figures& figures);

}  // namespace fieldcast::metrics

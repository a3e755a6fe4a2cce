#include "adapters/metrics/metrics.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <fstream>
#include <initializer_list>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

namespace fieldcast::metrics {
namespace {

/// Whole lines of a text.
std::set<std::string> lines_of(std::istream&& in) {
  std::set<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.insert(line);
  return lines;
}

class Metrics : public testing::Test {
 protected:
  bool shows(const std::string& line) const { return lines_of(std::istringstream(text())).contains(line); }
  std::string text() const { return render(figures_); }
  void expect(std::initializer_list<const char*> lines) const {
    for (const char* line : lines) EXPECT_TRUE(shows(line)) << line << " is not in\n" << text();
  }

  static BrokerRow row(const std::string& name) {
    BrokerRow row;
    row.name = name;
    row.since = 1'764'000'000'500;
    row.connects = 3;
    row.failures = 2;
    row.granted_filters = 8;
    row.refused_filters = 4;
    row.messages = 70;
    row.bytes = 7'000;
    row.last_message = 1'764'000'001'250;
    row.faulty_topics = 5;
    row.not_subscribed = 6;
    row.open_commands = 9;
    row.open_command_bytes = 900;
    row.published = 11;
    return row;
  }

  Counters counters_, shard_, other_shard_;
  std::array<const Counters*, 3> sets_{&counters_, &shard_, &other_shard_};
  Figures figures_{.counters = sets_,
                   .log = {},
                   .brokers = {row("local")},
                   .loop_lags = {0.25, 0},
                   .certificate_expires = 1'800'000'000,
                   .degraded = {{"broker", 2, 1'764'000'000'125}, {"storage"}},
                   .events = {},
                   .process = {1.5, 1764000000.25, 4096, 7, 1024, 8192},
                   .version = "1.2.3"};
};

TEST_F(Metrics, ShowsEveryCounter) {
  // A value of its own for each, so that none can stand in the place of another.
  std::uint64_t next = 100;
  const auto set = [&](Counter& counter, const std::string& name) {
    counter.set(++next);
    return name + ' ' + std::to_string(next);
  };
  auto& c = counters_;
  std::vector<std::string> expected{
      set(c.readings, "fieldcast_readings_total"),
      set(c.links, "fieldcast_link_entries_total"),
      set(c.retained_repeats, "fieldcast_retained_repeats_total"),
      set(c.redelivered_repeats, "fieldcast_redelivered_repeats_total"),
      set(c.topics, "fieldcast_topics"),
      set(c.topics_forgotten, "fieldcast_topics_forgotten_total"),
      set(c.latest_bytes, "fieldcast_latest_bytes"),
      set(c.memory_entries, "fieldcast_memory_entries"),
      set(c.unstored_entries, "fieldcast_unstored_entries"),
      set(c.lost_entries, "fieldcast_lost_entries_total"),
      set(c.commits, "fieldcast_commits_total"),
      set(c.commit_failures, "fieldcast_commit_failures_total"),
      set(c.stored_entries, "fieldcast_stored_entries_total"),
      set(c.blocks, "fieldcast_blocks_total"),
      set(c.expired_blocks, "fieldcast_expired_blocks_total"),
      set(c.damaged, "fieldcast_damaged_blocks_total"),
      set(c.database_bytes, "fieldcast_database_bytes"),
      set(c.history_reads, "fieldcast_history_reads_total"),
      set(c.history_entries, "fieldcast_history_entries_total"),
      set(c.pages_bytes, "fieldcast_pages_bytes"),
      set(c.replays_waiting, "fieldcast_replays_waiting"),
      set(c.encodings, "fieldcast_encodings_total"),
      set(c.views, "fieldcast_views"),
      set(c.view_bytes, "fieldcast_view_bytes"),
      set(c.view_filter_bytes, "fieldcast_view_filter_bytes"),
      set(c.replayed_readings, "fieldcast_replayed_readings_total"),
      set(c.fell_behind, "fieldcast_streams_fell_behind_total"),
      set(c.gaps[0], "fieldcast_gaps_total{reason=\"expired\"}"),
      set(c.gaps[1], "fieldcast_gaps_total{reason=\"slow\"}"),
      set(c.gaps[3], "fieldcast_gaps_total{reason=\"storage\"}"),
      set(c.connections, "fieldcast_connections"),
      set(c.connections_total, "fieldcast_accepted_connections_total"),
      set(c.heads_bytes, "fieldcast_heads_bytes"),
      set(c.bodies_bytes, "fieldcast_bodies_bytes"),
      set(c.requests, "fieldcast_requests_total"),
      set(c.problems[0], "fieldcast_problems_total{code=\"bad_request\"}"),
      set(c.problems[kCodes - 1], "fieldcast_problems_total{code=\"slow\"}"),
      set(c.limits_reached[0], "fieldcast_limits_reached_total{limit=\"connections\"}"),
      set(c.limits_reached[kLimits - 1], "fieldcast_limits_reached_total{limit=\"memory_bytes\"}")};
  for (const auto& [transport, name] :
       {std::pair{Transport::websocket, "websocket"}, {Transport::events, "events"}, {Transport::poll, "poll"}}) {
    auto& t = c.transports[static_cast<std::size_t>(transport)];
    const std::string label = std::string("{transport=\"") + name + "\"}";
    expected.push_back(set(t.clients, "fieldcast_clients" + label));
    expected.push_back(set(t.streams, "fieldcast_streams_total" + label));
    expected.push_back(set(t.batches, "fieldcast_sent_batches_total" + label));
    expected.push_back(set(t.readings, "fieldcast_delivered_readings_total" + label));
    expected.push_back(set(t.bytes, "fieldcast_sent_bytes_total" + label));
  }
  for (const auto& line : expected) EXPECT_TRUE(shows(line)) << line << " is not in\n" << text();
}

// Each of them, so that one which is new cannot be forgotten.
TEST_F(Metrics, ShowTheSumOfEveryCounter) {
  static_assert(sizeof(Counters) % sizeof(Counter) == 0);  // nothing but counters
  const auto set = [](Counters& counters, std::size_t i, std::uint64_t value) {
    reinterpret_cast<Counter*>(reinterpret_cast<std::byte*>(&counters) + i * sizeof(Counter))->set(value);
  };
  constexpr std::size_t all = sizeof(Counters) / sizeof(Counter);
  for (std::size_t i = 0; i < all; ++i) {
    set(counters_, i, 1'000'000 + i);
    set(shard_, i, 20'000'000);
    set(other_shard_, i, 300'000'000);
  }
  std::set<std::string> values;
  for (const auto& line : lines_of(std::istringstream(text()))) values.insert(line.substr(line.rfind(' ') + 1));
  for (std::size_t i = 0; i < all; ++i) {
    const std::string micros = std::to_string(i);  // of a second
    EXPECT_TRUE(values.contains(std::to_string(321'000'000 + i)) ||
                values.contains("321." + std::string(6 - micros.size(), '0') + micros))
        << "counter " << i << " is not in\n"
        << text();
  }
}

TEST_F(Metrics, ShowsBrokersProcessAndBuild) {
  figures_.brokers[0].up = true;
  figures_.brokers.push_back(row("a\"b\\"));
  for (const char* line : {"fieldcast_broker_up{broker=\"local\"} 1",
                           "fieldcast_broker_connects_total{broker=\"local\"} 3",
                           "fieldcast_broker_failures_total{broker=\"local\"} 2",
                           "fieldcast_broker_messages_total{broker=\"local\"} 70",
                           "fieldcast_broker_refused_filters{broker=\"local\"} 4",
                           "fieldcast_broker_dropped_messages_total{broker=\"local\",reason=\"faulty_topic\"} 5",
                           "fieldcast_broker_dropped_messages_total{broker=\"local\",reason=\"not_subscribed\"} 6",
                           "fieldcast_broker_changed_timestamp_seconds{broker=\"local\"} 1764000000.5",
                           "fieldcast_broker_granted_filters{broker=\"local\"} 8",
                           "fieldcast_broker_received_bytes_total{broker=\"local\"} 7000",
                           "fieldcast_broker_last_message_timestamp_seconds{broker=\"local\"} 1764000001.25",
                           "fieldcast_broker_open_commands{broker=\"local\"} 9",
                           "fieldcast_broker_open_command_bytes{broker=\"local\"} 900",
                           "fieldcast_broker_commands_total{broker=\"local\",result=\"published\"} 11",
                           "fieldcast_broker_up{broker=\"a\\\"b\\\\\"} 0",
                           "fieldcast_build_info{version=\"1.2.3\"} 1",
                           "process_cpu_seconds_total 1.5",
                           "process_start_time_seconds 1764000000.25",
                           "process_resident_memory_bytes 4096",
                           "fieldcast_flash_bytes_total 8192",
                           "process_open_fds 7",
                           "process_max_fds 1024"}) {
    EXPECT_TRUE(shows(line)) << line << " is not in\n" << text();
  }
}

TEST_F(Metrics, ShowWhetherTheDatabaseCanBeWritten) {
  expect({"fieldcast_storage_up 0"});
  figures_.log.storage_up = true;
  expect({"fieldcast_storage_up 1"});
}

TEST_F(Metrics, ShowWhatTheLogTellsOfItself) {
  using namespace std::chrono_literals;
  figures_.log = {.head = 1,
                  .epochs = 2,
                  .oldest_entry = 3'500,
                  .oldest_in_memory = 4'500,
                  .journal_bytes = 5,
                  .journal_used_bytes = 6,
                  .unstored_bytes = 7,
                  .reads_waiting = 9,
                  .storage_up = true,
                  .storage_since = 10'500,
                  .storage_waiting = 7'500ms,
                  .last_commit = 11'500,
                  .last_commit_time = 12'500us,
                  .free_bytes = 13,
                  .keep_bytes = 14,
                  .keep_for = 15'500ms};
  expect({"fieldcast_log_head 1", "fieldcast_log_epochs 2", "fieldcast_oldest_entry_timestamp_seconds 3.5",
          "fieldcast_oldest_memory_entry_timestamp_seconds 4.5", "fieldcast_journal_bytes 5",
          "fieldcast_journal_used_bytes 6", "fieldcast_unstored_bytes 7", "fieldcast_history_reads_waiting 9",
          "fieldcast_storage_changed_timestamp_seconds 10.5", "fieldcast_storage_waiting_seconds 7.5",
          "fieldcast_last_commit_timestamp_seconds 11.5", "fieldcast_last_commit_seconds 0.0125",
          "fieldcast_storage_free_bytes 13", "fieldcast_storage_keep_bytes 14", "fieldcast_storage_keep_seconds 15.5"});
}

TEST_F(Metrics, ShowWhatIsDegradedHeldUpExpiringAndLogged) {
  figures_.events.noted[static_cast<std::size_t>(Event::broker_down)] = 21;
  figures_.events.lines = 22;
  figures_.events.lost_lines = 23;
  expect({"fieldcast_degraded{what=\"broker\"} 2", "fieldcast_degraded{what=\"storage\"} 0",
          "fieldcast_degraded_since_timestamp_seconds{what=\"broker\"} 1764000000.125",
          "fieldcast_certificate_expiry_timestamp_seconds 1800000000", "fieldcast_loop_lag_seconds{thread=\"0\"} 0.25",
          "fieldcast_loop_lag_seconds{thread=\"1\"} 0", "fieldcast_log_events_total{event=\"broker_down\"} 21",
          "fieldcast_log_lines_total 22", "fieldcast_log_lost_lines_total 23"});
  figures_.certificate_expires.reset();
  EXPECT_EQ(text().find("fieldcast_certificate_expiry"), std::string::npos);
}

TEST_F(Metrics, CountsExactlyPastADoublesSixDigits) {
  counters_.readings.set((std::uint64_t{1} << 53) - 1);
  EXPECT_TRUE(shows("fieldcast_readings_total 9007199254740991")) << text();
}

/// The families of a rendered text, each as a row of the documentation's table.
std::set<std::string> rows_of(const std::string& text) {
  std::set<std::string> rows;
  std::string name, type, labels, help;
  const auto finish = [&] {
    if (!name.empty()) rows.insert("| `" + name + "` | " + type + " | " + labels + " | " + help + " |");
  };
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("# HELP ")) {
      finish();
      name = line.substr(7, line.find(' ', 7) - 7);
      help = line.substr(8 + name.size());
    } else if (line.starts_with("# TYPE ")) {
      EXPECT_TRUE(line.starts_with("# TYPE " + name + ' ')) << line;
      type = line.substr(8 + name.size());
      labels.clear();
    } else {
      EXPECT_TRUE(line.starts_with(name + '{') || line.starts_with(name + ' ')) << line;
      // Label names: what stands between `{` or `,` and `="`.
      std::string found;
      for (std::size_t at = line.find('{'); at != std::string::npos; at = line.find("\",", at + 1)) {
        const std::size_t begin = at + (line[at] == '{' ? 1 : 2);
        found += (found.empty() ? "`" : ", `") + line.substr(begin, line.find('=', begin) - begin) + '`';
      }
      labels = found;
    }
  }
  finish();
  return rows;
}

TEST_F(Metrics, AreListedInTheDocumentation) {
  std::set<std::string> listed;
  for (const auto& line : lines_of(std::ifstream(FIELDCAST_SOURCE_DIR "/docs/metrics.md"))) {
    if (line.starts_with("| `fieldcast_") || line.starts_with("| `process_")) {
      // The second table holds expressions, which have no type.
      if (line.find(" | counter | ") != std::string::npos || line.find(" | gauge | ") != std::string::npos) {
        listed.insert(line);
      }
    }
  }
  const auto rendered = rows_of(text());
  for (const auto& row : rendered) EXPECT_TRUE(listed.contains(row)) << "is not in docs/metrics.md: " << row;
  for (const auto& row : listed) EXPECT_TRUE(rendered.contains(row)) << "is no metric: " << row;
}

TEST_F(Metrics, AreNamedByPrometheusConventions) {
  for (const auto& row : rows_of(text())) {
    const bool counter = row.find(" | counter | ") != std::string::npos;
    EXPECT_EQ(counter, row.find("_total` |") != std::string::npos) << row;
    EXPECT_TRUE(row.ends_with(". |")) << row;
  }
}

// Prometheus' own check of names, units, types and help.
TEST_F(Metrics, ArePassedByPromtool) {
  const test::TempDir dir;
  const std::string file = dir.write("metrics", text());
  test::Process promtool({"/bin/sh", "-c", "exec '" PROMTOOL "' check metrics < '" + file + "'"});
  EXPECT_EQ(promtool.wait_for_exit(), 0);
  EXPECT_EQ(promtool.output(), "");
}

TEST(Process, IsReadFromThisMachine) {
  const auto now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  const Process before = read_process();
  EXPECT_GT(before.resident_bytes, 100'000u);
  EXPECT_GE(before.max_fds, before.open_fds);
  EXPECT_GE(before.open_fds, 3u);
  EXPECT_LE(before.start_seconds, now + 1);
  EXPECT_GT(before.start_seconds, now - 3600);  // no run of the tests takes an hour

  // Only what gets to a disk counts.
  const test::TempDir dir;
  struct statfs system {};
  ASSERT_EQ(statfs(dir.path().c_str(), &system), 0);
  const bool on_disk = system.f_type != TMPFS_MAGIC;
  dir.write("file", std::string(1u << 20, 'x'));
  const std::uint64_t flash = read_process().flash_bytes - before.flash_bytes;
  EXPECT_EQ(flash >= 1u << 20, on_disk) << flash;

  const int fd = open("/dev/null", O_RDONLY);
  ASSERT_GE(fd, 0);
  const Process after = read_process();
  close(fd);
  EXPECT_EQ(after.open_fds, before.open_fds + 1);
  EXPECT_GE(after.cpu_seconds, before.cpu_seconds);
  EXPECT_GT(after.cpu_seconds, 0);
}

}  // namespace
}  // namespace fieldcast::metrics

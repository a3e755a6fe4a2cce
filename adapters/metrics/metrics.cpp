#include "adapters/metrics/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <functional>
#include <utility>
#include <vector>

#include "gateway/encoding.hpp"
#include "gateway/limit.hpp"
#include "gateway/problem.hpp"

namespace fieldcast::metrics {
namespace {

using Labels = std::vector<prometheus::ClientMetric::Label>;

// In the order of fieldcast::Transport.
constexpr std::array<const char*, kTransports> kTransportNames{"websocket", "events", "poll"};

// What can become of a command that a broker was found for, besides published.
constexpr std::array kCommandFailures{Code::bad_message, Code::too_many, Code::too_large, Code::refused,
                                      Code::no_broker,   Code::timeout,  Code::stopping};

/// Collects families; each call of counter() or gauge() begins one, sample() and sum() add to the last begun. There is
/// no other way to a counter than sum(), so that none can be shown of one set only.
class Page {
 public:
  explicit Page(std::span<const Counters* const> counters) : counters_(counters) {}

  Page& counter(const char* name, const char* help) { return begin(name, help, prometheus::MetricType::Counter); }
  Page& gauge(const char* name, const char* help) { return begin(name, help, prometheus::MetricType::Gauge); }

  Page& sample(double value, Labels labels = {}) {
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    auto& family = families_.back();
    (family.type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
    family.metric.push_back(std::move(metric));
    return *this;
  }
  Page& sample(std::uint64_t value, Labels labels = {}) {
    return sample(static_cast<double>(value), std::move(labels));
  }
  /// `which`: of a set, one counter: a member or a function.
  template <class Which>
  Page& sum(Which which, Labels labels = {}) {
    return sample(total(which), std::move(labels));
  }
  /// Of a counter of microseconds, in seconds.
  template <class Which>
  Page& seconds(Which which) {
    return sample(static_cast<double>(total(which)) / 1e6);
  }
  /// Of Unix milliseconds, as Prometheus has it.
  Page& timestamp(std::int64_t unix_ms, Labels labels = {}) {
    return sample(static_cast<double>(unix_ms) / 1e3, std::move(labels));
  }

  std::string text() const {
    return static_cast<const prometheus::Serializer&>(prometheus::TextSerializer{}).Serialize(families_);
  }

 private:
  template <class Which>
  std::uint64_t total(Which which) const {
    std::uint64_t total = 0;
    for (const Counters* const set : counters_) total += std::invoke(which, *set).value();
    return total;
  }

  Page& begin(const char* name, const char* help, prometheus::MetricType type) {
    families_.push_back({name, help, type, {}});
    return *this;
  }

  const std::span<const Counters* const> counters_;
  std::vector<prometheus::MetricFamily> families_;
};

void add_log(Page& page, const LogFigures& log) {
  page.gauge("fieldcast_log_head", "Sequence number of the newest entry.").sample(log.head);
  page.gauge("fieldcast_log_epochs", "Epochs of the log that are known: each start begins one.").sample(log.epochs);
  page.gauge("fieldcast_oldest_entry_timestamp_seconds",
             "When the oldest entry kept was received, in Unix time; 0 where there is none.")
      .timestamp(log.oldest_entry);
  page.counter("fieldcast_readings_total", "Readings appended to the log.").sum(&Counters::readings);
  page.counter("fieldcast_link_entries_total", "Link entries appended to the log.").sum(&Counters::links);
  page.counter("fieldcast_retained_repeats_total",
               "Retained messages left out because they equal the latest reading of their topic.")
      .sum(&Counters::retained_repeats);
  page.counter("fieldcast_redelivered_repeats_total",
               "Messages that the broker sent again and that were left out, since they are in the log for certain.")
      .sum(&Counters::redelivered_repeats);
  page.gauge("fieldcast_topics", "Topics whose latest reading is remembered.").sum(&Counters::topics);
  page.counter("fieldcast_topics_forgotten_total", "Topics whose latest reading was forgotten over a limit.")
      .sum(&Counters::topics_forgotten);
  page.gauge("fieldcast_latest_bytes", "Memory that those latest readings take.").sum(&Counters::latest_bytes);
  page.gauge("fieldcast_memory_entries", "Entries of the log in memory.").sum(&Counters::memory_entries);
  page.gauge("fieldcast_oldest_memory_entry_timestamp_seconds",
             "When the oldest of them was received, in Unix time; 0 where there is none.")
      .timestamp(log.oldest_in_memory);
  page.gauge("fieldcast_journal_bytes", "Size of the crash journal, which is that memory.").sample(log.journal_bytes);
  page.gauge("fieldcast_journal_used_bytes", "Bytes of it that entries take.").sample(log.journal_used_bytes);
}

void add_storage(Page& page, const LogFigures& log) {
  page.gauge("fieldcast_storage_up", "1 while the database can be written, else 0.")
      .sample(std::uint64_t{log.storage_up});
  page.gauge("fieldcast_storage_changed_timestamp_seconds",
             "When the database last went away or came back, in Unix time; the start where it did not.")
      .timestamp(log.storage_since);
  page.gauge("fieldcast_storage_waiting_seconds", "How long the disk has not answered; 0 while nothing is asked of it.")
      .sample(std::chrono::duration<double>(log.storage_waiting).count());
  page.gauge("fieldcast_unstored_entries", "Entries that are not on disk yet.").sum(&Counters::unstored_entries);
  page.gauge("fieldcast_unstored_bytes", "Memory that they take, about.").sample(log.unstored_bytes);
  page.counter("fieldcast_lost_entries_total", "Entries that made room for others before they were on disk.")
      .sum(&Counters::lost_entries);
  page.counter("fieldcast_commits_total", "Commits to the database.").sum(&Counters::commits);
  page.counter("fieldcast_commit_seconds_total", "Time that they took.").seconds(&Counters::commit_us);
  page.gauge("fieldcast_last_commit_seconds", "Time that the last one took.")
      .sample(std::chrono::duration<double>(log.last_commit_time).count());
  page.gauge("fieldcast_last_commit_timestamp_seconds", "When the last one was done, in Unix time; 0 before the first.")
      .timestamp(log.last_commit);
  page.counter("fieldcast_commit_failures_total", "Commits to the database, and attempts to open it, that failed.")
      .sum(&Counters::commit_failures);
  page.counter("fieldcast_stored_entries_total", "Entries written by those commits.").sum(&Counters::stored_entries);
  page.counter("fieldcast_blocks_total", "Blocks of entries put into the database.").sum(&Counters::blocks);
  page.counter("fieldcast_expired_blocks_total", "Blocks deleted because of storage.keep_for or storage.keep_bytes.")
      .sum(&Counters::expired_blocks);
  page.counter("fieldcast_damaged_blocks_total", "Blocks, and commits that were in none yet, that were read damaged.")
      .sum(&Counters::damaged);
  page.gauge("fieldcast_database_bytes", "Size of the database and its write-ahead log.")
      .sum(&Counters::database_bytes);
  page.gauge("fieldcast_storage_keep_bytes", "Size that the database may have: storage.keep_bytes.")
      .sample(log.keep_bytes);
  page.gauge("fieldcast_storage_keep_seconds", "How long entries are kept: storage.keep_for.")
      .sample(std::chrono::duration<double>(log.keep_for).count());
  page.gauge("fieldcast_storage_free_bytes", "Free on the database's file system, as of the last commit.")
      .sample(log.free_bytes);
  page.counter("fieldcast_history_reads_total", "Steps of replays that were answered from disk.")
      .sum(&Counters::history_reads);
  page.counter("fieldcast_history_read_seconds_total", "Time that those steps took.").seconds(&Counters::history_us);
  page.gauge("fieldcast_history_reads_waiting", "Such steps that the reader thread has not begun.")
      .sample(log.reads_waiting);
  page.counter("fieldcast_history_entries_total", "Entries in those answers.").sum(&Counters::history_entries);
  page.gauge("fieldcast_pages_bytes", "Pages of replays and history that are being made, or not yet in a socket.")
      .sum(&Counters::pages_bytes);
  page.gauge("fieldcast_replays_waiting", "Replays and pages of history that wait for others to be read from disk.")
      .sum(&Counters::replays_waiting);
}

void add_fan_out(Page& page) {
  page.counter("fieldcast_encodings_total",
               "Batches of readings encoded: live once for all clients with the same filters, else once for each page.")
      .sum(&Counters::encodings);
  page.counter("fieldcast_encoded_bytes_total", "Bytes of those batches.").sum(&Counters::encoded_bytes);
  page.gauge("fieldcast_views", "Distinct sets of topic filters kept.").sum(&Counters::views);
  page.gauge("fieldcast_view_bytes", "Encoded entries kept for all views.").sum(&Counters::view_bytes);
  page.gauge("fieldcast_view_filter_bytes", "Memory that those sets of topic filters take.")
      .sum(&Counters::view_filter_bytes);
  page.counter("fieldcast_replayed_readings_total", "Readings delivered from the log instead of a view.")
      .sum(&Counters::replayed_readings);
  page.counter("fieldcast_streams_fell_behind_total",
               "Times that a live stream was too slow for its view and went on from the log.")
      .sum(&Counters::fell_behind);
  page.counter("fieldcast_gaps_total", "Gaps stated to clients.");
  for (std::size_t i = 0; i < kGapReasons; ++i) {
    page.sum([i](const Counters& c) -> auto& { return c.gaps[i]; },
             {{"reason", std::string(to_string(static_cast<GapReason>(i)))}});
  }
}

void add_transports(Page& page) {
  const auto each = [&](const Counter TransportCounters::*counter) {
    for (std::size_t i = 0; i < kTransports; ++i) {
      page.sum([ i, counter ](const Counters& c) -> auto& { return c.transports[i].*counter; },
               {{"transport", kTransportNames[i]}});
    }
  };
  page.gauge("fieldcast_clients", "Open WebSockets and event streams, and polls that wait.");
  each(&TransportCounters::clients);
  page.counter("fieldcast_streams_total", "Streams begun; each poll is one.");
  each(&TransportCounters::streams);
  page.counter("fieldcast_sent_batches_total", "Batches handed to sockets.");
  each(&TransportCounters::batches);
  page.counter("fieldcast_delivered_readings_total", "Readings in those batches.");
  each(&TransportCounters::readings);
  page.counter("fieldcast_sent_bytes_total", "Bytes of those batches with their framing.");
  each(&TransportCounters::bytes);
}

void add_door(Page& page) {
  page.gauge("fieldcast_connections", "Open connections of clients.").sum(&Counters::connections);
  page.counter("fieldcast_accepted_connections_total", "Connections accepted.").sum(&Counters::connections_total);
  page.gauge("fieldcast_heads_bytes", "Bytes of requests whose head is not complete, or waits for its turn.")
      .sum(&Counters::heads_bytes);
  page.gauge("fieldcast_bodies_bytes", "Announced bytes of the commands whose body is being read.")
      .sum(&Counters::bodies_bytes);
  page.counter("fieldcast_tls_handshake_failures_total",
               "Connections that ended before their TLS handshake was through, port scans among them.")
      .sum(&Counters::tls_failures);
  page.counter("fieldcast_socket_received_bytes_total", "Bytes received from clients, TLS taken off.")
      .sum(&Counters::received_bytes);
  page.counter("fieldcast_socket_sent_bytes_total", "Bytes sent to clients: answers of all kinds, TLS among them.")
      .sum(&Counters::sent_bytes);
  page.counter("fieldcast_requests_total", "HTTP requests, WebSocket handshakes among them.").sum(&Counters::requests);
  page.counter("fieldcast_problems_total", "Errors that clients were answered with.");
  for (std::size_t i = 0; i < kCodes; ++i) {
    page.sum([i](const Counters& c) -> auto& { return c.problems[i]; },
             {{"code", std::string(info(static_cast<Code>(i)).word)}});
  }
  page.counter("fieldcast_limits_reached_total", "Times that a limit of docs/limits.md was reached.");
  for (std::size_t i = 0; i < kLimits; ++i) {
    page.sum([i](const Counters& c) -> auto& { return c.limits_reached[i]; },
             {{"limit", std::string(info(static_cast<Limit>(i)).word)}});
  }
  page.gauge("fieldcast_publishes_waiting", "Commands of clients that have no answer yet.")
      .sum(&Counters::publishes_waiting);
  page.gauge("fieldcast_publishes_waiting_bytes", "Bytes of those commands.").sum(&Counters::publish_bytes);
}

void add_brokers(Page& page, std::span<const BrokerRow> brokers) {
  const auto each = [&](auto member) {
    for (const BrokerRow& row : brokers) page.sample(std::uint64_t{row.*member}, {{"broker", row.name}});
  };
  const auto each_time = [&](std::int64_t BrokerRow::*member) {
    for (const BrokerRow& row : brokers) page.timestamp(row.*member, {{"broker", row.name}});
  };
  page.gauge("fieldcast_broker_up", "1 while the broker is connected, else 0.");
  each(&BrokerRow::up);
  page.gauge("fieldcast_broker_changed_timestamp_seconds",
             "When that last changed, in Unix time; the start where it did not.");
  each_time(&BrokerRow::since);
  page.counter("fieldcast_broker_connects_total", "Connections to the broker that came up.");
  each(&BrokerRow::connects);
  page.counter("fieldcast_broker_failures_total", "Attempts to connect that failed, and connections lost.");
  each(&BrokerRow::failures);
  page.gauge("fieldcast_broker_granted_filters", "Topic filters of mqtt.topics that the broker granted.");
  each(&BrokerRow::granted_filters);
  page.gauge("fieldcast_broker_refused_filters", "Topic filters of mqtt.topics that the broker did not grant.");
  each(&BrokerRow::refused_filters);
  page.counter("fieldcast_broker_messages_total", "Messages received, those dropped among them.");
  each(&BrokerRow::messages);
  page.counter("fieldcast_broker_received_bytes_total", "Bytes of the topics and payloads of those messages.");
  each(&BrokerRow::bytes);
  page.gauge("fieldcast_broker_last_message_timestamp_seconds",
             "When the last message came, in Unix time; 0 before the first.");
  each_time(&BrokerRow::last_message);
  page.counter("fieldcast_broker_dropped_messages_total", "Messages that did not become readings.");
  for (const BrokerRow& row : brokers) {
    page.sample(row.faulty_topics, {{"broker", row.name}, {"reason", "faulty_topic"}});
    page.sample(row.not_subscribed, {{"broker", row.name}, {"reason", "not_subscribed"}});
  }
  page.gauge("fieldcast_broker_open_commands", "Commands that have no answer yet.");
  each(&BrokerRow::open_commands);
  page.gauge("fieldcast_broker_open_command_bytes", "Bytes of the payloads of those commands.");
  each(&BrokerRow::open_command_bytes);
  page.counter("fieldcast_broker_commands_total", "Commands for the broker, by what became of them.");
  for (const BrokerRow& row : brokers) {
    page.sample(row.published, {{"broker", row.name}, {"result", "published"}});
    for (const Code code : kCommandFailures) {
      page.sample(row.failed_commands[static_cast<std::size_t>(code)],
                  {{"broker", row.name}, {"result", std::string(info(code).word)}});
    }
  }
}

void add_state(Page& page, const Figures& figures) {
  page.gauge("fieldcast_degraded", "Things of that kind that are not as they should be; /readyz names each.");
  for (const DegradedRow& row : figures.degraded) page.sample(row.number, {{"what", std::string(row.what)}});
  page.gauge("fieldcast_degraded_since_timestamp_seconds",
             "Since when the oldest of them is, in Unix time; 0 where there is none.");
  for (const DegradedRow& row : figures.degraded) page.timestamp(row.since, {{"what", std::string(row.what)}});
  if (figures.certificate_expires) {
    page.gauge("fieldcast_certificate_expiry_timestamp_seconds",
               "When the certificate in use expires, in Unix time; only where there is one.")
        .sample(static_cast<double>(*figures.certificate_expires));
  }
  page.gauge("fieldcast_loop_lag_seconds",
             "The longest that a thread's event loop was held up in the last one to two minutes.");
  for (std::size_t i = 0; i < figures.loop_lags.size(); ++i)
    page.sample(figures.loop_lags[i], {{"thread", std::to_string(i)}});
  page.counter("fieldcast_log_events_total", "Events for the operator's log, those that were only counted among them.");
  for (std::size_t i = 0; i < kEvents; ++i) {
    page.sample(figures.events.noted[i], {{"event", std::string(info(static_cast<Event>(i)).word)}});
  }
  page.counter("fieldcast_log_lines_total", "Lines written to the operator's log.").sample(figures.events.lines);
  page.counter("fieldcast_log_lost_lines_total", "Lines that the journal did not take at once, and that are lost.")
      .sample(figures.events.lost_lines);
}

void add_process(Page& page, const Process& process, std::string_view version) {
  page.gauge("fieldcast_build_info", "1, with the version of this build.")
      .sample(1.0, {{"version", std::string(version)}});
  page.counter("fieldcast_flash_bytes_total",
               "Bytes that the process wrote to disks: whole pages, as the system counts them.")
      .sample(process.flash_bytes);
  page.counter("process_cpu_seconds_total", "User and system CPU time spent.").sample(process.cpu_seconds);
  page.gauge("process_resident_memory_bytes", "Resident memory.").sample(process.resident_bytes);
  page.gauge("process_open_fds", "Open file descriptors.").sample(process.open_fds);
  page.gauge("process_max_fds", "File descriptors that may be open.").sample(process.max_fds);
  page.gauge("process_start_time_seconds", "Start of the process in Unix time.").sample(process.start_seconds);
}

}  // namespace

std::string render(const Figures& figures) {
  Page page(figures.counters);
  add_log(page, figures.log);
  add_storage(page, figures.log);
  add_fan_out(page);
  add_transports(page);
  add_door(page);
  add_brokers(page, figures.brokers);
  add_state(page, figures);
  add_process(page, figures.process, figures.version);
  return page.text();
}

}  // namespace fieldcast::metrics

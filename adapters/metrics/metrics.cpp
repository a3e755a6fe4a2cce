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
    std::uint64_t total = 0;
    for (const Counters* const set : counters_) total += std::invoke(which, *set).value();
    return sample(total, std::move(labels));
  }

  std::string text() const {
    return static_cast<const prometheus::Serializer&>(prometheus::TextSerializer{}).Serialize(families_);
  }

 private:
  Page& begin(const char* name, const char* help, prometheus::MetricType type) {
    families_.push_back({name, help, type, {}});
    return *this;
  }

  const std::span<const Counters* const> counters_;
  std::vector<prometheus::MetricFamily> families_;
};

void add_log(Page& page) {
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
  page.gauge("fieldcast_memory_entries", "Entries of the log in memory.").sum(&Counters::memory_entries);
}

void add_storage(Page& page, const StorageRow& storage) {
  page.gauge("fieldcast_storage_up", "1 while the database can be written, else 0.").sample(std::uint64_t{storage.up});
  page.gauge("fieldcast_storage_waiting_seconds", "How long the disk has not answered; 0 while nothing is asked of it.")
      .sample(storage.waiting_seconds);
  page.gauge("fieldcast_unstored_entries", "Entries that are not on disk yet.").sum(&Counters::unstored_entries);
  page.counter("fieldcast_lost_entries_total", "Entries that made room for others before they were on disk.")
      .sum(&Counters::lost_entries);
  page.counter("fieldcast_commits_total", "Commits to the database.").sum(&Counters::commits);
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
  page.counter("fieldcast_history_reads_total", "Steps of replays that were answered from disk.")
      .sum(&Counters::history_reads);
  page.counter("fieldcast_history_entries_total", "Entries in those answers.").sum(&Counters::history_entries);
}

void add_fan_out(Page& page) {
  page.counter("fieldcast_encodings_total",
               "Batches of readings encoded: live once for all clients with the same filters, else once for each page.")
      .sum(&Counters::encodings);
  page.gauge("fieldcast_views", "Distinct sets of topic filters kept.").sum(&Counters::views);
  page.gauge("fieldcast_view_bytes", "Encoded entries kept for all views.").sum(&Counters::view_bytes);
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
  page.counter("fieldcast_refused_connections_total", "Connections refused over limits.connections.")
      .sum(&Counters::connections_refused);
  page.counter("fieldcast_requests_total", "HTTP requests, WebSocket handshakes among them.").sum(&Counters::requests);
  page.counter("fieldcast_problems_total", "Errors that clients were answered with.");
  for (std::size_t i = 0; i < kCodes; ++i) {
    page.sum([i](const Counters& c) -> auto& { return c.problems[i]; },
             {{"code", std::string(info(static_cast<Code>(i)).word)}});
  }
  page.counter("fieldcast_limits_reached_total", "Times that a limit was reached.");
  for (std::size_t i = 0; i < kLimits; ++i) {
    page.sum([i](const Counters& c) -> auto& { return c.limits_reached[i]; },
             {{"limit", std::string(info(static_cast<Limit>(i)).word)}});
  }
}

void add_brokers(Page& page, std::span<const BrokerRow> brokers) {
  const auto each = [&](auto member) {
    for (const BrokerRow& row : brokers) page.sample(std::uint64_t{row.*member}, {{"broker", row.name}});
  };
  page.gauge("fieldcast_broker_up", "1 while the broker is connected, else 0.");
  each(&BrokerRow::up);
  page.counter("fieldcast_broker_connects_total", "Connections to the broker that came up.");
  each(&BrokerRow::connects);
  page.counter("fieldcast_broker_failures_total", "Attempts to connect that failed, and connections lost.");
  each(&BrokerRow::failures);
  page.gauge("fieldcast_broker_refused_filters", "Topic filters of mqtt.topics that the broker did not grant.");
  each(&BrokerRow::refused_filters);
  page.counter("fieldcast_broker_messages_total", "Messages received, those dropped among them.");
  each(&BrokerRow::messages);
  page.counter("fieldcast_broker_dropped_messages_total", "Messages that did not become readings.");
  for (const BrokerRow& row : brokers) {
    page.sample(row.faulty_topics, {{"broker", row.name}, {"reason", "faulty_topic"}});
    page.sample(row.not_subscribed, {{"broker", row.name}, {"reason", "not_subscribed"}});
  }
  page.gauge("fieldcast_broker_open_commands", "Commands that have no answer yet.");
  each(&BrokerRow::open_commands);
  page.counter("fieldcast_broker_commands_total", "Commands for the broker, by what became of them.");
  for (const BrokerRow& row : brokers) {
    page.sample(row.published, {{"broker", row.name}, {"result", "published"}});
    for (const Code code : kCommandFailures) {
      page.sample(row.failed_commands[static_cast<std::size_t>(code)],
                  {{"broker", row.name}, {"result", std::string(info(code).word)}});
    }
  }
}

void add_process(Page& page, const Process& process, std::string_view version) {
  page.gauge("fieldcast_build_info", "1, with the version of this build.")
      .sample(1.0, {{"version", std::string(version)}});
  page.counter("process_cpu_seconds_total", "User and system CPU time spent.").sample(process.cpu_seconds);
  page.gauge("process_resident_memory_bytes", "Resident memory.").sample(process.resident_bytes);
  page.gauge("process_open_fds", "Open file descriptors.").sample(process.open_fds);
  page.gauge("process_max_fds", "File descriptors that may be open.").sample(process.max_fds);
  page.gauge("process_start_time_seconds", "Start of the process in Unix time.").sample(process.start_seconds);
}

}  // namespace

std::string render(std::span<const Counters* const> counters, const StorageRow& storage,
                   std::span<const BrokerRow> brokers, const Process& process, std::string_view version) {
  Page page(counters);
  add_log(page);
  add_storage(page, storage);
  add_fan_out(page);
  add_transports(page);
  add_door(page);
  add_brokers(page, brokers);
  add_process(page, process, version);
  return page.text();
}

}  // namespace fieldcast::metrics

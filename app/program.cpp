#include "app/program.hpp"

#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "adapters/http/certificate.hpp"
#include "adapters/json/classify.hpp"
#include "adapters/logging/logging.hpp"
#include "adapters/metrics/metrics.hpp"
#include "adapters/mqtt/broker.hpp"
#include "adapters/mqtt/command_router.hpp"
#include "adapters/systemd/inherited_sockets.hpp"
#include "app/certificate_renewal.hpp"
#include "app/readiness.hpp"
#include "app/shards.hpp"
#include "app/supervision.hpp"
#include "app/version.hpp"
#include "app/watch.hpp"
#include "gateway/clock.hpp"
#include "gateway/event.hpp"
#include "storage/durable_log.hpp"
#include "web/page.hpp"

namespace fieldcast {
namespace {

// A stop takes 5 s at most: so long for the clients, about 2 s for the brokers, and for the disk what is left, which is
// kDiskPatience in any case.
constexpr std::chrono::milliseconds kStopTime{4'700};
constexpr std::chrono::milliseconds kClientPatience{1'500};
constexpr std::chrono::milliseconds kDiskPatience{1'200};
// Buffers from this size on go back to the system when they are freed. By default glibc raises the bound to the largest
// that it has seen, and one replay left some MB of holes. Costs some 60 us for each batch of 256 KiB.
constexpr int kReturnedBytes = 128 * 1024;
// How often the counters are looked at for what the operator should know, and counted events are written.
constexpr std::chrono::seconds kLook{1};
// Descriptors besides those of clients: logs, listening sockets, files; for each thread its event loop's three; for
// each broker its socket, and those of a name that is being resolved.
constexpr rlim_t kOwnDescriptors = 128;
constexpr rlim_t kThreadDescriptors = 3;
constexpr rlim_t kBrokerDescriptors = 8;

std::size_t count_threads(const Config& config) {
  if (config.server.threads != 0) return config.server.threads;
  return std::max(1u, std::thread::hardware_concurrency());  // 0 where it is not known
}

// Each client takes a descriptor, and the usual soft limit is 1,024.
void raise_descriptor_limit(const Config& config, std::size_t threads) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = config.limits.connections + kExtraConnections + kOwnDescriptors + threads * kThreadDescriptors +
                        config.mqtt.size() * kBrokerDescriptors;
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = std::min(wanted, limit.rlim_max);
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < wanted) {
    note(Event::few_descriptors, {},
         "this process may open " + std::to_string(limit.rlim_cur) + " files, too few for limits.connections = " +
             std::to_string(config.limits.connections) + ": raise LimitNOFILE, or lower the key");
  }
}

using InheritedSockets = std::vector<systemd::InheritedSocket>;

// What server.listen may not say without words, a socket may not bring either.
InheritedSockets take_inherited_sockets(const Config& config) {
  InheritedSockets sockets = systemd::take_inherited_sockets();
  for (const systemd::InheritedSocket& socket : sockets) {
    if (socket.loopback || config.server.anonymous != Anonymous::loopback) continue;
    throw ConfigFault(
        "the socket that systemd hands over, " + socket.address +
        ", is reached by other machines, but server.anonymous is \"loopback\": write anonymous = \"read\" "
        "to let everyone who reaches it read, or ListenStream=127.0.0.1:8080 in fieldcast.socket");
  }
  return sockets;
}

Shards::Options shard_options(const Config& config, const InheritedSockets& inherited,
                              const http::Certificate* certificate, std::size_t threads) {
  Shards::Options options;
  options.threads = threads;
  for (const systemd::InheritedSocket& socket : inherited) options.listen.push_back({socket.address, 0, socket.fd});
  if (inherited.empty()) {
    for (const ListenAddress& address : config.server.listen) options.listen.push_back({address.host, address.port});
  }
  const auto crowd = std::max<std::size_t>(1, config.limits.connections / 2 / threads);
  options.http = {config.server.hosts, config.server.origins, config.stalled, crowd, certificate};
  options.may_publish = config.server.anonymous != Anonymous::read;
  options.limits = config.limits;
  options.patience = kClientPatience;
  return options;
}

mqtt::Settings mqtt_settings(const Config::Mqtt& config) {
  mqtt::Settings settings;
  settings.name = config.name;
  settings.host = config.url.host;
  settings.port = config.url.port;
  settings.client_id = config.client_id;
  settings.topics = config.topics;
  settings.qos = static_cast<int>(config.qos);
  settings.prefix = config.prefix;
  settings.session_expiry = config.session_expiry;
  settings.keep_alive = config.keep_alive;
  settings.receive_maximum = static_cast<std::uint32_t>(config.receive_maximum);
  settings.maximum_packet_size = static_cast<std::uint32_t>(config.maximum_packet_size);
  settings.user = config.user;
  settings.password = config.password;
  if (config.url.tls) settings.tls = {config.tls_ca, config.tls.certificate, config.tls.key};
  if (config.probe != Probe::automatic) settings.probe = config.probe == Probe::on;
  return settings;
}

using Brokers = std::vector<std::unique_ptr<mqtt::Broker>>;

Brokers make_brokers(const Config& config, DurableLog& log, const Clock& clock) {
  Brokers brokers;
  for (const Config::Mqtt& broker : config.mqtt) {
    mqtt::Settings settings = mqtt_settings(broker);
    settings.former_topics = log.former_topics(settings.name);
    settings.log_is_empty = log.began_empty();
    brokers.push_back(
        std::make_unique<mqtt::Broker>(std::move(settings), config.server.name, config.limits, log, clock,
                                       [classifier = std::make_shared<json::Classifier>()](std::string_view payload) {
                                         const json::Classified result = classifier->classify(payload);
                                         return mqtt::Classified{result.kind, result.payload};
                                       }));
  }
  return brokers;
}

std::vector<mqtt::State> states(const Brokers& brokers) {
  std::vector<mqtt::State> out;
  for (const auto& broker : brokers) out.push_back(broker->state());
  return out;
}

std::vector<metrics::BrokerRow> metrics_rows(const Brokers& brokers, const mqtt::CommandRouter& commands) {
  std::vector<metrics::BrokerRow> rows;
  const std::vector<mqtt::CommandCounts> counts = commands.counts();
  for (const mqtt::State& state : states(brokers)) {
    const mqtt::CommandCounts& its = counts[rows.size()];
    metrics::BrokerRow row;
    row.name = state.name;
    row.up = state.up;
    row.since = state.since;
    row.connects = state.connects;
    row.failures = state.failures;
    row.granted_filters = state.subscribed;
    row.refused_filters = state.refused.size();
    row.messages = state.messages;
    row.bytes = state.bytes;
    row.last_message = state.last_message;
    row.faulty_topics = state.faulty_topics;
    row.not_subscribed = state.not_subscribed;
    row.open_commands = its.open;
    row.open_command_bytes = its.open_bytes;
    row.published = its.published;
    row.failed_commands = its.failed;
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<metrics::DegradedRow> metrics_rows(std::span<const Degraded> degraded) {
  std::vector<metrics::DegradedRow> rows;
  for (const std::string_view word : kPartWords) rows.push_back({word});
  for (const Degraded& each : degraded) {
    metrics::DegradedRow& row = rows[static_cast<std::size_t>(each.part)];
    row.since = row.number++ == 0 ? each.since : std::min(row.since, each.since);
  }
  return rows;
}

DurableLog::Options log_options(const Config& config) {
  DurableLog::Options options;
  options.path = config.storage.path;
  options.journal = config.storage.journal;
  options.memory_bytes = config.storage.memory_bytes;
  options.memory_entries = config.storage.memory_readings;
  options.commit_interval = config.storage.commit_interval;
  options.keep_for = config.storage.keep_for;
  options.keep_bytes = config.storage.keep_bytes;
  options.gateway = config.server.name;
  for (const Config::Mqtt& broker : config.mqtt) {
    options.brokers.push_back({broker.name, broker.topics, broker.receive_maximum});
  }
  options.on_change = [path = options.path](const StorageState& state) {
    if (state.up) {
      note(Event::storage_up, {path, {}}, "storage: " + path + " can be written");
    } else {
      note(Event::storage_down, {path, {}},
           "storage: " + state.detail + ": live delivery goes on, and what the journal cannot hold is lost");
    }
  };
  return options;
}

void keep_looking(asio::steady_timer& timer, const std::function<void()>& look) {
  timer.expires_after(kLook);
  timer.async_wait([&timer, look](std::error_code cancelled) {
    if (cancelled) return;
    look();
    keep_looking(timer, look);
  });
}

}  // namespace

void run_program(const Config& config, logging::Writer& writer) {
  mallopt(M_MMAP_THRESHOLD, kReturnedBytes);
  std::signal(SIGPIPE, SIG_IGN);  // a broker that goes while Paho writes
  // Paho would take MQTT through those proxies, and look their names up under the lock that all brokers share.
  unsetenv("http_proxy");
  unsetenv("https_proxy");
  const InheritedSockets inherited = take_inherited_sockets(config);
  const std::size_t threads = count_threads(config);
  raise_descriptor_limit(config, threads);

  const SystemClock clock;
  Counters log_counters;
  DurableLog log(clock, config.limits, log_options(config), log_counters);
  for (const auto& [event, text] : log.warnings()) note(event, {}, "storage: " + text);
  const Brokers brokers = make_brokers(config, log, clock);
  mqtt::CommandRouter commands(brokers, config.limits.payload, clock);
  std::atomic<bool> stopping{false};
  std::vector<const Counters*> counters{&log_counters};
  std::optional<http::Certificate> certificate;
  if (config.server.tls.given()) certificate.emplace(config.server.tls.certificate, config.server.tls.key);
  std::optional<Watch> watch;
  std::optional<Shards> shards;
  std::optional<CertificateRenewal> renewal;  // goes before the loop that it is on

  const auto find_all_degraded = [&] {
    Health health;
    health.brokers = states(brokers);
    health.storage = log.state();
    health.database = config.storage.path;
    if (renewal) health.certificate = renewal->state();
    health.clients_refused = watch->clients_refused();
    health.now = clock.wall_ms();
    return find_degraded(health);
  };

  // The handlers run on the threads of all shards.
  http::Routes routes;
  for (const web::File& file : web::files()) {
    routes[std::string(file.path)] = http::static_file(std::string(file.media_type), std::string(file.content));
  }
  routes["/healthz"] = {
      [](const http::Request&) { return http::make_response(200, "text/plain; charset=utf-8", "ok\n"); }};
  routes["/readyz"] = {[&](const http::Request& request) {
                         const bool strict = !request.parameters.empty();
                         if (strict && request.parameters[0].value != "1")
                           return http::problem_response({Code::bad_request, "`strict` takes 1"});
                         const Readiness readiness = judge(find_all_degraded(), stopping, strict);
                         return http::make_response(readiness.status, "application/json", readiness.body);
                       },
                       std::vector<std::string>{"strict"}};
  routes["/metrics"] = {[&](const http::Request&) {
    metrics::Figures figures;
    figures.counters = counters;
    figures.log = log.figures();
    figures.brokers = metrics_rows(brokers, commands);
    figures.loop_lags = shards->loop_lags();
    if (certificate) figures.certificate_expires = certificate->expires();
    figures.degraded = metrics_rows(find_all_degraded());
    figures.events = writer.counts();
    figures.process = metrics::read_process();
    figures.version = version();
    return http::make_response(200, std::string(metrics::kContentType), metrics::render(figures));
  }};

  try {
    shards.emplace(log, commands, clock,
                   shard_options(config, inherited, certificate ? &*certificate : nullptr, threads), routes);
  } catch (...) {
    log.finish();  // nothing was taken: the next start goes on where this one began
    throw;
  }
  for (const Counters* each : shards->counters()) counters.push_back(each);
  watch.emplace(counters, clock);
  if (certificate) renewal.emplace(shards->loop(), *certificate, config.server.tls.certificate, clock);

  Supervision supervision(
      shards->loop(), clock, [&] { return shards->turned(); },
      [&] {
        log.look();
        return logging::escape(judge(find_all_degraded(), stopping, false).summary);
      });

  std::optional<Instant> asked_to_stop;
  asio::signal_set signals(shards->loop(), SIGTERM, SIGINT);
  signals.async_wait([&](std::error_code, int) {
    note(Event::stopping, {}, "stopping");
    asked_to_stop = clock.now();
    stopping = true;
    supervision.stop();
    shards->stop();
  });

  note(Event::started, {},
       "fieldcast " + std::string(version()) + " is " + config.server.name + ", with " + std::to_string(threads) +
           (threads == 1 ? " thread" : " threads") + " for clients");
  for (const auto& endpoint : shards->endpoints()) {
    const std::string host = endpoint.address().to_string();
    const std::string address = std::string(certificate ? "https" : "http") + "://" +
                                (endpoint.address().is_v6() ? "[" + host + "]" : host) + ":" +
                                std::to_string(endpoint.port());
    note(Event::listening, {address, {}},
         "listening on " + address +
             (inherited.empty() ? "" : ", a socket of systemd's, in the place of server.listen"));
  }

  asio::steady_timer look_again(shards->loop());
  keep_looking(look_again, [&] {
    watch->look();
    writer.tick();
  });
  if (renewal) renewal->start();

  // Brokers and log stop in any case before the shards go, which they wake.
  std::exception_ptr fault;
  try {
    log.start();
    for (const auto& broker : brokers) broker->start();
    commands.start();
    supervision.start();
    shards->run();
  } catch (...) {
    fault = std::current_exception();
  }
  stopping = true;
  supervision.stop();
  const Instant began = asked_to_stop.value_or(clock.now());
  for (const auto& broker : brokers) broker->request_stop();
  commands.stop();
  for (const auto& broker : brokers) broker->stop();
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(began + kStopTime - clock.now());
  if (!log.stop(std::max(left, kDiskPatience))) {
    // A thread that hangs in the disk cannot be ended but with the process; the journal has what is not on disk.
    writer.finish();
    note(Event::stopped_without_disk, {}, "stopped without the disk: what it did not take is in the journal");
    std::_Exit(1);
  }
  if (fault) std::rethrow_exception(fault);
  writer.finish();
  note(Event::stopped, {}, "stopped");
}

}  // namespace fieldcast

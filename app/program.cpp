#include "app/program.hpp"

#include <malloc.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <algorithm>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "adapters/http/certificate.hpp"
#include "adapters/json/classify.hpp"
#include "adapters/metrics/metrics.hpp"
#include "adapters/mqtt/broker.hpp"
#include "adapters/mqtt/command_router.hpp"
#include "app/certificate_renewal.hpp"
#include "app/readiness.hpp"
#include "app/shards.hpp"
#include "app/version.hpp"
#include "gateway/clock.hpp"
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
  const rlim_t wanted = config.limits.connections + http::kExtraConnections + kOwnDescriptors +
                        threads * kThreadDescriptors + config.mqtt.size() * kBrokerDescriptors;
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = std::min(wanted, limit.rlim_max);
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < wanted) {
    spdlog::warn(
        "this process may open {} files, too few for limits.connections = {}: raise LimitNOFILE, or lower the key",
        limit.rlim_cur, config.limits.connections);
  }
}

Shards::Options shard_options(const Config& config, const http::Certificate* certificate, std::size_t threads) {
  Shards::Options options;
  options.threads = threads;
  for (const ListenAddress& address : config.server.listen) options.listen.push_back({address.host, address.port});
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
    rows.push_back({state.name, state.up, state.connects, state.failures, state.refused.size(), state.messages,
                    state.faulty_topics, state.not_subscribed, its.open, its.published, its.failed});
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
      spdlog::info("storage: {} can be written", path);
    } else {
      spdlog::error("storage: {}: live delivery goes on, and what the journal cannot hold is lost", state.detail);
    }
  };
  return options;
}

}  // namespace

void run_program(const Config& config) {
  mallopt(M_MMAP_THRESHOLD, kReturnedBytes);
  std::signal(SIGPIPE, SIG_IGN);  // a broker that goes while Paho writes
  // Paho would take MQTT through those proxies, and look their names up under the lock that all brokers share.
  unsetenv("http_proxy");
  unsetenv("https_proxy");
  const std::size_t threads = count_threads(config);
  raise_descriptor_limit(config, threads);

  const SystemClock clock;
  Counters log_counters;
  DurableLog log(clock, config.limits, log_options(config), log_counters);
  for (const std::string& warning : log.warnings()) spdlog::warn("storage: {}", warning);
  const Brokers brokers = make_brokers(config, log, clock);
  mqtt::CommandRouter commands(brokers, config.limits.payload, clock);
  std::atomic<bool> stopping{false};
  std::vector<const Counters*> counters{&log_counters};

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
                         const Readiness readiness =
                             judge(states(brokers), log.state(), config.storage.path, stopping, strict);
                         return http::make_response(readiness.status, "application/json", readiness.body);
                       },
                       std::vector<std::string>{"strict"}};
  routes["/metrics"] = {[&](const http::Request&) {
    return http::make_response(
        200, std::string(metrics::kContentType),
        metrics::render(counters, log.state().up, metrics_rows(brokers, commands), metrics::read_process(), version()));
  }};

  std::optional<http::Certificate> certificate;
  if (config.server.tls.given()) certificate.emplace(config.server.tls.certificate, config.server.tls.key);
  std::optional<Shards> shards;
  try {
    shards.emplace(log, commands, clock, shard_options(config, certificate ? &*certificate : nullptr, threads), routes);
  } catch (...) {
    log.finish();  // nothing was taken: the next start goes on where this one began
    throw;
  }
  for (const Counters* each : shards->counters()) counters.push_back(each);

  std::optional<Instant> asked_to_stop;
  asio::signal_set signals(shards->loop(), SIGTERM, SIGINT);
  signals.async_wait([&](std::error_code, int) {
    spdlog::info("stopping");
    asked_to_stop = clock.now();
    stopping = true;
    shards->stop();
  });

  spdlog::info("fieldcast {} is {}, with {} {} for clients", version(), config.server.name, threads,
               threads == 1 ? "thread" : "threads");
  for (const auto& endpoint : shards->endpoints()) {
    const std::string address = endpoint.address().to_string();
    spdlog::info("listening on {}://{}:{}", certificate ? "https" : "http",
                 endpoint.address().is_v6() ? "[" + address + "]" : address, endpoint.port());
  }

  asio::steady_timer look_again(shards->loop());
  if (certificate) keep_renewed(look_again, *certificate, kCertificateLook);

  // Brokers and log stop in any case before the shards go, which they wake.
  std::exception_ptr fault;
  try {
    log.start();
    for (const auto& broker : brokers) broker->start();
    commands.start();
    shards->run();
  } catch (...) {
    fault = std::current_exception();
  }
  const Instant began = asked_to_stop.value_or(clock.now());
  for (const auto& broker : brokers) broker->request_stop();
  commands.stop();
  for (const auto& broker : brokers) broker->stop();
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(began + kStopTime - clock.now());
  if (!log.stop(std::max(left, kDiskPatience))) {
    // A thread that hangs in the disk cannot be ended but with the process; the journal has what is not on disk.
    spdlog::error("stopped without the disk: what it did not take is in the journal");
    std::_Exit(1);
  }
  if (fault) std::rethrow_exception(fault);
  spdlog::info("stopped");
}

}  // namespace fieldcast

#include "app/program.hpp"

#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <asio/signal_set.hpp>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>

#include "adapters/json/classify.hpp"
#include "adapters/metrics/metrics.hpp"
#include "adapters/mqtt/broker.hpp"
#include "app/readiness.hpp"
#include "app/shard.hpp"
#include "app/version.hpp"
#include "gateway/clock.hpp"
#include "storage/durable_log.hpp"
#include "web/page.hpp"

namespace fieldcast {
namespace {

// A stop takes 5 s at most: so long for the clients, about 2 s for the brokers, and the rest for the disk.
constexpr std::chrono::milliseconds kClientPatience{1'500};
constexpr std::chrono::milliseconds kDiskPatience{1'200};
// Descriptors besides those of clients: the event loop, logs, listening sockets, brokers, files.
constexpr rlim_t kOwnDescriptors = 128;

// Each client takes a descriptor, and the usual soft limit is 1,024.
void raise_descriptor_limit(std::size_t connections) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = connections + http::kExtraConnections + kOwnDescriptors;
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = std::min(wanted, limit.rlim_max);
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < wanted) {
    spdlog::warn(
        "this process may open {} files, too few for limits.connections = {}: raise LimitNOFILE, or lower the key",
        limit.rlim_cur, connections);
  }
}

http::Settings http_settings(const Config& config) {
  http::Settings settings;
  settings.listen.clear();
  for (const ListenAddress& address : config.server.listen) settings.listen.push_back({address.host, address.port});
  settings.hosts = config.server.hosts;
  settings.origins = config.server.origins;
  settings.stalled = config.stalled;
  return settings;
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
  if (config.probe != Probe::automatic) settings.probe = config.probe == Probe::on;
  return settings;
}

metrics::BrokerRow metrics_row(const mqtt::State& state) {
  return {state.name,           state.up,       state.connects,      state.failures,
          state.refused.size(), state.messages, state.faulty_topics, state.not_subscribed};
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
  options.receive_maximum = config.mqtt.receive_maximum;
  options.brokers = {{config.mqtt.name, config.mqtt.topics}};
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
  std::signal(SIGPIPE, SIG_IGN);  // a broker that goes while Paho writes
  raise_descriptor_limit(config.limits.connections);

  const SystemClock clock;
  Counters counters;
  DurableLog log(clock, config.limits, log_options(config), counters);
  for (const std::string& warning : log.warnings()) spdlog::warn("storage: {}", warning);
  mqtt::Settings settings = mqtt_settings(config.mqtt);
  settings.former_topics = log.former_topics(settings.name);
  settings.log_is_empty = log.began_empty();
  mqtt::Broker broker(std::move(settings), config.server.name, config.limits, log, clock,
                      [classifier = std::make_shared<json::Classifier>()](std::string_view payload) {
                        const json::Classified result = classifier->classify(payload);
                        return mqtt::Classified{result.kind, result.payload};
                      });
  bool stopping = false;

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
                             judge(broker.state(), log.state(), config.storage.path, stopping, strict);
                         return http::make_response(readiness.status, "application/json", readiness.body);
                       },
                       std::vector<std::string>{"strict"}};
  routes["/metrics"] = {[&](const http::Request&) {
    const metrics::BrokerRow row = metrics_row(broker.state());
    return http::make_response(
        200, std::string(metrics::kContentType),
        metrics::render(counters, log.state().up, {&row, 1}, metrics::read_process(), version()));
  }};

  std::optional<Shard> door;
  try {
    door.emplace(log, clock, config.limits, counters, http_settings(config), std::move(routes));
  } catch (...) {
    log.finish();  // nothing was taken: the next start goes on where this one began
    throw;
  }
  Shard& shard = *door;

  asio::signal_set signals(shard.loop(), SIGTERM, SIGINT);
  signals.async_wait([&](std::error_code, int) {
    spdlog::info("stopping");
    stopping = true;
    shard.stop(kClientPatience);
  });

  spdlog::info("fieldcast {} is {}", version(), config.server.name);
  for (const auto& endpoint : shard.server().endpoints()) {
    const std::string address = endpoint.address().to_string();
    spdlog::info("listening on http://{}:{}", endpoint.address().is_v6() ? "[" + address + "]" : address,
                 endpoint.port());
  }
  log.start();
  broker.start();
  shard.run();
  broker.stop();
  if (!log.stop(kDiskPatience)) {
    // A thread that hangs in the disk cannot be ended but with the process; the journal has what is not on disk.
    spdlog::error("stopped without the disk: what it did not take is in the journal");
    std::_Exit(1);
  }
  spdlog::info("stopped");
}

}  // namespace fieldcast

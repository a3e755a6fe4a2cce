#include "app/readiness.hpp"

#include "gateway/encoding.hpp"

namespace fieldcast {

std::vector<Degraded> find_degraded(const Health& health) {
  std::vector<Degraded> out;
  for (const mqtt::State& broker : health.brokers) {
    const auto add = [&](const std::string& detail) {
      out.push_back({Part::broker, broker.name, broker.since, detail});
    };
    if (!broker.up) add("not connected" + (broker.last_error.empty() ? "" : ": " + broker.last_error));
    for (const std::string& filter : broker.refused) add("the broker refused the subscription to " + filter);
  }
  if (const StorageState& storage = health.storage; !storage.up)
    out.push_back({Part::storage, health.database, storage.since, storage.detail});
  if (const auto& certificate = health.certificate) {
    const auto add = [&](std::int64_t since, const std::string& detail) {
      out.push_back({Part::certificate, certificate->file, since, detail});
    };
    if (certificate->expires <= health.now) add(certificate->expires, "has expired: clients refuse it");
    if (!certificate->fault.empty())
      add(certificate->fault_since, certificate->fault + "; the former certificate stays in use");
  }
  if (health.clients_refused)
    out.push_back({Part::connections, "limits.connections", *health.clients_refused,
                   "clients are turned away, since so many are connected"});
  return out;
}

Readiness judge(std::span<const Degraded> degraded, bool stopping, bool strict) {
  std::string list, summary;
  for (const Degraded& each : degraded) {
    const std::string what(kPartWords[static_cast<std::size_t>(each.part)]);
    summary += (summary.empty() ? "degraded: " : "; ") + what + ' ' + each.name + ": " + each.detail;
    if (!list.empty()) list += ',';
    list += R"({"what":")" + what + R"(","name":)";
    append_json_string(list, each.name);
    list += R"(,"since":)" + std::to_string(each.since) + R"(,"detail":)";
    append_json_string(list, each.detail);
    list += '}';
  }
  Readiness readiness;
  readiness.status = stopping || (strict && !degraded.empty()) ? 503 : 200;
  readiness.body =
      std::string(R"({"status":")") + (stopping ? "stopping" : "ready") + R"(","degraded":[)" + list + "]}\n";
  readiness.summary = stopping ? "stopping" : summary.empty() ? "serving" : "serving, " + summary;
  return readiness;
}

}  // namespace fieldcast

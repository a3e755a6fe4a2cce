#include "app/readiness.hpp"

#include "gateway/encoding.hpp"

namespace fieldcast {

Readiness judge(std::span<const mqtt::State> brokers, const StorageState& storage, const std::string& database,
                bool stopping, bool strict) {
  std::string degraded, summary;
  const auto add = [&](const char* what, const std::string& name, std::int64_t since, const std::string& detail) {
    if (!degraded.empty()) degraded += ',';
    degraded += std::string(R"({"what":")") + what + R"(","name":)";
    append_json_string(degraded, name);
    degraded += R"(,"since":)" + std::to_string(since) + R"(,"detail":)";
    append_json_string(degraded, detail);
    degraded += '}';
    summary += summary.empty() ? "degraded: " : "; ";
    summary += std::string(what) + ' ' + name + ": " + detail;
  };
  for (const mqtt::State& broker : brokers) {
    const auto add_broker = [&](const std::string& detail) { add("broker", broker.name, broker.since, detail); };
    if (!broker.up) add_broker("not connected" + (broker.last_error.empty() ? "" : ": " + broker.last_error));
    for (const std::string& filter : broker.refused) add_broker("the broker refused the subscription to " + filter);
  }
  if (!storage.up) add("storage", database, storage.since, storage.detail);

  Readiness readiness;
  readiness.status = stopping || (strict && !degraded.empty()) ? 503 : 200;
  readiness.body =
      std::string(R"({"status":")") + (stopping ? "stopping" : "ready") + R"(","degraded":[)" + degraded + "]}\n";
  readiness.summary = stopping ? "stopping" : summary.empty() ? "serving" : "serving, " + summary;
  return readiness;
}

}  // namespace fieldcast

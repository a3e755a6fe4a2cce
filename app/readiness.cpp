#include "app/readiness.hpp"

#include "gateway/encoding.hpp"

namespace fieldcast {

Readiness judge(const mqtt::State& broker, bool stopping, bool strict) {
  std::string degraded;
  const auto add = [&](const std::string& detail) {
    if (!degraded.empty()) degraded += ',';
    degraded += R"({"what":"broker","name":)";
    append_json_string(degraded, broker.name);
    degraded += R"(,"since":)" + std::to_string(broker.since) + R"(,"detail":)";
    append_json_string(degraded, detail);
    degraded += '}';
  };
  if (!broker.up) add("not connected" + (broker.last_error.empty() ? "" : ": " + broker.last_error));
  for (const std::string& filter : broker.refused) add("the broker refused the subscription to " + filter);

  Readiness readiness;
  readiness.status = stopping || (strict && !degraded.empty()) ? 503 : 200;
  readiness.body =
      std::string(R"({"status":")") + (stopping ? "stopping" : "ready") + R"(","degraded":[)" + degraded + "]}\n";
  return readiness;
}

}  // namespace fieldcast

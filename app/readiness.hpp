// What /readyz answers: whether streams can be served, and what is degraded and since when; systemd is told the same.
// Pure.
#pragma once

#include <span>
#include <string>

#include "adapters/mqtt/broker.hpp"
#include "storage/durable_log.hpp"

namespace fieldcast {

struct Readiness {
  int status;        // 200, or 503 while stopping; with `strict` also where anything is degraded
  std::string body;  // {"status":"ready","degraded":[{"what":…,"name":…,"since":MS,"detail":…}]}, or "stopping"
  std::string summary;  // the same on one line, for people
};

/// Each broker that is not as it should be is named. `database` is the path of the database.
Readiness judge(std::span<const mqtt::State> brokers, const StorageState& storage, const std::string& database,
                bool stopping, bool strict);

}  // namespace fieldcast

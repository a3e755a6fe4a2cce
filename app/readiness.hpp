// What /readyz answers: whether streams can be served, and what is degraded and since when. Pure.
#pragma once

#include <string>

#include "adapters/mqtt/broker.hpp"

namespace fieldcast {

struct Readiness {
  int status;        // 200, or 503 while stopping; with `strict` also where anything is degraded
  std::string body;  // {"status":"ready"|"stopping","degraded":[{"what":"broker","name":…,"since":MS,"detail":…}]}
};

Readiness judge(const mqtt::State& broker, bool stopping, bool strict);

}  // namespace fieldcast

// What a gateway has counted of a limit of docs/limits.md: scripts/check-limits.py looks for it in the tests.
#pragma once

#include <string>

#include "tests/support/hall.hpp"

namespace fieldcast::test {

/// How often the limit was reached.
inline double reached(const Hall& hall, const std::string& limit) {
  return hall.metric("fieldcast_limits_reached_total{limit=\"" + limit + "\"}");
}

inline void wait_until_reached(const Hall& hall, const std::string& limit) {
  const Deadline deadline;
  while (reached(hall, limit) == 0)
    if (deadline.left_ms() == 0) throw TimedOut(limit + " was not reached");
}

}  // namespace fieldcast::test

// What has been counted of a limit: scripts/check-limits.py looks for it in the tests.
#pragma once

#include <cstdint>

#include "gateway/counters.hpp"

namespace fieldcast::test {

inline std::uint64_t reached(const Counters& counters, Limit limit) {
  return counters.limits_reached[static_cast<std::size_t>(limit)].value();
}

}  // namespace fieldcast::test

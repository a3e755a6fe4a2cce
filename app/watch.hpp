// Looks at the counters once a second, and notes for the operator what has grown that should not: so that what happens
// a thousand times a second, to any client on any thread, costs no more than its counter, and is one line.
//
// On the thread of the program's loop, but where another is named. Owned by the program; counters and clock outlive it.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>

#include "gateway/clock.hpp"
#include "gateway/counters.hpp"

namespace fieldcast {

// Clients count as being turned away until so long after the last of them: they come back in seconds.
inline constexpr std::chrono::seconds kRefusing{60};

class Watch {
 public:
  /// `counters`: those of the log and of each shard.
  Watch(std::span<const Counters* const> counters, const Clock& clock);

  void look();

  /// Unix ms since which clients are turned away because of limits.connections. Any thread.
  std::optional<std::int64_t> clients_refused() const;

 private:
  template <class Which>
  std::uint64_t sum(Which which) const;

  const std::span<const Counters* const> counters_;
  const Clock& clock_;
  std::array<std::uint64_t, kLimits> limits_reached_{};  // when it looked last
  std::uint64_t refused_ = 0, lost_ = 0, damaged_ = 0;
  Instant last_refused_{};
  std::atomic<std::int64_t> refusing_since_{0};  // 0 where none is
};

}  // namespace fieldcast

// Port: the two clocks. Wall time only labels readings; everything that waits or times out asks the
// steady clock, so that a clock that jumps changes no order and no deadline.
#pragma once

#include <chrono>
#include <cstdint>

namespace fieldcast {

/// Steady time since an arbitrary start.
using Instant = std::chrono::nanoseconds;

class Clock {
 public:
  virtual ~Clock() = default;
  /// Unix time in milliseconds. Any thread.
  virtual std::int64_t wall_ms() const noexcept = 0;
  /// Never goes back. Any thread.
  virtual Instant now() const noexcept = 0;
};

/// The machine's own clocks.
class SystemClock final : public Clock {
 public:
  std::int64_t wall_ms() const noexcept override;
  Instant now() const noexcept override;
};

}  // namespace fieldcast

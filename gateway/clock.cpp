#include "gateway/clock.hpp"

namespace fieldcast {

std::int64_t SystemClock::wall_ms() const noexcept {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

Instant SystemClock::now() const noexcept {
  return std::chrono::duration_cast<Instant>(std::chrono::steady_clock::now().time_since_epoch());
}

}  // namespace fieldcast

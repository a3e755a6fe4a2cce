// How long to wait before the next attempt to connect: full jitter, so that gateways which lost the same broker do not
// come back in step. Pure but for the injected random numbers; belongs to one thread.
#pragma once

#include <chrono>
#include <functional>

namespace fieldcast::mqtt {

class Backoff {
 public:
  // Short enough that a broker's restart is hardly noticed; long enough that one which is down for days costs nothing.
  static constexpr std::chrono::milliseconds kFirst{500};
  static constexpr std::chrono::milliseconds kLongest{30'000};

  /// `random` gives numbers in [0, 1), evenly spread.
  explicit Backoff(std::function<double()> random);

  /// Evenly spread between nothing and a ceiling that doubles with each call from kFirst to kLongest.
  std::chrono::milliseconds next();

  /// Back to kFirst.
  void reset() { ceiling_ = kFirst; }

 private:
  std::function<double()> random_;
  std::chrono::milliseconds ceiling_ = kFirst;
};

}  // namespace fieldcast::mqtt

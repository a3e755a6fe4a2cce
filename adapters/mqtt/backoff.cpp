#include "adapters/mqtt/backoff.hpp"

#include <algorithm>
#include <utility>

namespace fieldcast::mqtt {

Backoff::Backoff(std::function<double()> random) : random_(std::move(random)) {}

std::chrono::milliseconds Backoff::next() {
  const auto delay = std::chrono::duration_cast<std::chrono::milliseconds>(ceiling_ * random_());
  ceiling_ = std::min(ceiling_ * 2, kLongest);
  return delay;
}

}  // namespace fieldcast::mqtt

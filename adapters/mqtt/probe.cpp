#include "adapters/mqtt/probe.hpp"

namespace fieldcast::mqtt {

Probe::Step Probe::tick(Instant now, Instant heard, Instant returned) {
  const bool under_way = sent_ && returned < *sent_;
  if (under_way && now - *sent_ < kDeadline) return Step::wait;
  // Lost among other messages: QoS 0 gives way first. Only silence proves that it is not let through.
  if (under_way && heard < *sent_) return Step::give_up;
  sent_ = now;
  if (!first_sent_) first_sent_ = now;
  return Step::send;
}

}  // namespace fieldcast::mqtt

// When to send the probe of one connection, and when to give it up. Pure; belongs to the broker's thread.
#pragma once

#include <chrono>
#include <optional>

#include "gateway/clock.hpp"

namespace fieldcast::mqtt {

class Probe {
 public:
  // Paho's receive thread naps after one second of silence: twice a second is safely below.
  static constexpr std::chrono::milliseconds kInterval{500};
  // A probe that is not back after this, on a link that is silent otherwise, is not let through by the broker.
  static constexpr std::chrono::seconds kDeadline{5};

  enum class Step { wait, send, give_up };

  /// Called every kInterval. `heard`: when the last message of any kind came; `returned`: when the last probe did.
  /// At most one probe is under way, so that none pile up in Paho before a broker that does not read.
  Step tick(Instant now, Instant heard, Instant returned);

  /// Whether one was sent, and not one has come back.
  bool unanswered(Instant returned) const { return first_sent_ && returned < *first_sent_; }

 private:
  std::optional<Instant> first_sent_;
  std::optional<Instant> sent_;
};

}  // namespace fieldcast::mqtt

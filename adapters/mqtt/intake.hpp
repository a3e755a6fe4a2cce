// What becomes of a message from the broker: dropped, or an entry of the log. Called in Paho's receive thread, which
// acknowledges the message to the broker as soon as the call returns: so it never blocks, never throws, and an
// exception within ends the process, which leaves the message with the broker.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "adapters/mqtt/settings.hpp"
#include "gateway/limits.hpp"
#include "gateway/log.hpp"
#include "gateway/topic_filter.hpp"

namespace fieldcast::mqtt {

/// A payload as it shall be kept; `kind` is json, text or binary.
struct Classified {
  Kind kind;
  std::string_view payload;
};

/// Port: judges a payload of at most `limits.payload` bytes. The result is good until the next call. Called in Paho's
/// receive thread only.
using Classify = std::function<Classified(std::string_view payload)>;

/// A PUBLISH packet; views that live during the call.
struct Message {
  std::string_view topic;
  std::string_view payload;
  bool retained = false;
  bool duplicate = false;       // the DUP flag: the broker may have sent it before
  std::uint8_t qos = 0;         // that it was delivered with
  std::uint16_t packet_id = 0;  // 0 at QoS 0
};

enum class Outcome : std::uint8_t {
  appended,        // handed to the log (which leaves out retained repeats)
  own_probe,       // our probe came back
  other_probe,     // another gateway's, which our filters match
  not_subscribed,  // of a filter that a former configuration left in the broker's session
  faulty_topic,    // no topic name by MQTT 5, or too long with the prefix
};

class Intake {
 public:
  /// The log outlives it.
  Intake(const Settings& settings, const Limits& limits, LogWriter& log, Classify classify);

  Outcome take(const Message& message) noexcept;

 private:
  const std::string broker_;
  const std::string probe_topic_;
  const std::string prefix_;
  const FilterSet filters_;
  const std::size_t longest_payload_;
  LogWriter& log_;
  Classify classify_;
  std::string topic_;  // prefix and topic; kept so that a message costs no allocation
};

}  // namespace fieldcast::mqtt

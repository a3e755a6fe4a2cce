#include "adapters/mqtt/intake.hpp"

#include <utility>

namespace fieldcast::mqtt {

Intake::Intake(const Settings& settings, const Limits& limits, LogWriter& log, Classify classify)
    : broker_(settings.name),
      probe_topic_(mqtt::probe_topic(settings)),
      prefix_(settings.prefix),
      filters_(settings.topics),
      longest_payload_(limits.payload),
      log_(log),
      classify_(std::move(classify)) {}

Outcome Intake::take(const Message& message) noexcept {
  if (message.topic.starts_with(kProbePrefix))
    return message.topic == probe_topic_ ? Outcome::own_probe : Outcome::other_probe;
  topic_.assign(prefix_).append(message.topic);
  if (message.topic.empty() || topic_fault(topic_)) return Outcome::faulty_topic;
  if (!filters_.matches(message.topic)) return Outcome::not_subscribed;

  NewEntry entry;
  entry.broker = broker_;
  entry.topic = topic_;
  entry.retained = message.retained;
  entry.redelivered = message.duplicate;
  entry.qos = message.qos;
  entry.packet_id = message.packet_id;
  if (message.payload.size() > longest_payload_) {
    entry.kind = Kind::omitted;
    entry.size = message.payload.size();
  } else {
    const Classified classified = classify_(message.payload);
    entry.kind = classified.kind;
    entry.payload = classified.payload;
  }
  log_.append(entry);
  return Outcome::appended;
}

}  // namespace fieldcast::mqtt

// One MQTT 5 client of a broker: Paho, with what was learned about it, behind one door. The only header that names
// Paho.
//
// Owned and driven by one thread, the broker's; the events come in Paho's. No event comes once the destructor, which
// waits up to a second or so for Paho's threads to end with the last client, has returned.
//
// One client lives through all reconnects, since it holds what a session of QoS 2 remembers on our side. Automatic
// reconnect is off, and each connect() names one address: with more Paho would connect again on its own.
#pragma once

// Paho C++ has no other way to a message's packet id than the c_struct() that it shows its unit tests. The macro only
// adds inline functions.
#define UNIT_TESTS
#include <mqtt/async_client.h>
#undef UNIT_TESTS

#include <chrono>
#include <cstdint>
#include <string>

#include "adapters/mqtt/connection_events.hpp"
#include "adapters/mqtt/settings.hpp"

namespace fieldcast::mqtt {

class Connection final : private ::mqtt::iaction_listener {
 public:
  // Paho looks at its deadlines every three seconds only, so an attempt takes up to that much longer.
  static constexpr std::chrono::seconds kConnectTimeout{5};

  /// Settings and events outlive it.
  Connection(const Settings& settings, ConnectionEvents& events);

  /// Begins an attempt; on_up or on_connect_failed follows. The host is a numeric address without brackets; over TLS it
  /// is what the broker's certificate must be for, since Paho knows but one name of a broker.
  void connect(const std::string& host, std::uint16_t port);

  /// Which retained messages a subscription brings (MQTT 5 section 3.8.3.1).
  enum class Retained : std::uint8_t { all, only_if_new };  // new to the session at the broker

  /// Begins a subscription; on_subscribed follows, or on_down.
  void subscribe(const std::string& filter, int qos, Retained retained);

  /// Begins to end a subscription, which the session need not have; on_unsubscribed follows, or on_down.
  void unsubscribe(const std::string& filter);

  /// Sends the probe; where that is not possible, on_down will tell.
  void send_probe();

  /// Begins to end the connection and keeps the session; on_disconnected follows, unless there is none to end.
  void disconnect();

 private:
  void on_success(const ::mqtt::token& token) override;
  void on_failure(const ::mqtt::token& token) override;

  const Settings& settings_;
  ConnectionEvents& events_;
  const std::string probe_topic_;
  ::mqtt::async_client client_;
};

}  // namespace fieldcast::mqtt

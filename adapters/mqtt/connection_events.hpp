// Port: what a Connection tells its broker. Called in Paho's threads, one call at a time and in the order of the wire,
// under a lock that all MQTT clients of the process share: so an event never blocks and never calls back.
#pragma once

#include <string>

#include "adapters/mqtt/intake.hpp"

namespace fieldcast::mqtt {

class ConnectionEvents {
 public:
  /// The broker accepted the connection. Comes before any message of it.
  virtual void on_up(bool session_resumed) noexcept = 0;
  /// The broker or the network ended the connection: no message of it comes any more. May come twice.
  virtual void on_down(const std::string& reason) noexcept = 0;
  /// disconnect() has ended the connection: no message of it comes any more.
  virtual void on_disconnected() noexcept = 0;
  /// An attempt to connect failed. The reason is empty where Paho knows none.
  virtual void on_connect_failed(const std::string& reason) noexcept = 0;
  /// The answer to a subscription; granted where the refusal is empty.
  virtual void on_subscribed(const std::string& filter, const std::string& refusal) noexcept = 0;
  /// The answer to unsubscribe(); the subscription is gone where the refusal is empty.
  virtual void on_unsubscribed(const std::string& filter, const std::string& refusal) noexcept = 0;
  /// Acknowledged to the broker when this returns.
  virtual void on_message(const Message& message) noexcept = 0;

 protected:
  ~ConnectionEvents() = default;
};

}  // namespace fieldcast::mqtt

// A broker, a gateway on it and a publisher, ready when constructed: what most tests need. The test's main
// thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "tests/support/gateway.hpp"
#include "tests/support/mosquitto.hpp"
#include "tests/support/publisher.hpp"
#include "tests/support/stream_client.hpp"

namespace fieldcast::test {

class Hall {
 public:
  explicit Hall(Gateway::Options options = {});

  std::uint16_t port() const { return gateway_->port(); }
  Gateway& gateway() { return *gateway_; }
  Mosquitto& broker() { return broker_; }
  Publisher& publisher() { return *publisher_; }

  /// Publishes and waits until the reading is in the gateway's log.
  void publish(const Message& message);
  void publish(const std::string& topic, const std::string& payload) { publish(Message{topic, payload}); }

  /// Waits until what was published before is in the gateway's log.
  void settle();

  /// Waits until what is in the log is on disk too.
  void wait_until_stored() const;

  /// `receive_buffer` as Socket has it.
  std::unique_ptr<StreamClient> open(Transport transport, const Query& query, int receive_buffer = 0) const {
    return open_stream(transport, gateway_->peer(), query, receive_buffer);
  }

  /// A counter or gauge of /metrics, all its label sets summed up. Throws where there is none.
  double metric(const std::string& name) const;

  /// A topic that nobody else uses.
  std::string topic(const std::string& name = "t");

 private:
  Mosquitto broker_;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<Publisher> publisher_;
  unsigned topics_ = 0;
  unsigned marks_ = 0;
};

/// One hall for all tests of a program that do not stop or stall anything.
Hall& shared_hall();

}  // namespace fieldcast::test

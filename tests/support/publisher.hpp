// Publishes to a broker over MQTT 5, reconnects by itself, and knows what the broker acknowledged. Owned and
// used by one thread; libmosquitto's own thread only counts.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>

#include "tests/support/deadline.hpp"

struct mosquitto;

namespace fieldcast::test {

struct Message {
  std::string topic;
  std::string payload;
  int qos = 1;
  bool retain = false;
};

class Publisher {
 public:
  /// Connects and waits for the CONNACK.
  Publisher(std::uint16_t broker_port, const std::string& client_id);
  ~Publisher();
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  /// Hands a message over; waits while kWindow messages are not yet acknowledged.
  void send(const Message& message);
  /// Waits until the broker has acknowledged all (QoS 0: until all are in the socket).
  void flush(Deadline deadline = {});
  void publish(const Message& message) {
    send(message);
    flush();
  }

  static constexpr std::size_t kWindow = 100;

 private:
  static void on_connect(mosquitto*, void* self, int reason);
  static void on_publish(mosquitto*, void* self, int message_id);
  void wait_for_window(std::size_t size, Deadline deadline);

  mosquitto* client_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool connected_ = false;
  std::set<int> acknowledged_;  // before send() knew their ids
  std::set<int> outstanding_;
};

}  // namespace fieldcast::test

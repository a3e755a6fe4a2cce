// What a device would get: messages as they come from a broker over MQTT 5, byte for byte. Owned and used by one
// thread; libmosquitto's own thread only collects.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>

#include "tests/support/deadline.hpp"
#include "tests/support/publisher.hpp"

namespace fieldcast::test {

class Subscriber {
 public:
  /// Subscribes with QoS 2 and waits for the SUBACK.
  Subscriber(std::uint16_t broker_port, const std::string& filter);
  ~Subscriber();
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;

  /// The next message. Throws TimedOut.
  Message next(Deadline deadline = {});

 private:
  mosquitto* client_;
  const std::string filter_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool subscribed_ = false;
  std::deque<Message> messages_;
};

}  // namespace fieldcast::test

// The hall's link to its broker: MQTT 5, QoS 1, a session that ends with the connection. It comes back by
// itself and holds nothing for a broker that is away. Used on the main thread; what happens on Paho's
// thread (a command, a link up or down) wakes that thread with kWake.
#pragma once

#include <mqtt/async_client.h>
#include <pthread.h>

#include <chrono>
#include <csignal>
#include <deque>
#include <mutex>
#include <optional>
#include <string>

#include "demo/hall.hpp"

namespace fieldcast::demo {

/// The signal that ends a wait of the main thread; blocked there, taken by sigtimedwait.
inline constexpr int kWake = SIGUSR1;

class Connection {
 public:
  using Clock = std::chrono::steady_clock;

  /// Made on the main thread. `url` is mqtt://HOST:PORT.
  explicit Connection(const std::string& url);

  /// Connects where it is time to. True while the broker is there.
  bool keep_up(Clock::time_point now);

  /// When to call keep_up() again at the latest, while there is no broker.
  Clock::time_point retry_at() const { return retry_at_; }

  /// How many times the broker was reached.
  unsigned generation() const { return generation_; }

  /// False where the broker is gone or kUnacknowledged messages wait for it: the message is lost, as a
  /// sensor's reading is.
  bool publish(const Message& message);

  std::optional<std::string> take_command();

  /// Says good-bye; waits half a second at most.
  void close();

 private:
  void greet();
  void attempt();
  void on_command(const mqtt::message& message) noexcept;

  const std::string url_;
  const pthread_t main_thread_ = pthread_self();
  std::mutex mutex_;
  std::deque<std::string> commands_;  // guarded by mutex_, at most kCommands
  mqtt::token_ptr attempt_;
  Clock::time_point retry_at_{};
  unsigned generation_ = 0;
  bool up_ = false;
  bool complained_ = false;    // of this outage
  mqtt::async_client client_;  // last: its destructor ends the callbacks into the members above
};

}  // namespace fieldcast::demo

// Clients that a gateway must outlive: they open connections and drop them in ten ways, or hold them and do nothing.
// An object belongs to one thread.
#pragma once

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/deadline.hpp"

namespace fieldcast::test {

enum class Drop : unsigned char {
  reset,           // at once
  fin,             // at once
  half_head,       // then the end
  half_hello,      // of TLS, then the end
  half_body,       // of a command, then a reset
  unread_answers,  // to many requests sent in one go, then a reset
  web_socket,      // a reset when the handshake is through
  half_frame,      // the end within a frame of a WebSocket
  events,          // a reset in an event stream
  parked_poll,     // the end, while the answer is waited for
};
inline constexpr std::size_t kDrops = 10;

/// Opens a connection to 127.0.0.1 and drops it. Throws std::system_error where it cannot be opened.
void drop_one(std::uint16_t port, Drop how);

/// Connections that are held until the gateway lets them go.
class Flock {
 public:
  /// Each sends `first` when it is open.
  Flock(std::uint16_t port, std::string first) : port_(port), first_(std::move(first)) {}
  ~Flock();
  Flock(const Flock&) = delete;
  Flock& operator=(const Flock&) = delete;

  void open(std::size_t count);

  /// Until `left` are open at most, each sends `dribble` once a second. Throws TimedOut.
  void wait_until_let_go(std::size_t left, std::string_view dribble, Deadline deadline);

  std::size_t size() const { return sockets_.size(); }
  /// The longest that one was open that was let go.
  std::chrono::duration<double> longest() const { return longest_; }

 private:
  using Clock = std::chrono::steady_clock;

  void look(std::size_t i);

  const std::uint16_t port_;
  const std::string first_;
  std::vector<pollfd> sockets_;
  std::vector<Clock::time_point> opened_;  // of each
  std::chrono::duration<double> longest_{0};
};

}  // namespace fieldcast::test

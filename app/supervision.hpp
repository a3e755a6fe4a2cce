// What systemd is told of the program, and when: that streams can be served once they can, how it is whenever that
// changes, and that it is alive only while every event loop turns. Threads that wait for the disk do not count: they
// stop no stream, and starting again would not mend the disk.
//
// On the thread of the loop that it is given. Owned by the program; what it asks outlives it.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "adapters/systemd/notifier.hpp"
#include "gateway/clock.hpp"

namespace fieldcast {

// It looks so often, or four times in the watchdog's interval where that is shorter.
inline constexpr std::chrono::seconds kLookTime{1};

class Supervision {
 public:
  /// `turned`: up to when all event loops have turned. `summary`: how the program is, on one line; asked at each look.
  Supervision(asio::io_context& loop, const Clock& clock, std::function<Instant()> turned,
              std::function<std::string()> summary);

  /// Ready with the loop's first turn.
  void start();
  /// May be called again.
  void stop();

 private:
  void look();
  void feed_watchdog();

  asio::io_context& loop_;
  const Clock& clock_;
  const std::function<Instant()> turned_;
  const std::function<std::string()> summary_;
  const std::optional<Instant> watchdog_;
  systemd::Notifier notifier_;
  asio::steady_timer timer_;
  std::optional<Instant> fed_;
  bool ready_ = false;  // and that was told
  bool stopping_ = false;
};

}  // namespace fieldcast

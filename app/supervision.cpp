#include "app/supervision.hpp"

#include <algorithm>
#include <asio/post.hpp>
#include <utility>

namespace fieldcast {

Supervision::Supervision(asio::io_context& loop, const Clock& clock, std::function<Instant()> turned,
                         std::function<std::string()> summary)
    : loop_(loop),
      clock_(clock),
      turned_(std::move(turned)),
      summary_(std::move(summary)),
      watchdog_(systemd::Notifier::watchdog()),
      timer_(loop) {}

void Supervision::start() {
  asio::post(loop_, [this] {
    if (!stopping_) look();
  });
}

void Supervision::stop() {
  if (std::exchange(stopping_, true)) return;
  timer_.cancel();
  notifier_.stopping(summary_());
}

void Supervision::look() {
  const std::string summary = summary_();
  if (ready_) {
    notifier_.status(summary);
  } else {
    ready_ = notifier_.ready(summary);
  }
  feed_watchdog();
  const Instant often = kLookTime;
  timer_.expires_after(
      std::chrono::duration_cast<asio::steady_timer::duration>(watchdog_ ? std::min(often, *watchdog_ / 4) : often));
  timer_.async_wait([this](std::error_code cancelled) {
    if (!cancelled && !stopping_) look();
  });
}

// A loop that stands still for less than the interval may be forgiven, and one that does so for one and a half of it
// never is: it is fed each quarter, and for half of it after the last turn.
void Supervision::feed_watchdog() {
  if (!watchdog_) return;
  const Instant now = clock_.now();
  if (fed_ && now - *fed_ < *watchdog_ / 4) return;
  if (now - turned_() > *watchdog_ / 2) return;
  if (notifier_.alive()) fed_ = now;
}

}  // namespace fieldcast

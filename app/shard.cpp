#include "app/shard.hpp"

#include <pthread.h>

#include <algorithm>
#include <array>
#include <asio/post.hpp>
#include <string>
#include <utility>

#include "adapters/json/command.hpp"
#include "adapters/websocket/session.hpp"
#include "gateway/event.hpp"

namespace fieldcast {
namespace {

// A loop that is held up for so long is worth a line of the log.
constexpr std::chrono::seconds kHeldUp{1};

}  // namespace

Shard::Shard(Log& log, Publisher& publisher, bool may_publish, const Clock& clock, const Limits& limits,
             const http::Settings& settings, http::Routes routes)
    : clock_(clock),
      turned_(clock.now().count()),
      limits_(limits),
      hub_(log, clock, limits_, counters_, *this),
      publications_(publisher, json::parse_command, may_publish, *this),
      server_(loop_, hub_, publications_, settings, std::move(routes),
              [this](http::UpgradeRequest&& request, Outlet& outlet) {
                return websocket::open(request.head, request.request.parameters, request.refused, hub_, publications_,
                                       incomplete_messages_, outlet);
              }),
      tick_timer_(loop_),
      patience_timer_(loop_) {
  log.add_wakeup(*this);
}

void Shard::run() {
  tick_due_ = clock_.now();
  tick();
  loop_.run();
}

void Shard::stop(std::chrono::milliseconds patience) {
  asio::post(loop_, [this, patience] {
    server_.stop([this] { loop_.stop(); });
    patience_timer_.expires_after(patience);
    patience_timer_.async_wait([this](std::error_code cancelled) {
      if (cancelled) return;
      server_.abort_all();
      loop_.stop();
    });
  });
}

// One post wakes the loop, however many readings come before it runs.
void Shard::wake() noexcept {
  if (run_posted_.exchange(true, std::memory_order_acq_rel)) return;
  asio::post(loop_, [this] {
    // An exchange, no store: the look at the log's head that follows must not come before it, or a reading that is
    // appended in between wakes nobody.
    run_posted_.exchange(false, std::memory_order_acq_rel);
    hub_.run();
    publications_.run();
  });
}

void Shard::tick() {
  note_lag();
  turned_.store(clock_.now().count(), std::memory_order_relaxed);
  hub_.tick();
  counters_.publishes_waiting.set(publications_.waiting());
  counters_.publish_bytes.set(publications_.waiting_bytes());
  tick_timer_.expires_after(kTick);
  tick_timer_.async_wait([this](std::error_code cancelled) {
    if (!cancelled) tick();
  });
}

void Shard::note_lag() {
  const Instant now = clock_.now(), late = std::max(now - tick_due_, Instant{});
  lag_.note(now, late);
  tick_due_ = now + kTick;
  if (late < kHeldUp) return;
  std::array<char, 16> thread{};  // pthread_getname_np(3)
  pthread_getname_np(pthread_self(), thread.data(), thread.size());
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(late).count();
  note(Event::loop_held, {thread.data(), {}},
       std::string("thread ") + thread.data() + ": its clients waited for " + std::to_string(ms) + " ms");
}

}  // namespace fieldcast

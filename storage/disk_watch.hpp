// How long a thread's step with the disk has taken: a disk that hangs ends no call and reports no error, so that only
// somebody else can tell.
//
// step() and rest() are the watched thread's, and those who ask it for something; the rest is for any thread, and takes
// no lock, since the thread that hangs might hold it.
#pragma once

#include <atomic>
#include <chrono>

#include "gateway/clock.hpp"

namespace fieldcast {

// A step that takes longer means that the disk hangs: a slow card takes a second for a sync at times, and a card that
// collects its garbage several.
inline constexpr std::chrono::seconds kHangTime{5};

class DiskWatch {
 public:
  explicit DiskWatch(const Clock& clock) : clock_(clock) {}

  /// A step begins; the one before, if any, is over.
  void step() noexcept { since_.store(clock_.now().count(), std::memory_order_relaxed); }
  /// Nothing is asked of the disk.
  void rest() noexcept { since_.store(kResting, std::memory_order_relaxed); }

  bool busy() const noexcept { return since_.load(std::memory_order_relaxed) != kResting; }
  /// Of the step under way; 0 while there is none.
  Instant waiting() const noexcept {
    const Instant::rep since = since_.load(std::memory_order_relaxed);
    return since == kResting ? Instant{0} : clock_.now() - Instant(since);
  }

 private:
  static constexpr Instant::rep kResting = -1;

  const Clock& clock_;
  std::atomic<Instant::rep> since_{kResting};
};

}  // namespace fieldcast

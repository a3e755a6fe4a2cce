// How late an event loop is: the longest that its tick was late in the last minute or two. A loop that is held up holds
// up all clients of its shard. note() on the loop's thread, value() on any. Owned by the shard.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>

#include "gateway/clock.hpp"

namespace fieldcast {

class LoopLag {
 public:
  /// A tick that was due `late` ago has come.
  void note(Instant now, Instant late) noexcept {
    if (now - began_ >= kWindow) {
      before_ = now - began_ < 2 * kWindow ? longest_.load() : Instant{};
      longest_ = Instant{};
      began_ = now;
    }
    if (late > longest_.load()) longest_ = late;
  }
  Instant value() const noexcept { return std::max(longest_.load(), before_.load()); }

 private:
  static constexpr std::chrono::minutes kWindow{1};

  Instant began_{};
  std::atomic<Instant> longest_{Instant{}}, before_{Instant{}};  // in this window, and in the one before it
};

}  // namespace fieldcast

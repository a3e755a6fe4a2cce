// How long a test waits for something that must happen. A deadline only ever passes in a test that fails;
// nothing in the tests waits for time to go by. Plain value, any thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>

namespace fieldcast::test {

/// Long enough for a sanitizer build on a busy machine.
inline constexpr std::chrono::seconds kPatience{30};

/// What was waited for did not happen.
struct TimedOut : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Deadline {
 public:
  Deadline() : Deadline(kPatience) {}
  explicit Deadline(std::chrono::milliseconds from_now) : at_(std::chrono::steady_clock::now() + from_now) {}

  std::chrono::steady_clock::time_point at() const { return at_; }
  /// Milliseconds left, never negative: as poll(2) takes them.
  int left_ms() const {
    using namespace std::chrono;
    return static_cast<int>(std::max<long long>(0, ceil<milliseconds>(at_ - steady_clock::now()).count()));
  }

 private:
  std::chrono::steady_clock::time_point at_;
};

}  // namespace fieldcast::test

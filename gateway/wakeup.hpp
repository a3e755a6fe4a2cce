// Port: how another thread tells a shard that there is something for it. Implemented in app/.
#pragma once

namespace fieldcast {

class Wakeup {
 public:
  virtual ~Wakeup() = default;
  /// There are new entries, or an answer to what was asked. Must not block, throw or call back into the caller. Any
  /// thread.
  virtual void wake() noexcept = 0;
};

}  // namespace fieldcast

// One thread of another process, standing still for as long as the object lives, while the others run on. The test's
// main thread, which started the process.
#pragma once

#include <sys/types.h>

#include <string>

namespace fieldcast::test {

class HeldThread {
 public:
  /// `name`: as pthread_setname_np(3) gave it; that of the main thread is the program's. Throws TimedOut where there is
  /// none.
  HeldThread(pid_t process, const std::string& name);
  ~HeldThread() { release(); }
  HeldThread(const HeldThread&) = delete;
  HeldThread& operator=(const HeldThread&) = delete;

  /// Lets it run on; to be called before anybody waits for the end of its process.
  void release();

 private:
  const pid_t process_;
  pid_t thread_ = 0;
};

}  // namespace fieldcast::test

#include "storage/file_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace fieldcast {

FileLock::FileLock(const std::string& guarded)
    : fd_(open((guarded + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644)) {
  if (fd_ < 0 || flock(fd_, LOCK_EX | LOCK_NB) == 0) return;
  close(fd_);
  throw FileInUse(guarded + " is in use by another gateway: stop that one, or give this one a storage.path of its own");
}

FileLock::~FileLock() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace fieldcast

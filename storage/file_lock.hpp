// One process at a time: an advisory lock (flock) on a file of its own beside what it guards, since SQLite's own locks
// go with any descriptor of the database that this process closes. Gone with the object, or the process.
#pragma once

#include <stdexcept>
#include <string>

namespace fieldcast {

/// Another process has it.
class FileInUse : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class FileLock {
 public:
  /// Locks `guarded`.lock, and makes it where it is missing. Throws FileInUse. Where the file cannot be had at all
  /// there is no lock: then what it guards cannot be written either.
  explicit FileLock(const std::string& guarded);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  bool held() const { return fd_ >= 0; }

 private:
  int fd_;
};

}  // namespace fieldcast

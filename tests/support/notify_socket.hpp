// What a program tells its service manager (sd_notify(3)), received as systemd does. The test's thread.
#pragma once

#include <string>
#include <vector>

#include "tests/support/deadline.hpp"
#include "tests/support/temp_dir.hpp"

namespace fieldcast::test {

class NotifySocket {
 public:
  enum class Kind { path, abstract };
  explicit NotifySocket(Kind kind = Kind::path);
  ~NotifySocket();
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;

  /// For the program's environment: "NOTIFY_SOCKET=…".
  std::string variable() const { return "NOTIFY_SOCKET=" + name_; }

  /// Waits for the next message that has `text` in it, and returns it. Throws TimedOut.
  std::string wait_for(const std::string& text, Deadline deadline = {});
  /// Whether one that has `text` in it comes before the deadline.
  bool comes(const std::string& text, Deadline deadline);
  /// All that came up to now, in order.
  const std::vector<std::string>& messages() const { return messages_; }
  /// Takes what is there without waiting for more.
  void drain();

 private:
  bool receive(Deadline deadline);

  TempDir directory_;
  std::string name_;
  int fd_ = -1;
  std::vector<std::string> messages_;
};

}  // namespace fieldcast::test

// What the service manager is told: that streams can be served, how the program is, that it stops, and that it is
// alive. Does nothing where nobody listens ($NOTIFY_SOCKET).
//
// One thread. Never waits: libsystemd's sd_notify(3) does, where the manager does not read, and an event loop must not
// stand still for that. So a message can get lost; true is returned where it did not.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <optional>
#include <string>

namespace fieldcast::systemd {

class Notifier {
 public:
  Notifier();
  ~Notifier();
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  /// How long it may take from one alive() to the next; empty where nobody waits for them.
  static std::optional<std::chrono::microseconds> watchdog();

  /// Streams can be served. `status`: one line for people, in `systemctl status`.
  bool ready(const std::string& status);
  /// Nothing is sent where it is what was told before.
  bool status(const std::string& status);
  bool stopping(const std::string& status);
  bool alive();

 private:
  bool send(const std::string& message) const;
  bool send_with_status(const std::string& message, const std::string& status);

  int fd_ = -1;  // no socket: nobody listens
  sockaddr_un address_{};
  socklen_t length_ = 0;
  std::string told_;
};

}  // namespace fieldcast::systemd

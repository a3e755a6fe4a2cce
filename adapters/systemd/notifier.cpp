#include "adapters/systemd/notifier.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string_view>

#include "adapters/systemd/environment.hpp"

namespace fieldcast::systemd {

Notifier::Notifier() {
  const std::string_view name = variable("NOTIFY_SOCKET");
  // A path, or a name of its own space behind an @. Virtual machines have other forms, which are not for a service.
  if (name.size() < 2 || name.size() > sizeof address_.sun_path || (name[0] != '/' && name[0] != '@')) return;
  fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  address_.sun_family = AF_UNIX;
  std::memcpy(address_.sun_path, name.data(), name.size());
  if (name[0] == '@') address_.sun_path[0] = '\0';
  length_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
}

Notifier::~Notifier() {
  if (fd_ >= 0) ::close(fd_);
}

std::optional<std::chrono::microseconds> Notifier::watchdog() {
  const auto interval = number("WATCHDOG_USEC");
  if (!interval || *interval <= 0) return std::nullopt;
  if (!variable("WATCHDOG_PID").empty() && number("WATCHDOG_PID") != ::getpid()) return std::nullopt;
  return std::chrono::microseconds(*interval);
}

bool Notifier::ready(const std::string& status) {
  return send_with_status("READY=1\n", status);
}

bool Notifier::status(const std::string& status) {
  return status == told_ || send_with_status("", status);
}

bool Notifier::stopping(const std::string& status) {
  return send_with_status("STOPPING=1\n", status);
}

bool Notifier::alive() {
  return send("WATCHDOG=1");
}

bool Notifier::send_with_status(const std::string& message, const std::string& status) {
  std::string line = status;
  std::replace(line.begin(), line.end(), '\n', ' ');  // each line of a message is a variable
  if (!send(message + "STATUS=" + line)) return false;
  told_ = status;
  return true;
}

bool Notifier::send(const std::string& message) const {
  if (fd_ < 0) return true;
  const auto sent = ::sendto(fd_, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                             reinterpret_cast<const sockaddr*>(&address_), length_);
  return sent >= 0;
}

}  // namespace fieldcast::systemd

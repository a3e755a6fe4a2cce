#include "tests/support/notify_socket.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

#include "tests/support/throw_errno.hpp"

namespace fieldcast::test {

NotifySocket::NotifySocket(Kind kind)
    : name_((kind == Kind::abstract ? "@" : "") + (directory_.path() / "notify").string()),
      fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name_.data(), name_.size());
  if (kind == Kind::abstract) address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name_.size());
  if (bind(fd_, reinterpret_cast<const sockaddr*>(&address), length) != 0) throw_errno("bind");
}

NotifySocket::~NotifySocket() {
  close(fd_);
}

bool NotifySocket::receive(Deadline deadline) {
  pollfd waiting{fd_, POLLIN, 0};
  if (poll(&waiting, 1, deadline.left_ms()) <= 0) return false;
  char bytes[4096];
  const auto size = recv(fd_, bytes, sizeof bytes, 0);
  if (size < 0) throw_errno("recv");
  messages_.emplace_back(bytes, static_cast<std::size_t>(size));
  return true;
}

bool NotifySocket::comes(const std::string& text, Deadline deadline) {
  while (receive(deadline))
    if (messages_.back().find(text) != std::string::npos) return true;
  return false;
}

std::string NotifySocket::wait_for(const std::string& text, Deadline deadline) {
  if (comes(text, deadline)) return messages_.back();
  std::string all;
  for (const auto& message : messages_) all += '\n' + message;
  throw TimedOut("no message \"" + text + "\" among:" + all);
}

void NotifySocket::drain() {
  while (receive(Deadline(std::chrono::milliseconds(0)))) continue;
}

}  // namespace fieldcast::test

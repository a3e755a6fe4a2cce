#include "adapters/logging/journal.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace fieldcast::logging {

std::string journal_datagram(std::span<const Field> fields) {
  std::string out;
  for (const auto& [name, value] : fields) {
    if (!value.empty()) out.append(name).append(1, '=').append(value).append(1, '\n');
  }
  return out;
}

JournalSocket::JournalSocket(std::string path)
    : path_(std::move(path)), fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {}

JournalSocket::~JournalSocket() {
  if (fd_ >= 0) close(fd_);
}

JournalSocket::Sent JournalSocket::send(std::string_view datagram) noexcept {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (fd_ < 0 || path_.size() >= sizeof address.sun_path) return Sent::not_there;
  std::copy(path_.begin(), path_.end(), address.sun_path);
  for (;;) {
    const auto sent = sendto(fd_, datagram.data(), datagram.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                             reinterpret_cast<const sockaddr*>(&address), sizeof address);
    if (sent >= 0) return Sent::taken;
    if (errno == EINTR) continue;
    const bool nobody = errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR || errno == EACCES;
    return nobody ? Sent::not_there : Sent::refused;
  }
}

}  // namespace fieldcast::logging

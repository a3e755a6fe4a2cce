#include "tests/support/socket.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "tests/support/throw_errno.hpp"

namespace fieldcast::test {
Socket::Socket(std::uint16_t port, int receive_buffer) {
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0) throw_errno("socket");
  if (receive_buffer > 0) setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int error = errno;
    ::close(fd_);
    throw std::system_error(error, std::generic_category(), "connect");
  }
}

Socket::~Socket() {
  if (fd_ >= 0) ::close(fd_);
}

Socket::Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)), buffer_(std::move(other.buffer_)) {}

void Socket::send(std::string_view bytes, Deadline deadline) {
  while (!bytes.empty()) {
    pollfd waiting{fd_, POLLOUT, 0};
    if (poll(&waiting, 1, deadline.left_ms()) <= 0) throw TimedOut("the peer does not read");
    const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EPIPE || errno == ECONNRESET) {
      throw EndOfStream("the peer has closed");
    } else if (errno != EAGAIN && errno != EINTR) {
      throw_errno("send");
    }
  }
}

bool Socket::fill(Deadline deadline) {
  char bytes[64 * 1024];
  for (;;) {
    pollfd waiting{fd_, POLLIN, 0};
    if (poll(&waiting, 1, deadline.left_ms()) == 0) throw TimedOut("nothing came; last: " + buffer_.substr(0, 200));
    const auto n = recv(fd_, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n > 0) {
      buffer_.append(bytes, static_cast<std::size_t>(n));
      return true;
    }
    if (n == 0 || errno == ECONNRESET) return false;
    if (errno != EAGAIN && errno != EINTR) throw_errno("recv");
  }
}

std::string Socket::read_until(std::string_view delimiter, Deadline deadline) {
  std::size_t searched = 0;
  for (;;) {
    if (const auto at = buffer_.find(delimiter, searched); at != std::string::npos) {
      auto text = buffer_.substr(0, at + delimiter.size());
      buffer_.erase(0, text.size());
      return text;
    }
    searched = buffer_.size() < delimiter.size() ? 0 : buffer_.size() - delimiter.size() + 1;
    if (!fill(deadline)) throw EndOfStream("the connection ended after: " + buffer_.substr(0, 200));
  }
}

std::string Socket::read(std::size_t size, Deadline deadline) {
  while (buffer_.size() < size)
    if (!fill(deadline)) throw EndOfStream("the connection ended after: " + buffer_.substr(0, 200));
  auto bytes = buffer_.substr(0, size);
  buffer_.erase(0, size);
  return bytes;
}

std::string Socket::read_some(Deadline deadline) {
  if (buffer_.empty()) fill(deadline);
  return std::exchange(buffer_, {});
}

std::string Socket::read_to_end(Deadline deadline) {
  while (fill(deadline)) continue;
  return std::exchange(buffer_, {});
}

bool Socket::ends(Deadline deadline) {
  return buffer_.empty() && !fill(deadline);
}

void Socket::cut() {
  const linger now{1, 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  ::close(std::exchange(fd_, -1));
}

void Socket::close_write() {
  shutdown(fd_, SHUT_WR);
}

}  // namespace fieldcast::test

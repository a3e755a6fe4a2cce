#include "tests/support/socket.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "tests/support/throw_errno.hpp"

namespace fieldcast::test {

Socket::Socket(const Peer& peer, int receive_buffer) {
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0) throw_errno("socket");
  if (receive_buffer > 0) setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(peer.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int error = errno;
    ::close(fd_);
    throw std::system_error(error, std::generic_category(), "connect");
  }
  if (peer.authority.empty()) return;
  try {
    begin_tls(peer);
  } catch (...) {
    ::close(fd_);
    throw;
  }
}

Socket::~Socket() {
  if (fd_ >= 0) ::close(fd_);
}

Socket::Socket(Socket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), tls_(std::move(other.tls_)), buffer_(std::move(other.buffer_)) {}

void Socket::SslFree::operator()(SSL* ssl) const {
  SSL_free(ssl);
}

void Socket::begin_tls(const Peer& peer) {
  signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (SSL_CTX_load_verify_file(context.get(), peer.authority.c_str()) != 1)
    throw std::runtime_error("no authority in " + peer.authority);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE);
  if (peer.newest_tls != 0) {
    SSL_CTX_set_security_level(context.get(), 0);  // 1.1 counts as broken
    SSL_CTX_set_min_proto_version(context.get(), 0);
    SSL_CTX_set_max_proto_version(context.get(), peer.newest_tls);
  }
  SSL_CTX_set_alpn_protos(context.get(), reinterpret_cast<const unsigned char*>(peer.protocols.data()),
                          static_cast<unsigned>(peer.protocols.size()));
  tls_.reset(SSL_new(context.get()));
  X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls_.get()), "127.0.0.1");
  SSL_set_fd(tls_.get(), fd_);
  fcntl(fd_, F_SETFL, O_NONBLOCK);
  const Deadline deadline;
  for (int result = 0; (result = SSL_connect(tls_.get())) != 1;) {
    const short events = tls_waits_for(result, "TLS handshake");
    if (events == 0) throw std::runtime_error("the connection ended in the TLS handshake");
    wait(events, "the peer does not answer the TLS handshake", deadline);
  }
}

void Socket::wait(short events, const char* what, Deadline deadline) const {
  pollfd waiting{fd_, events, 0};
  if (poll(&waiting, 1, deadline.left_ms()) <= 0)
    throw TimedOut(what + std::string("; last: ") + buffer_.substr(0, 200));
}

short Socket::tls_waits_for(int result, const char* what) const {
  const int error = SSL_get_error(tls_.get(), result);
  const unsigned long queued = ERR_get_error();
  ERR_clear_error();
  switch (error) {
    case SSL_ERROR_WANT_READ:
      return POLLIN;
    case SSL_ERROR_WANT_WRITE:
      return POLLOUT;
    case SSL_ERROR_ZERO_RETURN:
    case SSL_ERROR_SYSCALL:  // a reset
      return 0;
    default:
      if (ERR_GET_REASON(queued) == SSL_R_UNEXPECTED_EOF_WHILE_READING) return 0;
      throw std::runtime_error(std::string(what) + ": " + ERR_error_string(queued, nullptr));
  }
}

bool Socket::ended_by_tls() const {
  return (SSL_get_shutdown(tls_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
}

void Socket::send(std::string_view bytes, Deadline deadline) {
  while (tls_ && !bytes.empty()) {
    const int n = SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size()));
    if (n > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
    } else {
      const short events = tls_waits_for(n, "send");
      if (events == 0) throw EndOfStream("the peer has closed");
      wait(events, "the peer does not read", deadline);
    }
  }
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
  while (tls_) {
    const int n = SSL_read(tls_.get(), bytes, sizeof bytes);
    if (n > 0) {
      buffer_.append(bytes, static_cast<std::size_t>(n));
      return true;
    }
    const short events = tls_waits_for(n, "read");
    if (events == 0) return false;
    wait(events, "nothing came", deadline);
  }
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
  if (tls_) SSL_shutdown(tls_.get());
  shutdown(fd_, SHUT_WR);
}

}  // namespace fieldcast::test

#include "adapters/http/channel.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace fieldcast::http {
namespace {

// The first byte of a TLS connection: the type of the record that holds the ClientHello (RFC 8446 section 5.1).
constexpr char kHandshakeRecord = 22;

}  // namespace

Channel::Channel(Socket socket, SslHandle tls) : socket_(std::move(socket)) {
  if (tls) tls_.emplace(std::move(tls));
}

Channel::Input Channel::read_plain(char* to, std::size_t room, int flags) {
  const auto size = ::recv(handle(), to, room, MSG_DONTWAIT | flags);
  if (size > 0) return {Input::Kind::bytes, static_cast<std::size_t>(size)};
  if (size == 0) return {Input::Kind::end};
  return {errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? Input::Kind::nothing : Input::Kind::failed};
}

Channel::Input Channel::read(char* to, std::size_t room) {
  if (tls_ && !seen_) {
    const Input first = read_plain(to, 1, MSG_PEEK);
    if (first.kind != Input::Kind::bytes) return first;
    seen_ = true;
    if (*to != kHandshakeRecord) {
      tls_.reset();
      return {Input::Kind::no_tls};
    }
  }
  if (!tls_) return read_plain(to, room, 0);
  const auto [state, size] = tls_->read(to, room);
  switch (state) {
    case TlsSession::State::done:
      return {Input::Kind::bytes, size};
    case TlsSession::State::waiting:
      return {Input::Kind::nothing};
    case TlsSession::State::ended:
      return {Input::Kind::end};
    case TlsSession::State::failed:
      break;
  }
  return {Input::Kind::failed};
}

TlsSession::State Channel::end_output() {
  if (tls_) {
    const auto state = tls_->end_output();
    if (state != TlsSession::State::done) return state;
  }
  std::error_code error;
  socket_.shutdown(Socket::shutdown_send, error);
  return error ? TlsSession::State::failed : TlsSession::State::done;
}

Socket::wait_type Channel::reading_waits_for() const {
  return tls_ && tls_->read_waits_for_room() ? Socket::wait_write : Socket::wait_read;
}

Socket::wait_type Channel::writing_waits_for() const {
  return tls_ && !tls_->write_waits_for_room() ? Socket::wait_read : Socket::wait_write;
}

}  // namespace fieldcast::http

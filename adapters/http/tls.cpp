#include "adapters/http/tls.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>

namespace fieldcast::http {

TlsSession::State TlsSession::state_after(int result, bool& waits_for_room) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      waits_for_room = false;
      return State::waiting;
    case SSL_ERROR_WANT_WRITE:
      waits_for_room = true;
      return State::waiting;
    case SSL_ERROR_ZERO_RETURN:
      return State::ended;
    default:
      return State::failed;
  }
}

TlsSession::Step TlsSession::read(char* to, std::size_t room) {
  std::size_t size = 0;
  ERR_clear_error();  // the queue is the thread's: SSL_get_error() would take an older one for this call's
  const int result = SSL_read_ex(ssl_.get(), to, room, &size);
  if (result == 1) {
    read_waits_for_room_ = false;
    return {State::done, size};
  }
  return {state_after(result, read_waits_for_room_)};
}

TlsSession::Step TlsSession::write(std::string_view bytes) {
  std::size_t size = 0;
  ERR_clear_error();
  const int result = SSL_write_ex(ssl_.get(), bytes.data(), std::min(bytes.size(), kRecordBytes), &size);
  if (result == 1) return {State::done, size};
  const State state = state_after(result, write_waits_for_room_);
  return {state == State::ended ? State::failed : state};
}

TlsSession::State TlsSession::end_output() {
  ERR_clear_error();
  const int result = SSL_shutdown(ssl_.get());
  if (result >= 0) return State::done;
  const State state = state_after(result, write_waits_for_room_);
  return state == State::ended ? State::failed : state;
}

bool TlsSession::pending() const {
  return SSL_pending(ssl_.get()) > 0;
}

bool TlsSession::established() const {
  return SSL_is_init_finished(ssl_.get()) == 1;
}

std::uint64_t TlsSession::taken() const {
  return BIO_number_written(SSL_get_wbio(ssl_.get()));
}

}  // namespace fieldcast::http

// A client's connection below HTTP: its socket, with TLS on it or without. Bytes are written by the Outbox.
//
// Belongs to one connection, on its shard's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "adapters/http/socket.hpp"
#include "adapters/http/tls.hpp"

namespace fieldcast::http {

class Channel {
 public:
  /// `tls`: what Certificate::begin_session() made for this socket; null: plain.
  Channel(Socket socket, SslHandle tls);

  struct Input {
    enum class Kind : unsigned char {
      bytes,
      nothing,  // wait for it
      end,      // the client has sent all that it will
      no_tls,   // TLS is spoken here and the client does not: the channel is plain from now on, and nothing was read
      failed,   // the connection is of no use any more
    };
    Kind kind;
    std::size_t size = 0;
  };
  /// One read, without waiting. `room` is not 0.
  Input read(char* to, std::size_t room);

  /// Says that nothing more is sent, by TLS and by TCP: done, waiting for room, or failed.
  TlsSession::State end_output();

  /// Bytes can be read at once, though the socket will not become readable for them.
  bool pending() const { return tls_ && tls_->pending(); }
  /// The TLS handshake is through, or there is none.
  bool established() const { return !tls_ || tls_->established(); }

  /// What the next read or write waits for.
  Socket::wait_type reading_waits_for() const;
  Socket::wait_type writing_waits_for() const;

  TlsSession* tls() { return tls_ ? &*tls_ : nullptr; }
  int handle() { return socket_.native_handle(); }
  Socket& socket() { return socket_; }

 private:
  Input read_plain(char* to, std::size_t room, int flags);

  Socket socket_;
  std::optional<TlsSession> tls_;
  bool seen_ = false;  // the client's first byte
};

}  // namespace fieldcast::http

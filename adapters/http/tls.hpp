// TLS on one non-blocking socket: what is read and written passes through it. The handshake is part of the first reads.
// No call waits.
//
// Belongs to one connection, on its shard's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "adapters/http/certificate.hpp"

namespace fieldcast::http {

// Most bytes of one record (RFC 8446 section 5.1), and so of one write.
inline constexpr std::size_t kRecordBytes = 16 * 1024;

class TlsSession {
 public:
  enum class State : unsigned char {
    done,
    waiting,  // for the socket, see read_waits_for_room() and write_waits_for_room()
    ended,    // the client has sent all that it will
    failed,   // the connection is of no use any more
  };
  struct Step {
    State state;
    std::size_t size = 0;  // bytes read or written
  };

  explicit TlsSession(SslHandle ssl) : ssl_(std::move(ssl)) {}

  Step read(char* to, std::size_t room);

  /// Takes all of it or nothing, but of more than kRecordBytes only so many. After `waiting` the next call must begin
  /// with the same bytes, wherever they stand.
  Step write(std::string_view bytes);

  /// Says that nothing more is sent (close_notify): done, waiting or failed.
  State end_output();

  /// Bytes that were read from the socket but not handed out yet: it does not become readable for them.
  bool pending() const;

  bool established() const;

  /// For what a call that was `waiting` waits: room in the socket, or else input.
  bool read_waits_for_room() const { return read_waits_for_room_; }
  bool write_waits_for_room() const { return write_waits_for_room_; }

  /// Bytes that the socket has taken, handshake and records included.
  std::uint64_t taken() const;

 private:
  State state_after(int result, bool& waits_for_room);

  SslHandle ssl_;
  bool read_waits_for_room_ = false;
  bool write_waits_for_room_ = true;
};

}  // namespace fieldcast::http

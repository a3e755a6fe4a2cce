// A TCP connection to a port of 127.0.0.1, plain or with TLS on it, with a read buffer and a deadline on everything.
// One thread.
#pragma once

#include <openssl/types.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "tests/support/deadline.hpp"

namespace fieldcast::test {

/// The peer closed (or reset) the connection where more was expected.
struct EndOfStream : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Who is connected to.
struct Peer {
  Peer(std::uint16_t port_of_peer) : port(port_of_peer) {}
  /// Over TLS, with a certificate for 127.0.0.1 of this authority (a PEM file).
  Peer(std::uint16_t port_of_peer, std::string authority_file)
      : port(port_of_peer), authority(std::move(authority_file)) {}

  std::uint16_t port;
  std::string authority;                  // empty: plain
  int newest_tls = 0;                     // the highest version offered, as OpenSSL counts; 0: the newest
  std::string protocols{"\x08http/1.1"};  // offered by ALPN, each behind its length
};

class Socket {
 public:
  /// Throws std::system_error where nobody listens, std::runtime_error where there is no TLS to be had.
  /// `receive_buffer` (bytes) makes the kernel's small, 0 leaves it.
  explicit Socket(const Peer& peer, int receive_buffer = 0);
  ~Socket();
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&&) = delete;

  /// Sends all of it. Throws EndOfStream where the peer has closed, TimedOut.
  void send(std::string_view bytes, Deadline deadline = {});

  /// Everything up to and with `delimiter`.
  std::string read_until(std::string_view delimiter, Deadline deadline = {});
  /// Exactly `size` bytes.
  std::string read(std::size_t size, Deadline deadline = {});
  /// Whatever is there, at least one byte; empty at the end of the stream.
  std::string read_some(Deadline deadline = {});
  /// All until the peer closes.
  std::string read_to_end(Deadline deadline = {});
  /// True where the peer closes without another byte. False where a byte comes first.
  bool ends(Deadline deadline = {});
  /// The peer said by TLS that nothing follows.
  bool ended_by_tls() const;
  /// What TLS is on it; null where it is plain.
  SSL* tls() { return tls_.get(); }

  /// Closes at once with a reset, as a machine that lost its power might.
  void cut();
  /// Says, by TLS too, that nothing more is sent.
  void close_write();

 private:
  struct SslFree {
    void operator()(SSL* ssl) const;
  };

  bool fill(Deadline deadline);  // false at the end of the stream
  void begin_tls(const Peer& peer);
  void wait(short events, const char* what, Deadline deadline) const;
  short tls_waits_for(int result, const char* what) const;  // 0 at the end of the stream

  int fd_ = -1;
  std::unique_ptr<SSL, SslFree> tls_;
  std::string buffer_;
};

}  // namespace fieldcast::test

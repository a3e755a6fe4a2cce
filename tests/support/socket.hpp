// A TCP connection to a port of 127.0.0.1, with a read buffer and a deadline on everything. One thread.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "tests/support/deadline.hpp"

namespace fieldcast::test {

/// The peer closed (or reset) the connection where more was expected.
struct EndOfStream : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Socket {
 public:
  /// Throws std::system_error where nobody listens. `receive_buffer` (bytes) makes the kernel's small, 0 leaves it.
  explicit Socket(std::uint16_t port, int receive_buffer = 0);
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

  /// Closes at once with a reset, as a machine that lost its power might.
  void cut();
  void close_write();

 private:
  bool fill(Deadline deadline);  // false at the end of the stream

  int fd_ = -1;
  std::string buffer_;
};

}  // namespace fieldcast::test

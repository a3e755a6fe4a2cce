// The least that any server of streams can do: a process of its own that gets bytes ready for the wire and writes them
// to each of its clients, with one epoll set. No MQTT, no log, no matching, no framing, no memory of what was sent.
//
// To be made before the process has threads, since it forks. Main thread. The child ends with the object. It promises
// nothing to a client that does not read: one whose socket is full ends it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string_view>

#include "bench/clients.hpp"

namespace fieldcast::bench {

class Floor {
 public:
  explicit Floor(Wire wire);
  ~Floor();
  Floor(const Floor&) = delete;
  Floor& operator=(const Floor&) = delete;

  /// Where it listens on 127.0.0.1. It answers whatever comes with an HTTP head and an empty batch.
  std::uint16_t port() const { return port_; }
  pid_t pid() const { return pid_; }

  /// Hands over what each client is to get in one write: at most kMessageBytes.
  void send(std::string_view bytes) const;

  static constexpr std::size_t kMessageBytes = 64 * 1024;

 private:
  pid_t pid_ = -1;
  int pipe_ = -1;
  std::uint16_t port_ = 0;
};

}  // namespace fieldcast::bench

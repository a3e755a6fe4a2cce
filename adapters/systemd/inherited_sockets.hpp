// Sockets that listen already when the program starts: systemd holds them (sd_listen_fds(3), fieldcast.socket), so that
// clients which come while nothing serves them wait instead of being refused.
//
// Called once, at the start, on the main thread. Whoever takes a socket owns its descriptor, and must never shut it
// down: it is the same socket that the next start is given.
#pragma once

#include <string>
#include <vector>

namespace fieldcast::systemd {

struct InheritedSocket {
  int fd = -1;
  std::string address;    // "127.0.0.1:8080", "[::]:8080"
  bool loopback = false;  // reached from this machine only
};

/// Empty where there are none. Throws std::runtime_error with one clear line where one is no TCP socket that listens.
std::vector<InheritedSocket> take_inherited_sockets();

}  // namespace fieldcast::systemd

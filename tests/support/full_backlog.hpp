// A port of 127.0.0.1 whose queue of connections is full and stays so: whoever connects hears nothing, as of a machine
// that is off. The test's thread.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <system_error>

namespace fieldcast::test {

class FullBacklog {
 public:
  FullBacklog() : listening_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (bind(listening_, generic, length) != 0 || listen(listening_, 0) != 0 ||
        getsockname(listening_, generic, &length) != 0)
      throw std::system_error(errno, std::generic_category(), "listen");
    port_ = ntohs(address.sin_port);
    // The queue has room for one; the others wait, as everybody behind them.
    for (int& client : clients_) {
      client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      if (connect(client, generic, length) != 0 && errno != EINPROGRESS)
        throw std::system_error(errno, std::generic_category(), "connect");
    }
  }
  ~FullBacklog() {
    for (const int client : clients_) close(client);
    close(listening_);
  }
  FullBacklog(const FullBacklog&) = delete;
  FullBacklog& operator=(const FullBacklog&) = delete;

  std::uint16_t port() const { return port_; }

 private:
  int listening_;
  std::array<int, 3> clients_{};
  std::uint16_t port_ = 0;
};

}  // namespace fieldcast::test

#include "adapters/systemd/inherited_sockets.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <stdexcept>

#include "adapters/systemd/environment.hpp"

namespace fieldcast::systemd {
namespace {

constexpr int kFirst = 3;
// More cannot be meant: server.listen takes so many addresses.
constexpr std::int64_t kMost = 16;

int option(int fd, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  return getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

std::string text_of(int family, const void* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(family, address, text.data(), text.size());
  return text.data();
}

bool is_loopback(const in6_addr& address) {
  if (IN6_IS_ADDR_V4MAPPED(&address)) return address.s6_addr[12] == 127;
  return IN6_IS_ADDR_LOOPBACK(&address);
}

InheritedSocket examine(int fd) {
  // Another protocol than TCP, or no socket at all, answers otherwise.
  if (option(fd, SO_PROTOCOL) != IPPROTO_TCP || option(fd, SO_ACCEPTCONN) != 1) {
    throw std::runtime_error("descriptor " + std::to_string(fd) +
                             ", which systemd hands over, is no TCP socket that listens: name an address and a port in "
                             "ListenStream=, with Accept=no");
  }
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  sockaddr_in6 address{};  // the larger of the two
  socklen_t length = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  if (address.sin6_family == AF_INET6) {
    return {fd, '[' + text_of(AF_INET6, &address.sin6_addr) + "]:" + std::to_string(ntohs(address.sin6_port)),
            is_loopback(address.sin6_addr)};
  }
  sockaddr_in v4{};
  std::memcpy(&v4, &address, sizeof v4);
  return {fd, text_of(AF_INET, &v4.sin_addr) + ':' + std::to_string(ntohs(v4.sin_port)),
          ntohl(v4.sin_addr.s_addr) >> 24 == 127};
}

}  // namespace

std::vector<InheritedSocket> take_inherited_sockets() {
  std::vector<InheritedSocket> sockets;
  if (number("LISTEN_PID") != ::getpid()) return sockets;  // not set, or meant for who started us
  const auto count = number("LISTEN_FDS").value_or(0);
  if (count < 0 || count > kMost) {
    throw std::runtime_error("systemd hands over " + std::to_string(count) + " sockets: at most " +
                             std::to_string(kMost) + " ListenStream= can be served");
  }
  for (int i = 0; i < count; ++i) sockets.push_back(examine(kFirst + i));
  return sockets;
}

}  // namespace fieldcast::systemd

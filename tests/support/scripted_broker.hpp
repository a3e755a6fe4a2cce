// A broker that does what a test says, packet by packet (MQTT 5): for what a real one does not do on demand. Listens on
// a free port of 127.0.0.1. One thread, the test's; every wait has a deadline.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include "tests/support/deadline.hpp"

namespace fieldcast::test {

class ScriptedBroker {
 public:
  ScriptedBroker() : listening_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (bind(listening_, generic, length) != 0 || listen(listening_, 8) != 0 ||
        getsockname(listening_, generic, &length) != 0)
      throw std::system_error(errno, std::generic_category(), "listen");
    port_ = ntohs(address.sin_port);
  }
  ~ScriptedBroker() {
    hang_up();
    close(listening_);
  }
  ScriptedBroker(const ScriptedBroker&) = delete;
  ScriptedBroker& operator=(const ScriptedBroker&) = delete;

  std::uint16_t port() const { return port_; }

  /// Waits for a client, in place of the one before.
  void accept_client() {
    hang_up();
    wait(listening_, "no client came");
    client_ = accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client_ < 0) throw std::system_error(errno, std::generic_category(), "accept");
  }

  /// Waits for the client's next packet and returns all its bytes. Its type is in the upper half of the first.
  std::string read_packet() {
    std::string packet = read_bytes(2);
    std::size_t length = packet[1] & 0x7F;
    for (int shift = 7; packet.back() & 0x80; shift += 7) {
      packet += read_bytes(1);
      length |= static_cast<std::size_t>(packet.back() & 0x7F) << shift;
    }
    return packet + read_bytes(length);
  }

  void send_packet(std::uint8_t first, std::string_view body) {
    std::string packet{static_cast<char>(first), static_cast<char>(body.size())};  // bodies below 128 bytes
    packet += body;
    if (::send(client_, packet.data(), packet.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(packet.size()))
      throw std::system_error(errno, std::generic_category(), "send");
  }

  /// True where the client closes the connection without another packet.
  bool client_left() {
    wait(client_, "the client does not leave");
    char byte;
    return recv(client_, &byte, 1, 0) <= 0;
  }

  void hang_up() {
    if (client_ >= 0) close(client_);
    client_ = -1;
  }

 private:
  static void wait(int fd, const char* what) {
    pollfd waiting{fd, POLLIN, 0};
    if (poll(&waiting, 1, Deadline().left_ms()) <= 0) throw TimedOut(what);
  }
  std::string read_bytes(std::size_t size) {
    std::string bytes;
    while (bytes.size() < size) {
      wait(client_, "no packet came");
      char buffer[256];
      const ssize_t n = recv(client_, buffer, std::min(sizeof buffer, size - bytes.size()), 0);
      if (n <= 0) throw std::runtime_error("the client closed the connection");
      bytes.append(buffer, static_cast<std::size_t>(n));
    }
    return bytes;
  }

  int listening_;
  int client_ = -1;
  std::uint16_t port_ = 0;
};

}  // namespace fieldcast::test

#include "tests/support/storm.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "tests/support/throw_errno.hpp"

namespace fieldcast::test {
namespace {

constexpr std::string_view kHost = " HTTP/1.1\r\nHost: 127.0.0.1\r\n";

int connect_to(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw_errno("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int error = errno;
    close(fd);
    errno = error;
    throw_errno("connect");
  }
  return fd;
}

/// What the gateway does not take any more, it does not take.
void send_to(int fd, std::string_view bytes) {
  [[maybe_unused]] const auto sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/// Until something comes, or the end.
void wait_for_bytes(int fd) {
  pollfd waiting{fd, POLLIN, 0};
  if (poll(&waiting, 1, Deadline().left_ms()) <= 0) throw TimedOut("no answer");
}

void reset(int fd) {
  const linger now{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close(fd);
}

std::string get(std::string_view target, std::string_view fields = "") {
  return std::string("GET ").append(target).append(kHost).append(fields) + "\r\n";
}

const std::string kHandshake = get("/v1/ws?topic=%23",
                                   "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");

}  // namespace

void drop_one(std::uint16_t port, Drop how) {
  const int fd = connect_to(port);
  switch (how) {
    case Drop::reset:
      return reset(fd);
    case Drop::fin:
      break;
    case Drop::half_head:
      send_to(fd, "GET /healthz HTTP/1.1\r\nHost: 127.");
      break;
    case Drop::half_hello:
      send_to(fd, {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11});
      break;
    case Drop::half_body:
      send_to(fd, std::string("POST /v1/publish").append(kHost) +
                      "Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n{\"topic\":" +
                      std::string(50'000, ' '));
      return reset(fd);
    case Drop::unread_answers: {
      std::string requests;
      for (int i = 0; i < 50; ++i) requests += get("/metrics");
      send_to(fd, requests);
      wait_for_bytes(fd);
      return reset(fd);
    }
    case Drop::web_socket:
      send_to(fd, kHandshake);
      wait_for_bytes(fd);
      return reset(fd);
    case Drop::half_frame:
      send_to(fd, kHandshake);
      wait_for_bytes(fd);
      send_to(fd, {"\x81\xfe\x40\x00\x01\x02\x03\x04half", 12});
      break;
    case Drop::events:
      send_to(fd, get("/v1/events?topic=%23&from=latest"));
      wait_for_bytes(fd);
      return reset(fd);
    case Drop::parked_poll:
      send_to(fd, get("/v1/poll?topic=nothing&timeout=60") + get("/v1/poll?topic=nothing&timeout=60"));
      wait_for_bytes(fd);
      break;
  }
  close(fd);
}

Flock::~Flock() {
  for (const auto& socket : sockets_) close(socket.fd);
}

void Flock::open(std::size_t count) {
  for (; count > 0; --count) {
    sockets_.push_back({connect_to(port_), POLLIN, 0});
    opened_.push_back(Clock::now());
    if (!first_.empty()) send_to(sockets_.back().fd, first_);
  }
}

void Flock::wait_until_let_go(std::size_t left, std::string_view dribble, Deadline deadline) {
  for (auto next = Clock::now(); size() > left;) {
    if (deadline.left_ms() == 0) throw TimedOut(std::to_string(size()) + " connections are still open");
    if (!dribble.empty() && Clock::now() >= next) {
      for (const auto& socket : sockets_) send_to(socket.fd, dribble);
      next += std::chrono::seconds(1);
    }
    if (poll(sockets_.data(), sockets_.size(), 50) < 0 && errno != EINTR) throw_errno("poll");
    for (auto i = size(); i-- > 0;)
      if (sockets_[i].revents != 0) look(i);
  }
}

/// Reads what there is. At its end the last one takes its place.
void Flock::look(std::size_t i) {
  char bytes[4096];
  for (;;) {
    const auto n = recv(sockets_[i].fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n > 0) continue;
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    break;
  }
  longest_ = std::max<std::chrono::duration<double>>(longest_, Clock::now() - opened_[i]);
  close(sockets_[i].fd);
  sockets_[i] = sockets_.back();
  sockets_.pop_back();
  opened_[i] = opened_.back();
  opened_.pop_back();
}

}  // namespace fieldcast::test

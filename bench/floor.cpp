#include "bench/floor.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <vector>

namespace fieldcast::bench {
namespace {

// A head and an empty batch: in a frame, and in a chunk, of 15 bytes.
constexpr std::string_view kWebSocketGreeting = "HTTP/1.1 101 \r\n\r\n\x81\x0f{\"readings\":[]}";
constexpr std::string_view kEventsGreeting = "HTTP/1.1 200 \r\n\r\nf\r\n{\"readings\":[]}\r\n";

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

void watch(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
}

/// True where all went out.
bool write_all(int fd, std::string_view bytes) {
  return send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) == static_cast<ssize_t>(bytes.size());
}

/// The child's life, until the other end of `pipe` is closed (0) or a client does not read (1).
int serve(int listener, int pipe, std::string_view greeting) {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  watch(epoll, listener);
  watch(epoll, pipe);
  std::vector<int> clients;
  static std::array<char, Floor::kMessageBytes> bytes;
  std::array<epoll_event, 64> events;
  for (;;) {
    const int ready = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < ready; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == listener) {
        const int client = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (client < 0) return 1;
        const int on = 1;
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (!write_all(client, greeting)) return 1;
        watch(epoll, client);
        clients.push_back(client);
        continue;
      }
      const auto n = recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
      if (n < 0 && errno == EAGAIN) continue;
      if (fd == pipe) {
        if (n <= 0) return 0;
        for (const int client : clients)
          if (!write_all(client, {bytes.data(), static_cast<std::size_t>(n)})) return 1;
      } else if (n <= 0) {  // what a client says does not matter
        std::erase(clients, fd);
        close(fd);
      }
    }
  }
}

}  // namespace

Floor::Floor(Wire wire) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener, reinterpret_cast<const sockaddr*>(&address), size) != 0 || listen(listener, SOMAXCONN) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    fail("listen");
  port_ = ntohs(address.sin_port);
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) fail("socketpair");
  pid_ = fork();
  if (pid_ < 0) fail("fork");
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(ends[0]);
    int status = 1;
    try {
      status = serve(listener, ends[1], wire == Wire::websocket ? kWebSocketGreeting : kEventsGreeting);
    } catch (const std::exception&) {  // the parent sees that its bytes are not taken
    }
    _exit(status);
  }
  close(listener);
  close(ends[1]);
  pipe_ = ends[0];
}

Floor::~Floor() {
  close(pipe_);
  waitpid(pid_, nullptr, 0);
}

void Floor::send(std::string_view bytes) const {
  if (::send(pipe_, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size())) fail("floor");
}

}  // namespace fieldcast::bench

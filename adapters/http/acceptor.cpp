#include "adapters/http/acceptor.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <asio/basic_socket_acceptor.hpp>
#include <asio/basic_waitable_timer.hpp>
#include <asio/ip/address.hpp>
#include <asio/ip/v6_only.hpp>
#include <chrono>
#include <new>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace fieldcast::http {
namespace {

using asio::ip::tcp;
using TcpAcceptor = asio::basic_socket_acceptor<tcp, asio::io_context::executor_type>;

// Where no more descriptors are to be had, accepting again at once would spin.
constexpr std::chrono::milliseconds kAcceptPause{100};

std::string name_of(const ListenAddress& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

}  // namespace

struct Acceptor::Listener {
  Listener(asio::io_context& loop, const ListenAddress& address)
      : socket(loop), pause(loop), inherited(address.inherited >= 0) {
    try {
      if (inherited) {
        take_over(address.inherited);
        return;
      }
      const tcp::endpoint endpoint(asio::ip::make_address(address.host), address.port);
      socket.open(endpoint.protocol());
      socket.set_option(TcpAcceptor::reuse_address(true));
      if (endpoint.address().is_v6()) socket.set_option(asio::ip::v6_only(true));
      // Else Asio's accept() waits for the next client, non-blocking or not, where one left before it was accepted.
      socket.set_option(TcpAcceptor::enable_connection_aborted(true));
      socket.bind(endpoint);
      socket.listen();
      socket.non_blocking(true);
    } catch (const std::system_error& error) {
      throw std::runtime_error("cannot listen on " + name_of(address) + ": " + error.code().message());
    }
  }

  void take_over(int fd) {
    sockaddr_storage name{};
    socklen_t size = sizeof name;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size);
    socket.assign(name.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), fd);
    socket.set_option(TcpAcceptor::enable_connection_aborted(true));
    socket.non_blocking(true);
  }

  /// Listens no more, but for the other owners of an inherited socket. That one must leave the loop by itself: closing
  /// a descriptor of several takes it out of no epoll.
  void stop() {
    std::error_code ignored;
    if (!socket.is_open()) return;
    if (inherited) {
      ::close(socket.release(ignored));
    } else {
      socket.close(ignored);
    }
    pause.cancel();
  }

  TcpAcceptor socket;
  asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>,
                             asio::io_context::executor_type>
      pause;
  const bool inherited;
};

Acceptor::Acceptor(asio::io_context& loop, const std::vector<ListenAddress>& addresses, std::vector<Server*> servers,
                   const Limits& limits, Counters& counters)
    : servers_(std::move(servers)),
      connections_(limits.connections),
      addresses_(limits.connections_per_address),
      counters_(counters) {
  for (const auto& address : addresses) listeners_.push_back(std::make_unique<Listener>(loop, address));
  for (const auto& listener : listeners_) wait(*listener);
}

Acceptor::~Acceptor() = default;

std::vector<tcp::endpoint> Acceptor::endpoints() const {
  std::vector<tcp::endpoint> out;
  for (const auto& listener : listeners_) out.push_back(listener->socket.local_endpoint());
  return out;
}

void Acceptor::stop() {
  for (const auto& listener : listeners_) listener->stop();
}

void Acceptor::wait(Listener& listener) {
  listener.socket.async_wait(TcpAcceptor::wait_read, [this, &listener](std::error_code) {
    if (listener.socket.is_open()) accept(listener);
  });
}

void Acceptor::accept(Listener& listener) {
  for (int i = 0; i < kAcceptedAtOnce; ++i) {
    Server& server = **std::min_element(servers_.begin(), servers_.end(), [](const Server* a, const Server* b) {
      return a->clients() + a->extra_clients() < b->clients() + b->extra_clients();
    });
    std::error_code error;
    tcp::endpoint from;
    Socket socket = listener.socket.accept(server.loop(), from, error);
    if (!error) {
      hand_over(std::move(socket), from.address(), server);
    } else if (error == asio::error::would_block) {
      break;
    } else if (error != asio::error::connection_aborted) {  // that is nothing; all else is a machine at its limits
      listener.pause.expires_after(kAcceptPause);
      listener.pause.async_wait([this, &listener](std::error_code) {
        if (listener.socket.is_open()) accept(listener);
      });
      return;
    }
  }
  wait(listener);
}

void Acceptor::hand_over(Socket socket, const asio::ip::address& from, Server& server) {
  std::size_t clients = 0, extra_clients = 0;
  for (const Server* each : servers_) {
    clients += each->clients();
    extra_clients += each->extra_clients();
  }
  try {
    std::optional<Limit> over;
    auto of_address = addresses_.take(from);
    if (clients >= connections_) {
      over = Limit::connections;
    } else if (!of_address) {
      over = Limit::connections_per_address;
    }
    if (over) counters_.reached(*over);
    if (over && extra_clients >= kExtraConnections) return counters_.reached(Limit::extra_connections);
    server.take(std::move(socket), over, of_address.value_or(nullptr));
  } catch (const std::bad_alloc&) {  // it is closed, as one over the limits
    counters_.reached(Limit::extra_connections);
  }
}

}  // namespace fieldcast::http

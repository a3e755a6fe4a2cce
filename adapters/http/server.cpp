#include "adapters/http/server.hpp"

#include <asio/basic_socket_acceptor.hpp>
#include <asio/ip/address.hpp>
#include <asio/ip/host_name.hpp>
#include <asio/ip/v6_only.hpp>
#include <asio/post.hpp>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "adapters/http/connection.hpp"
#include "gateway/limits.hpp"

namespace fieldcast::http {
namespace {

using asio::ip::tcp;
using Acceptor = asio::basic_socket_acceptor<tcp, asio::io_context::executor_type>;

// Where no more descriptors are to be had, accepting again at once would spin.
constexpr std::chrono::milliseconds kAcceptPause{100};

std::string name_of(const ListenAddress& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

}  // namespace

struct Server::Listener {
  Listener(asio::io_context& loop, const ListenAddress& address) : acceptor(loop), pause(loop) {
    try {
      const tcp::endpoint endpoint(asio::ip::make_address(address.host), address.port);
      acceptor.open(endpoint.protocol());
      acceptor.set_option(Acceptor::reuse_address(true));
      if (endpoint.address().is_v6()) acceptor.set_option(asio::ip::v6_only(true));
      acceptor.bind(endpoint);
      acceptor.listen();
      acceptor.non_blocking(true);
    } catch (const std::system_error& error) {
      throw std::runtime_error("cannot listen on " + name_of(address) + ": " + error.code().message());
    }
  }

  Acceptor acceptor;
  Timer pause;
};

Server::Server(asio::io_context& loop, Hub& hub, const Settings& settings, Routes routes, UpgradeFactory upgrade)
    : loop_(loop), hub_(hub), timer_(loop) {
  std::error_code ignored;
  Access access(settings.hosts, settings.origins, asio::ip::host_name(ignored));
  shared_.reset(new Shared{loop,
                           hub.clock(),
                           hub.counters(),
                           Dispatcher(hub, std::move(access), std::move(routes), std::move(upgrade)),
                           settings.stalled,
                           [this](Connection& connection) { remove(connection); },
                           false,
                           {}});
  for (const auto& address : settings.listen) listeners_.push_back(std::make_unique<Listener>(loop, address));
  for (const auto& listener : listeners_) accept(*listener);
  tick();
}

Server::~Server() {
  abort_all();
}

std::vector<tcp::endpoint> Server::endpoints() const {
  std::vector<tcp::endpoint> out;
  for (const auto& listener : listeners_) out.push_back(listener->acceptor.local_endpoint());
  return out;
}

void Server::accept(Listener& listener) {
  listener.acceptor.async_accept([this, &listener](std::error_code error, Socket socket) {
    if (error == asio::error::operation_aborted || shared_->stopping) return;
    if (!error) {
      admit(std::move(socket));
      return accept(listener);
    }
    // A client that left before it was accepted is nothing; all else is a machine at its limits.
    if (error == asio::error::connection_aborted) return accept(listener);
    listener.pause.expires_after(kAcceptPause);
    listener.pause.async_wait([this, &listener](std::error_code cut) {
      if (!cut) accept(listener);
    });
  });
}

void Server::admit(Socket socket) {
  auto& counters = hub_.counters();
  const bool extra = counters.connections.value() >= hub_.limits().connections;
  if (extra) counters.connections_refused.add();
  if (extra && extra_ == kExtraConnections) return;
  try {
    // Batches are written whole: waiting for more to fill a packet only delays them.
    std::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    auto connection = std::make_shared<Connection>(std::move(socket), *shared_, extra);
    connection->slot = connections_.size();
    connections_.push_back(connection);
    counters.connections_total.add();
    if (extra) {
      ++extra_;
    } else {
      counters.connections.add();
    }
    connection->start();
  } catch (const std::bad_alloc&) {
    counters.connections_refused.add();
  }
}

/// Backwards, so that none is missed when `visit` has one removed.
template <class Visit>
void Server::each_connection(Visit visit) {
  for (auto i = connections_.size(); i-- > 0;) {
    const auto held = connections_[i];
    visit(*held);
  }
}

void Server::remove(Connection& connection) {
  if (connection.extra()) {
    --extra_;
  } else {
    hub_.counters().connections.sub();
  }
  // The last one takes its place: see each_connection().
  const auto slot = connection.slot;
  const auto removed = std::exchange(connections_[slot], std::move(connections_.back()));
  connections_.pop_back();
  if (slot < connections_.size()) connections_[slot]->slot = slot;
  tell_if_gone();
}

void Server::tick() {
  timer_.expires_after(kTick);
  timer_.async_wait([this](std::error_code cut) {
    if (cut) return;
    const auto now = hub_.clock().now();
    each_connection([now](Connection& connection) { connection.tick(now); });
    tick();
  });
}

void Server::stop(std::function<void()> gone) {
  shared_->stopping = true;
  for (const auto& listener : listeners_) {
    std::error_code ignored;
    listener->acceptor.close(ignored);
    listener->pause.cancel();
  }
  gone_ = std::move(gone);
  each_connection([](Connection& connection) { connection.stop(); });
  tell_if_gone();
}

void Server::tell_if_gone() {
  if (connections_.empty() && gone_) asio::post(loop_, std::exchange(gone_, nullptr));
}

void Server::abort_all() {
  each_connection([](Connection& connection) { connection.abort(); });
}

}  // namespace fieldcast::http

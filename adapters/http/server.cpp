#include "adapters/http/server.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <asio/ip/host_name.hpp>
#include <asio/post.hpp>
#include <new>
#include <system_error>
#include <utility>

#include "adapters/http/certificate.hpp"
#include "adapters/http/connection.hpp"
#include "gateway/limits.hpp"

namespace fieldcast::http {
namespace {

// Connections whose deadlines are looked at before the loop's other work has its turn: to close one costs system calls,
// and of those that came together all may be due.
constexpr std::size_t kSweptAtOnce = 256;

/// A client's place among the `count`, as long as it is held, and with it that of its address.
std::shared_ptr<const void> take_place(const std::shared_ptr<std::atomic<std::size_t>>& count,
                                       std::shared_ptr<const void> of_address) {
  count->fetch_add(1, std::memory_order_relaxed);
  return {count.get(), [count, of_address = std::move(of_address)](auto* counted) {
            counted->fetch_sub(1, std::memory_order_relaxed);
          }};
}

}  // namespace

Server::Server(asio::io_context& loop, Hub& hub, Publications& publications, const Settings& settings, Routes routes,
               UpgradeFactory upgrade)
    : loop_(loop), hub_(hub), certificate_(settings.certificate), crowd_(settings.crowd), timer_(loop) {
  std::error_code ignored;
  Access access(settings.hosts, settings.origins, asio::ip::host_name(ignored));
  shared_.reset(new Shared{loop,
                           hub.clock(),
                           hub.counters(),
                           Dispatcher(hub, publications, std::move(access), std::move(routes), std::move(upgrade),
                                      settings.websocket_everywhere),
                           settings.stalled,
                           [this](Connection& connection) { remove(connection); },
                           false,
                           false,
                           {}});
  tick();
}

Server::~Server() {
  abort_all();
}

void Server::take(Socket socket, std::optional<Limit> over, std::shared_ptr<const void> of_address) {
  auto place = take_place(over ? extra_clients_ : clients_, std::move(of_address));
  asio::post(loop_, [this, socket = std::move(socket), over, place = std::move(place)]() mutable {
    admit(std::move(socket), over, std::move(place));
  });
}

void Server::admit(Socket socket, std::optional<Limit> over, std::shared_ptr<const void> place) {
  if (shared_->stopping) return;
  auto& counters = hub_.counters();
  try {
    std::error_code ignored;
    // Batches are written whole: waiting for more to fill a packet only delays them.
    socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kUnsentBytes, sizeof kUnsentBytes);
    auto tls = certificate_ != nullptr ? certificate_->begin_session(socket.native_handle()) : nullptr;
    auto connection = std::make_shared<Connection>(Channel(std::move(socket), std::move(tls)), *shared_, over);
    connection->place = std::move(place);
    connection->slot = connections_.size();
    connections_.push_back(connection);
    counters.connections_total.add();
    if (!over) counters.connections.add();
    connection->start();
  } catch (const std::bad_alloc&) {
    counters.reached(Limit::extra_connections);
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
  if (!connection.extra()) hub_.counters().connections.sub();
  connection.place.reset();
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
    shared_->crowded = clients() >= crowd_;
    sweep(connections_.size());
    tick();
  });
}

/// Backwards, as each_connection(); one that ends in between has its place taken by one that was looked at.
void Server::sweep(std::size_t before) {
  const auto now = hub_.clock().now();
  const auto end = before - std::min(before, kSweptAtOnce);
  for (auto i = before; i-- > end;) {
    if (i >= connections_.size()) continue;
    const auto held = connections_[i];
    held->tick(now);
  }
  if (end > 0) asio::post(loop_, [this, end] { sweep(end); });
}

void Server::stop(std::function<void()> gone) {
  shared_->stopping = true;
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

#include "adapters/http/outbox.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

namespace fieldcast::http {
namespace {

// Buffers of one sendmsg(): Linux takes 1024, and more than a segment train's worth gains nothing.
constexpr std::size_t kBuffers = 64;

/// Takes `size` bytes, and what is empty behind them, off the front. `skip`: those of the first item that went before.
template <class Item>
void advance(std::span<const Item>& items, std::size_t& skip, std::size_t size) {
  skip += size;
  while (!items.empty() && skip >= items.front().bytes.size()) {
    skip -= items.front().bytes.size();
    items = items.subspan(1);
  }
}

/// Sends until the socket takes no more. Returns bytes sent.
template <class Item>
std::size_t send_plain(int socket, std::span<const Item> items, std::error_code& error) {
  std::size_t total = 0;
  std::size_t skip = 0;
  while (!items.empty()) {
    std::array<iovec, kBuffers> buffers;
    std::size_t count = 0, size = 0;
    for (const Item& item : items.first(std::min(items.size(), kBuffers))) {
      const auto bytes = item.bytes.substr(count == 0 ? skip : 0);
      buffers[count++] = {const_cast<char*>(bytes.data()), bytes.size()};
      size += bytes.size();
    }
    msghdr message{};
    message.msg_iov = buffers.data();
    message.msg_iovlen = count;
    // MSG_NOSIGNAL: a client that left is an error here, not a SIGPIPE for the process.
    const auto sent = size == 0 ? ssize_t{0} : ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) error = {errno, std::generic_category()};
      return total;
    }
    total += static_cast<std::size_t>(sent);
    advance(items, skip, static_cast<std::size_t>(sent));
  }
  return total;
}

/// What the next record holds: where it stands, if that is one place, else copied into `record`.
template <class Item>
std::string_view next_record(std::span<const Item> items, std::size_t skip, std::span<char> record) {
  const auto first = items.front().bytes.substr(skip);
  if (first.size() >= record.size() || items.size() == 1) return first;
  auto size = first.copy(record.data(), first.size());
  for (const Item& item : items.subspan(1)) {
    if (size == record.size()) break;
    size += item.bytes.copy(record.data() + size, record.size() - size);
  }
  return {record.data(), size};
}

/// The same through TLS. A record of which the socket took a part counts as not sent: its bytes come again.
template <class Item>
std::size_t send_tls(TlsSession& tls, std::span<const Item> items, std::error_code& error) {
  std::array<char, kRecordBytes> record;
  std::size_t total = 0;
  std::size_t skip = 0;
  for (advance(items, skip, 0); !items.empty();) {
    const auto [state, sent] = tls.write(next_record(items, skip, record));
    if (state == TlsSession::State::failed) error = std::make_error_code(std::errc::connection_aborted);
    if (state != TlsSession::State::done) break;
    total += sent;
    advance(items, skip, sent);
  }
  return total;
}

/// `taken` goes up by what the socket took.
template <class Item>
std::size_t send_some(Channel& channel, std::span<const Item> items, std::uint64_t& taken, std::error_code& error) {
  if (TlsSession* const tls = channel.tls()) {
    const auto sent = send_tls(*tls, items, error);
    taken = tls->taken();
    return sent;
  }
  const auto sent = send_plain(channel.handle(), items, error);
  taken += sent;
  return sent;
}

}  // namespace

std::error_code Outbox::send(Channel& channel, std::span<const Piece> pieces) {
  std::size_t skip = 0;
  if (empty()) {
    std::error_code error;
    skip = send_some(channel, pieces, taken_, error);
    if (error) return error;
  } else {
    if (behind_ > kBehindBytes) return std::make_error_code(std::errc::no_buffer_space);
    for (const Piece& piece : pieces) behind_ += piece.bytes.size();
  }
  for (const Piece& piece : pieces) {
    const auto size = piece.bytes.size();
    if (skip < size) keep(piece, skip);
    skip -= std::min(skip, size);
  }
  return {};
}

void Outbox::keep(const Piece& piece, std::size_t skip) {
  const auto bytes = piece.bytes.substr(skip);
  if (piece.owner != nullptr) {
    kept_.push_back({bytes, *piece.owner});
  } else {
    auto copy = std::make_shared<const std::string>(bytes);
    kept_.push_back({*copy, copy});
  }
}

std::error_code Outbox::flush(Channel& channel) {
  std::error_code error;
  auto sent = send_some(channel, std::span<const Kept>(kept_).subspan(first_), taken_, error);
  while (first_ < kept_.size() && sent >= kept_[first_].bytes.size()) {
    sent -= kept_[first_].bytes.size();
    kept_[first_++].owner.reset();
  }
  if (empty()) {
    clear();
  } else {
    kept_[first_].bytes.remove_prefix(sent);
  }
  return error;
}

void Outbox::clear() {
  kept_ = {};  // the memory too: most connections have nothing waiting
  first_ = behind_ = 0;
}

}  // namespace fieldcast::http

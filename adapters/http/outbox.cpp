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

/// Sends until the socket takes no more. Returns bytes sent.
template <class Item>
std::size_t send_some(int socket, std::span<const Item> items, std::error_code& error) {
  std::size_t total = 0;
  std::size_t skip = 0;  // of the first item
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
    skip += static_cast<std::size_t>(sent);
    while (!items.empty() && skip >= items.front().bytes.size()) {
      skip -= items.front().bytes.size();
      items = items.subspan(1);
    }
  }
  return total;
}

}  // namespace

std::error_code Outbox::send(int socket, std::span<const Piece> pieces) {
  std::size_t skip = 0;
  if (empty()) {
    std::error_code error;
    skip = send_some(socket, pieces, error);
    taken_ += skip;
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

std::error_code Outbox::flush(int socket) {
  std::error_code error;
  auto sent = send_some(socket, std::span<const Kept>(kept_).subspan(first_), error);
  taken_ += sent;
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

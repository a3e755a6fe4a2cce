// Bytes on their way into a client's channel. What a plain socket takes at once is never copied; the rest is kept, by
// sharing its owner where it has one. TLS copies pieces that are smaller than a record, to fill it.
// Belongs to one connection, on its shard's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

#include "adapters/http/channel.hpp"
#include "gateway/limits.hpp"
#include "gateway/session.hpp"

namespace fieldcast::http {

class Outbox {
 public:
  /// Sends what the socket takes without waiting and keeps the rest. An error means that the connection is of no
  /// use any more: the socket's own, or no_buffer_space over kBehindBytes.
  std::error_code send(Channel& channel, std::span<const Piece> pieces);

  /// The socket can be written again.
  std::error_code flush(Channel& channel);

  bool empty() const { return first_ == kept_.size(); }
  /// Bytes that the socket has taken since the outbox was made, those of TLS among them.
  std::uint64_t taken() const { return taken_; }
  void clear();

 private:
  struct Kept {
    std::string_view bytes;
    std::shared_ptr<const void> owner;
  };

  void keep(const Piece& piece, std::size_t skip);

  std::vector<Kept> kept_;
  std::size_t first_ = 0;   // of those still to be sent
  std::size_t behind_ = 0;  // bytes handed over since the outbox was last empty, but for the first send
  std::uint64_t taken_ = 0;
};

}  // namespace fieldcast::http

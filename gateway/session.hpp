// Ports between a transport and its socket. A Session speaks one transport to one client over one
// connection; an Outlet is the connection as the session sees it. Both live on one shard's thread. The
// connection owns the session and destroys it when the socket is gone; the session outlives no call into it
// after Outlet::release() or close() has been seen by the connection (it is destroyed when the stack has unwound).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "gateway/clock.hpp"

namespace fieldcast {

/// Bytes to be sent. What the socket does not take at once is kept: by sharing `*owner` where there is
/// one, by a copy where there is none. So `bytes` need only live during the call where owner is null.
struct Piece {
  std::string_view bytes;
  const std::shared_ptr<const void>* owner = nullptr;
};

class Outlet {
 public:
  virtual ~Outlet() = default;
  /// Sends in order; never throws, and after an error silently drops (the session is told by its destruction).
  virtual void send(std::span<const Piece> pieces) = 0;
  /// True where everything handed over is in the socket.
  virtual bool drained() const = 0;
  /// The answer is complete: the connection may serve the next request (HTTP keep-alive).
  virtual void release() = 0;
  /// Closes once all is sent: a half-close first and a bounded wait for the peer's, so that no answer is lost in a
  /// reset.
  virtual void close() = 0;
};

class Session {
 public:
  virtual ~Session() = default;
  /// Bytes that came after the request's head, in order.
  virtual void on_input(std::string_view bytes) = 0;
  /// All that was handed to the outlet is in the socket: the time to send more.
  virtual void on_drained() = 0;
  /// About every kTick: the place for every deadline.
  virtual void on_tick(Instant now) = 0;
  /// The gateway stops: say so to the client in the transport's manner and finish.
  virtual void on_stop() = 0;
};

}  // namespace fieldcast

// The gateway's end of one WebSocket as RFC 6455 has it, whatever is said over it: decodes what the client sends,
// answers pings and closing handshakes, and keeps the protocol's deadlines and bounds. A client that breaks them gets
// its close code, and nobody else notices.
//
//   open ──▶ closing ──▶ closed        closing: our close frame is out, the client's is awaited for kCloseWait
//     └────────────────────▲           at once where the client closes, or what it sends cannot be read any more
//
// One thread: the shard's of its connection. Belongs to a session, its owner; what it is given by reference outlives
// it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/websocket/codec.hpp"
#include "gateway/clock.hpp"
#include "gateway/counters.hpp"
#include "gateway/limits.hpp"
#include "gateway/problem.hpp"
#include "gateway/session.hpp"

namespace fieldcast::websocket {

/// What the endpoints of a shard hold together of messages that are not complete.
struct IncompleteMessages {
  std::size_t bytes = 0;
  const std::size_t limit = kMessagesBytes;
};

/// What one client may make its endpoint hold.
struct Bounds {
  std::size_t message_bytes = kMessageBytes;
  std::size_t reply_bytes = kReplyBytes;
};

class EndpointOwner {
 public:
  /// A whole message: `kind` is text or binary. The endpoint is open, and may be closed meanwhile.
  virtual void on_message(Event::Kind kind, std::string bytes) = 0;

 protected:
  ~EndpointOwner() = default;
};

class Endpoint {
 public:
  Endpoint(EndpointOwner& owner, Outlet& outlet, const Clock& clock, Counters& counters, IncompleteMessages& incomplete,
           const Bounds& bounds = {});
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  bool open() const { return state_ == State::open; }

  /// What came behind the handshake; several messages are answered in few writes.
  void on_input(std::string_view bytes);
  void on_tick(Instant now);

  /// Replies and pongs go between the owner's own frames, and like them only into an empty socket. What waits is sent
  /// by send_replies(): to be called whenever the socket is.
  void reply(Opcode opcode, std::string_view payload);
  void send_replies();

  /// Says why, behind the replies that wait, and awaits the client's close frame. Only where it is open.
  void close(std::uint16_t code, Code reason);

 private:
  enum class State : unsigned char { open, closing, closed };

  void handle(Event event);
  void handle_ping(std::string payload);
  void hold();
  void fail(std::uint16_t code, Code reason, std::optional<Limit> limit = {});
  void finish();
  void send(std::string_view bytes);

  EndpointOwner& owner_;
  Outlet& outlet_;
  const Clock& clock_;
  Counters& counters_;
  IncompleteMessages& incomplete_;
  const std::size_t reply_bytes_;
  Decoder decoder_;
  State state_ = State::open;
  bool reading_ = false;             // within on_input(): replies are collected
  int pongs_ = 0;                    // among replies_
  int unanswered_ = 0;               // pings of ours
  std::string replies_;              // frames that wait for the socket
  std::optional<std::string> ping_;  // payload of the client's latest ping, where its pong is not among the replies
  std::size_t held_ = 0;             // of incomplete_
  std::uint64_t message_ = 0;        // that is incomplete, as the decoder numbers them
  Instant message_by_{};             // it must be complete
  Instant ping_at_, tick_at_, close_by_{};
};

}  // namespace fieldcast::websocket

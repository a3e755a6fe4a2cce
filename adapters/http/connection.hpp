// One client's connection: reads heads one after the other, has each answered before the next, and is the outlet
// of the session that answers. A connection is in one phase at a time:
//
//   request ──▶ (body) ──▶ answering ──▶ request …          keep-alive
//                              │
//                              ▼ close
//                          lingering ──▶ gone               half-closed; what still comes is thrown away
//
// One thread: its shard's. The server holds it, and each of its pending handlers too; it is taken out of
// service by abort() alone, never from within a call of its session.
#pragma once

#include <array>
#include <asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/http/body.hpp"
#include "adapters/http/channel.hpp"
#include "adapters/http/dispatcher.hpp"
#include "adapters/http/head.hpp"
#include "adapters/http/outbox.hpp"
#include "gateway/clock.hpp"
#include "gateway/counters.hpp"
#include "gateway/limits.hpp"
#include "gateway/session.hpp"

namespace fieldcast::http {

// One read takes at most this.
inline constexpr std::size_t kScratchBytes = 64 * 1024;
// Of a WebSocket, this: a flood of small messages, each with an answer, takes 1 ms of its shard before others have
// their turn.
inline constexpr std::size_t kTurnBytes = 16 * 1024;

class Connection;

/// What the connections of a shard share. Outlives them.
struct Shared {
  asio::io_context& loop;
  const Clock& clock;
  Counters& counters;
  Dispatcher dispatcher;
  const std::chrono::milliseconds stalled;  // a socket that took no byte for so long is closed
  std::function<void(Connection&)> gone;
  bool stopping = false;
  bool crowded = false;                     // connections that do nothing are let go sooner
  std::array<char, kScratchBytes> scratch;  // each read goes here first: an idle connection has no buffer
};

class Connection final : public Outlet, public std::enable_shared_from_this<Connection> {
 public:
  /// `over`: the limit that it is over. It is told so, in answer to one request, and closed.
  Connection(Channel channel, Shared& shared, std::optional<Limit> over);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void start();
  void tick(Instant now);
  /// The gateway stops: a session is told, a connection that is idle between requests closed; one that is new has
  /// kFirstRequestTime.
  void stop();
  /// Closes the socket and destroys the session at once; tells `Shared::gone`. May be called twice.
  void abort() noexcept;

  bool extra() const { return over_.has_value(); }

  void send(std::span<const Piece> pieces) override;
  bool drained() const override { return !failed_ && outbox_.empty(); }
  void release() override;
  void close() override;

  // The server's:
  std::size_t slot = 0;               // among its connections
  std::shared_ptr<const void> place;  // among the clients that are counted

 private:
  enum class Phase : unsigned char { request, body, answering, lingering, gone };
  enum class Then : unsigned char { nothing, next_request, close };  // when the answer is complete and sent
  struct Pending;                                                    // a request whose body is being read

  template <class Step>
  void guarded(Step step) noexcept;
  void post_settle();
  void settle();
  void linger();
  void end_output();

  void wait_readable();
  void wait_writable();
  void on_readable();
  void take_input(std::string_view bytes);
  void on_writable();
  void on_end_of_input();

  Instant deadline() const;
  void next_request();
  void serve(std::string head);
  bool hold_input() noexcept;
  void drop_input();
  std::optional<Problem> refusal() const;
  std::optional<Problem> body_refusal(const Request& request, std::size_t size) const;
  void read_body(std::string_view input);
  void dispatch(std::string head, Request request, const std::optional<Problem>& refused);
  void answer(const Response& response);
  void refuse(const Problem& problem, int status);
  bool session_runs() const { return session_ != nullptr && then_ == Then::nothing; }

  Channel channel_;
  Shared& shared_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<Pending> pending_;
  Outbox outbox_;
  std::string input_;         // what came and was not looked at yet, at most kHeadBytes
  std::size_t scanned_ = 0;   // of input_, for the end of a head
  std::size_t held_ = 0;      // what of input_ and pending_ is counted among the heads of the shard's clients
  std::size_t lingered_ = 0;  // bytes thrown away
  Instant deadline_{};        // see deadline()
  Instant progress_{};        // when the socket last took a byte, or had nothing to take
  Terms terms_;               // of the request that is answered
  Phase phase_ = Phase::request;
  Then then_ = Then::nothing;
  const std::optional<Limit> over_;
  bool upgraded_ = false;                   // all input is the session's
  bool reading_ = false, writing_ = false;  // a handler waits
  bool settling_ = false;                   // settle() is posted
  bool failed_ = false;                     // the socket is of no use any more
  bool ended_ = false;                      // the client has sent all that it will
  bool blank_skipped_ = false;              // the one empty line allowed before a request
  bool head_begun_ = false;                 // deadline_ is that of a request
  bool asked_ = false;                      // a request was answered before
};

}  // namespace fieldcast::http

#include "adapters/http/connection.hpp"

#include <algorithm>
#include <asio/post.hpp>
#include <system_error>
#include <utility>
#include <variant>

#include "adapters/http/publish.hpp"
#include "gateway/limits.hpp"

namespace fieldcast::http {

struct Connection::Pending {
  Pending(std::string head_, Request request_, Body body_, Shared& shared_, std::size_t size_)
      : head(std::move(head_)), request(std::move(request_)), body(std::move(body_)), shared(shared_), size(size_) {
    shared.counters.bodies_bytes.add(size);
  }
  ~Pending() { shared.counters.bodies_bytes.sub(size); }
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;

  std::string head;
  Request request;
  Body body;
  Shared& shared;
  const std::size_t size;  // announced; 0 where the body is thrown away
};

Connection::Connection(Channel channel, Shared& shared, std::optional<Limit> over)
    : channel_(std::move(channel)), shared_(shared), over_(over) {}

Connection::~Connection() = default;

/// Runs a step of a handler. What is thrown (memory ran out) ends this connection and nothing else.
template <class Step>
void Connection::guarded(Step step) noexcept {
  if (phase_ == Phase::gone) return;
  try {
    step();
  } catch (...) {
    abort();
  }
}

void Connection::start() {
  guarded([this] {
    deadline_ = shared_.clock.now() + kRequestTime;
    wait_readable();
  });
}

void Connection::abort() noexcept {
  if (phase_ == Phase::gone) return;
  phase_ = Phase::gone;
  if (!channel_.established()) shared_.counters.tls_failures.add();
  session_.reset();
  pending_.reset();
  input_ = {};
  hold_input();
  outbox_.clear();
  std::error_code ignored;
  channel_.socket().close(ignored);
  shared_.gone(*this);
}

void Connection::stop() {
  guarded([this] {
    if (session_runs()) return session_->on_stop();
    if (phase_ != Phase::request || head_begun_) return;
    on_readable();  // what came and was not read yet would make the end a reset
    if (phase_ != Phase::request || head_begun_) return;
    if (asked_) return linger();
    deadline_ = shared_.clock.now() + kFirstRequestTime;
  });
}

void Connection::tick(Instant now) {
  guarded([this, now] {
    if (!outbox_.empty() && now - progress_ >= shared_.stalled) {
      shared_.counters.reached(Limit::stalled);
      return abort();
    }
    if (session_runs()) {
      session_->on_tick(now);
    } else if (phase_ != Phase::answering && now >= deadline()) {
      if (phase_ == Phase::lingering) return abort();
      if (!head_begun_) {
        shared_.counters.reached(asked_ ? Limit::idle_time : Limit::request_time);
        return abort();
      }
      refuse({Code::timeout, "the request did not come in time", 0, Limit::request_time}, 408);
    }
  });
}

/// Of the phases but answering. Among many, one that waits for its client's next request must have it soon.
Instant Connection::deadline() const {
  const bool idle = phase_ == Phase::request && !head_begun_;
  return idle && asked_ && shared_.crowded ? deadline_ - (kIdleTime - kRequestTime) : deadline_;
}

// ---- The outlet -----------------------------------------------------------------------------------------

void Connection::send(std::span<const Piece> pieces) {
  if (failed_ || phase_ == Phase::gone) return;
  try {
    if (outbox_.empty()) progress_ = shared_.clock.now();
    const auto before = outbox_.taken();
    failed_ = static_cast<bool>(outbox_.send(channel_, pieces));
    shared_.counters.sent_bytes.add(outbox_.taken() - before);
    if (!failed_ && !outbox_.empty()) wait_writable();
  } catch (...) {
    failed_ = true;
  }
  if (failed_) post_settle();
}

void Connection::release() {
  if (then_ == Then::nothing) then_ = terms_.keep_alive ? Then::next_request : Then::close;
  post_settle();
}

void Connection::close() {
  then_ = Then::close;
  post_settle();
}

/// A session ends, and a socket's error is acted upon, when nobody is inside the session any more.
void Connection::post_settle() {
  if (std::exchange(settling_, true)) return;
  asio::post(shared_.loop, [self = shared_from_this()] {
    self->settling_ = false;
    self->guarded([&] { self->settle(); });
  });
}

void Connection::settle() {
  if (failed_) return abort();
  if (then_ == Then::nothing) return;
  session_.reset();
  if (!outbox_.empty()) return;  // on_writable() comes back here
  if (then_ == Then::close) return linger();
  then_ = Then::nothing;
  phase_ = Phase::request;
  head_begun_ = false;
  deadline_ = shared_.clock.now() + kIdleTime;
  next_request();
  hold_input();
}

void Connection::linger() {
  phase_ = Phase::lingering;
  input_ = {};
  deadline_ = shared_.clock.now() + kLingerTime;
  end_output();
}

void Connection::end_output() {
  const auto state = channel_.end_output();
  if (state == TlsSession::State::waiting) return wait_writable();  // on_writable() comes back here
  if (state != TlsSession::State::done || ended_) return abort();
  wait_readable();
}

// ---- The socket -----------------------------------------------------------------------------------------

void Connection::wait_readable() {
  if (reading_ || ended_ || phase_ == Phase::gone) return;
  if (phase_ == Phase::answering && !upgraded_ && input_.size() >= kHeadBytes) return;  // pipelined: later
  if (phase_ == Phase::answering && then_ == Then::close) return;                       // lingering reads it
  reading_ = true;
  auto handler = [self = shared_from_this()](std::error_code error) {
    self->reading_ = false;
    self->guarded([&] { error ? self->abort() : self->on_readable(); });
  };
  if (channel_.pending()) {
    asio::post(shared_.loop, [handler = std::move(handler)] { handler({}); });
  } else {
    channel_.socket().async_wait(channel_.reading_waits_for(), std::move(handler));
  }
}

void Connection::wait_writable() {
  if (std::exchange(writing_, true)) return;
  channel_.socket().async_wait(channel_.writing_waits_for(), [self = shared_from_this()](std::error_code error) {
    self->writing_ = false;
    self->guarded([&] { error ? self->abort() : self->on_writable(); });
  });
}

void Connection::on_writable() {
  if (phase_ == Phase::lingering) return end_output();
  const auto before = outbox_.taken();
  const bool failed = static_cast<bool>(outbox_.flush(channel_));
  shared_.counters.sent_bytes.add(outbox_.taken() - before);
  if (failed) return abort();
  if (outbox_.taken() != before) progress_ = shared_.clock.now();
  if (!outbox_.empty()) return wait_writable();
  if (session_runs()) {
    session_->on_drained();
  } else {
    settle();
  }
}

void Connection::on_readable() {
  const auto room = phase_ == Phase::lingering ? shared_.scratch.size()
                    : upgraded_                ? kTurnBytes
                                               : kHeadBytes - input_.size();
  const bool closing = phase_ == Phase::answering && then_ == Then::close;
  if (room == 0 || closing) return;
  const auto [kind, size] = channel_.read(shared_.scratch.data(), room);
  switch (kind) {
    case Channel::Input::Kind::bytes:
      shared_.counters.received_bytes.add(size);
      take_input({shared_.scratch.data(), size});
      if (!hold_input()) return drop_input();
      break;
    case Channel::Input::Kind::nothing:
      break;
    case Channel::Input::Kind::end:
      return on_end_of_input();
    case Channel::Input::Kind::no_tls:
      shared_.counters.tls_failures.add();
      return refuse({Code::bad_request, "this port speaks TLS: ask it by https://, or wss:// for a WebSocket"}, 0);
    case Channel::Input::Kind::failed:
      return abort();
  }
  wait_readable();
}

void Connection::take_input(std::string_view bytes) {
  if (phase_ == Phase::lingering) {
    lingered_ += bytes.size();
    if (lingered_ <= kLingerBytes) return;
    shared_.counters.reached(Limit::linger_bytes);
    abort();
  } else if (upgraded_) {
    if (session_runs()) session_->on_input(bytes);
  } else if (phase_ == Phase::body) {
    read_body(bytes);
  } else {
    input_.append(bytes);
    if (phase_ == Phase::request) next_request();
  }
}

/// A client that is answered by a session and ends its input has left: no transport here works one-way, and a
/// parked poll must not outlive its client. All other answers are sent to the end.
void Connection::on_end_of_input() {
  ended_ = true;
  const bool answer_under_way = phase_ == Phase::answering && !session_runs();
  if (!answer_under_way) abort();
}

/// Counts what is kept of requests that are not complete, or wait for their turn. False where the shard's clients have
/// too much of it, and this one a part.
bool Connection::hold_input() noexcept {
  const std::size_t size = input_.size() + (pending_ ? pending_->head.size() : 0);
  shared_.counters.heads_bytes.add(size);
  shared_.counters.heads_bytes.sub(std::exchange(held_, size));
  return size == 0 || shared_.counters.heads_bytes.value() <= kHeadsBytes;
}

void Connection::drop_input() {
  if (phase_ == Phase::request || phase_ == Phase::body) {
    refuse({Code::too_many, "too many requests are incomplete: try again later", 0, Limit::heads_bytes}, 0);
    hold_input();
  } else {  // it is being answered, and nothing can come between
    shared_.counters.reached(Limit::heads_bytes);
    abort();
  }
}

// ---- Requests -------------------------------------------------------------------------------------------

void Connection::next_request() {
  if (input_.starts_with("\r\n") && !std::exchange(blank_skipped_, true)) input_.erase(0, 2);
  const bool nothing = input_.empty() || (input_ == "\r" && !blank_skipped_);
  if (nothing && ended_) return linger();
  if (nothing && shared_.stopping && asked_) return linger();
  if (nothing) {
    if (input_.empty()) input_ = {};
    return wait_readable();
  }

  const auto size = head_size(input_, scanned_);
  if (!size) return refuse(size.problem(), size.problem().code == Code::too_large ? 431 : 0);
  if (*size == 0) {
    if (ended_) return abort();
    if (!std::exchange(head_begun_, true)) deadline_ = shared_.clock.now() + kRequestTime;
    return wait_readable();
  }
  auto head = input_.substr(0, *size);
  input_.erase(0, *size);
  scanned_ = 0;
  blank_skipped_ = false;
  serve(std::move(head));
  wait_readable();
}

void Connection::serve(std::string head) {
  auto request = parse_head(head);
  if (!request) return refuse(request.problem(), request.problem().code == Code::too_large ? 431 : 0);
  if (!request->has_body()) return dispatch(std::move(head), std::move(*request), refusal());

  const bool kept = Dispatcher::needs_body(*request);
  const auto size = !kept ? 0 : request->chunked ? kPublishBytes : request->content_length;
  // What follows an answer that came instead of the body, or of the 100 that the client waits for, is not trusted: it
  // may be the body.
  const bool waits = request->minor == 1 && input_.empty() && names(request->field("expect"), "100-continue");
  if (kept) {
    if (const auto refused = body_refusal(*request, size)) {
      request->keep_alive = false;
      return dispatch(std::move(head), std::move(*request), refused);
    }
    if (waits) send(std::array{Piece{"HTTP/1.1 100 Continue\r\n\r\n"}});
  } else if (request->content_length > kBodyBytes) {
    return refuse({Code::too_large, "this request takes no body", 0, Limit::body_bytes}, 0);
  } else if (waits) {
    request->keep_alive = false;
    return dispatch(std::move(head), std::move(*request), refusal());
  }
  if (!std::exchange(head_begun_, true)) deadline_ = shared_.clock.now() + kRequestTime;
  phase_ = Phase::body;
  Body body(*request, kept ? kPublishBytes : kBodyBytes, kept);
  pending_ = std::make_unique<Pending>(std::move(head), std::move(*request), std::move(body), shared_, size);
  const auto input = std::exchange(input_, {});
  read_body(input);
}

/// Why nothing but plain answers can be had now.
std::optional<Problem> Connection::refusal() const {
  if (shared_.stopping) return Problem{Code::stopping, "the gateway is stopping: come back with the cursor"};
  // Counted by the acceptor: once a connection, whatever it asks for.
  if (over_ == Limit::connections_per_address)
    return Problem{Code::too_many, "too many connections come from your address: close some, or try again later"};
  if (over_) return Problem{Code::too_many, "too many clients are connected: try again later"};
  return std::nullopt;
}

/// Why the body of a request that needs it is not read.
std::optional<Problem> Connection::body_refusal(const Request& request, std::size_t size) const {
  if (auto refused = refusal()) return refused;
  if (auto problem = shared_.dispatcher.head_fault(request)) return problem;
  if (shared_.counters.bodies_bytes.value() + size > kBodiesBytes) {
    return Problem{Code::too_many, "too many requests with a body are being read: try again later", 0,
                   Limit::bodies_bytes};
  }
  return std::nullopt;
}

void Connection::read_body(std::string_view input) {
  const auto state = pending_->body.feed(input);
  if (state == Body::State::more) return;
  if (state == Body::State::faulty) return refuse({Code::bad_request, "the chunks of the body are faulty"}, 0);
  std::optional<Problem> refused = refusal();
  if (state == Body::State::too_large) {
    if (pending_->size == 0) return refuse({Code::too_large, "this request takes no body", 0, Limit::body_bytes}, 0);
    refused = body_too_large();
    pending_->request.keep_alive = false;  // its rest may follow
  }
  input_.assign(input);
  const auto done = std::move(pending_);
  done->request.body = done->body.take();
  dispatch(std::move(done->head), std::move(done->request), refused);
}

void Connection::dispatch(std::string head, Request request, const std::optional<Problem>& refused) {
  shared_.counters.requests.add();
  asked_ = true;
  phase_ = Phase::answering;
  terms_ = {request.minor, request.method == "HEAD", request.keep_alive && !over_ && !shared_.stopping, {}};
  auto reply = shared_.dispatcher.dispatch(std::move(head), std::move(request), terms_, *this, refused);
  if (auto* response = std::get_if<Response>(&reply)) return answer(*response);
  if (auto* upgraded = std::get_if<UpgradedSession>(&reply)) {
    session_ = std::move(upgraded->session);
    upgraded_ = true;
    const auto early = std::exchange(input_, {});
    if (!early.empty() && session_runs()) session_->on_input(early);
  } else {
    session_ = std::move(std::get<std::unique_ptr<Session>>(reply));
    if (ended_ && session_runs()) abort();
  }
}

void Connection::answer(const Response& response) {
  const std::string head = make_head(response, terms_, shared_.clock.wall_ms());
  const std::shared_ptr<const void> owner = response.body;
  const bool body = response.body && !terms_.head_only;
  const std::array pieces{Piece{head}, Piece{body ? std::string_view(*response.body) : std::string_view(), &owner}};
  send(pieces);
  release();
}

/// Answers what could not be read as a request; where the next one would begin is not known.
void Connection::refuse(const Problem& problem, int status) {
  shared_.counters.requests.add();
  asked_ = true;
  phase_ = Phase::answering;
  pending_.reset();
  input_ = {};
  terms_ = {};
  answer(shared_.dispatcher.refuse(problem, status));
}

}  // namespace fieldcast::http

#include "adapters/websocket/endpoint.hpp"

#include <utility>

namespace fieldcast::websocket {
namespace {

// Replies collected from one read before they are written.
constexpr std::size_t kRepliesWrite = 16 * 1024;

}  // namespace

Endpoint::Endpoint(EndpointOwner& owner, Outlet& outlet, const Clock& clock, Counters& counters,
                   IncompleteMessages& incomplete, const Bounds& bounds)
    : owner_(owner),
      outlet_(outlet),
      clock_(clock),
      counters_(counters),
      incomplete_(incomplete),
      reply_bytes_(bounds.reply_bytes),
      decoder_(bounds.message_bytes),
      ping_at_(clock.now() + kPingInterval),
      tick_at_(clock.now()) {}

Endpoint::~Endpoint() {
  incomplete_.bytes -= held_;
}

void Endpoint::on_input(std::string_view bytes) {
  reading_ = true;
  while (state_ != State::closed) {
    std::optional<Event> event = decoder_.next(bytes);
    if (!event) break;
    handle(*std::move(event));
  }
  reading_ = false;
  if (state_ != State::closed) hold();
  if (state_ == State::open) send_replies();
}

void Endpoint::handle(Event event) {
  switch (event.kind) {
    case Event::Kind::text:
    case Event::Kind::binary:
      if (state_ != State::open) break;
      owner_.on_message(event.kind, std::move(event.bytes));
      if (state_ != State::open || replies_.size() <= reply_bytes_) break;
      counters_.answered({Code::too_many, {}, 0, Limit::replies_bytes});
      close(kClosePolicy, Code::too_many);
      break;
    case Event::Kind::ping:
      if (state_ == State::open) handle_ping(std::move(event.bytes));
      break;
    case Event::Kind::pong:
      unanswered_ = 0;
      break;
    case Event::Kind::close:
      if (state_ == State::open) {
        state_ = State::closing;
        send(std::exchange(replies_, {}) + close_frame(event.code, {}));
      }
      finish();
      break;
    case Event::Kind::error:
      if (event.code == kCloseTooLarge) {
        fail(event.code, Code::too_large, Limit::message_bytes);
      } else {
        fail(event.code, Code::bad_message);
      }
      break;
  }
}

void Endpoint::handle_ping(std::string payload) {
  if (ping_ || pongs_ == kPongsPerTurn || !outlet_.drained()) {
    ping_ = std::move(payload);
  } else {
    ++pongs_;
    replies_ += frame(Opcode::pong, payload);
  }
}

/// Counts what is incomplete now, and since when.
void Endpoint::hold() {
  const std::size_t held = decoder_.held();
  incomplete_.bytes += held - held_;
  held_ = held;
  const std::uint64_t former = std::exchange(message_, decoder_.incomplete());
  if (message_ != former) message_by_ = clock_.now() + kMessageTime;
  if (held_ > 0 && incomplete_.bytes > incomplete_.limit)
    fail(info(Code::too_many).close_code, Code::too_many, Limit::messages_bytes);
}

void Endpoint::reply(Opcode opcode, std::string_view payload) {
  replies_.append(frame_header(opcode, payload.size())).append(payload);
  send_replies();
}

void Endpoint::send_replies() {
  if (reading_ && replies_.size() < kRepliesWrite) return;
  if (!outlet_.drained() || (replies_.empty() && !ping_)) return;
  pongs_ = 0;
  std::string bytes = std::exchange(replies_, {});
  if (const auto ping = std::exchange(ping_, std::nullopt)) bytes += frame(Opcode::pong, *ping);
  send(bytes);
}

void Endpoint::on_tick(Instant now) {
  const Instant since = now - std::exchange(tick_at_, now);
  if (state_ == State::closing && now >= close_by_) finish();
  if (state_ != State::open) return;
  if (message_ != 0 && now >= message_by_)
    return fail(info(Code::timeout).close_code, Code::timeout, Limit::message_time);
  if (!outlet_.drained()) {
    ping_at_ += since;
    return;
  }
  if (now < ping_at_) return;
  if (unanswered_ == kUnansweredPings) {
    counters_.answered({Code::timeout, {}, 0, Limit::unanswered_pings});
    return close(info(Code::timeout).close_code, Code::timeout);
  }
  ++unanswered_;
  ping_at_ = now + kPingInterval;
  send(frame(Opcode::ping, {}));
}

void Endpoint::close(std::uint16_t code, Code reason) {
  state_ = State::closing;
  close_by_ = clock_.now() + kCloseWait;
  send(std::exchange(replies_, {}) + close_frame(code, info(reason).word));
}

/// What follows is not read any more, so the client's close frame is not awaited (section 7.1.7).
void Endpoint::fail(std::uint16_t code, Code reason, std::optional<Limit> limit) {
  if (state_ == State::open) {
    counters_.answered({reason, {}, 0, limit});
    close(code, reason);
  }
  finish();
}

void Endpoint::finish() {
  if (std::exchange(state_, State::closed) != State::closed) outlet_.close();
}

void Endpoint::send(std::string_view bytes) {
  const Piece piece{bytes, nullptr};
  outlet_.send({&piece, 1});
}

}  // namespace fieldcast::websocket

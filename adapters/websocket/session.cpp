#include "adapters/websocket/session.hpp"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "adapters/websocket/codec.hpp"
#include "adapters/websocket/message.hpp"
#include "gateway/stream.hpp"

namespace fieldcast::websocket {
namespace {

class Session final : public fieldcast::Session, private StreamOwner, private PublicationOwner {
 public:
  Session(Hub& hub, Publications& publications, Outlet& outlet)
      : hub_(hub), publications_(publications), outlet_(outlet), stream_(hub, *this, {}) {
    counters().clients.add();
  }
  ~Session() override {
    publications_.forget(*this);
    counters().clients.sub();
  }

  void start(std::string_view answer, std::span<const Parameter> parameters, std::optional<Problem> problem);

  void on_input(std::string_view bytes) override;
  void on_drained() override { pump(); }
  void on_tick(Instant now) override;
  void on_stop() override;

 private:
  enum class State : unsigned char {
    open,
    closing,  // our close frame is out, the client's is awaited until close_by_
    closed,   // the outlet was told to close
  };

  void on_stream_ready() override { pump(); }
  void on_published(Ticket ticket, const std::optional<Problem>& problem) override;

  std::optional<Problem> begin(std::span<const Parameter> parameters);
  void handle(Event event);
  void handle_message(std::string_view text);
  void publish(std::string id, std::string_view text);
  void pump();
  void send_replies();
  void send(std::span<const std::shared_ptr<const Batch>> batches);
  void send(std::string_view bytes);
  void tell(std::string_view id, const Problem& problem);
  void close(std::uint16_t code, Code reason);
  void finish();

  TransportCounters& counters() { return hub_.counters().transports[static_cast<std::size_t>(Transport::websocket)]; }
  void count(Code code, std::optional<Limit> limit = {}) { hub_.counters().answered({code, {}, 0, limit}); }

  Hub& hub_;
  Publications& publications_;
  Outlet& outlet_;
  Stream stream_;
  Decoder decoder_;
  State state_ = State::open;
  bool pumping_ = false;
  std::string replies_;                       // frames that wait for the socket: errors, answers to commands
  std::map<Ticket, std::string> publishing_;  // commands that wait for their broker, by their ids (JSON)
  std::optional<std::string> ping_;           // payload of the client's latest ping that has no pong yet
  int unanswered_ = 0;                        // pings of ours
  Instant heartbeat_{};
  Instant batch_at_{}, ping_at_{}, tick_at_{}, close_by_{};
};

void Session::start(std::string_view answer, std::span<const Parameter> parameters, std::optional<Problem> problem) {
  batch_at_ = tick_at_ = hub_.clock().now();
  ping_at_ = tick_at_ + kPingInterval;
  // First: who has the answer counts on what is published from then on.
  if (!problem) problem = begin(parameters);
  send(answer);
  if (problem) {
    tell("null", *problem);
    close(info(problem->code).close_code, problem->code);
  }
  pump();
}

std::optional<Problem> Session::begin(std::span<const Parameter> parameters) {
  const auto request = parse_stream_request(parameters, StreamKind::websocket, hub_.limits());
  if (!request) return request.problem();
  heartbeat_ = request->heartbeat;
  if (request->filters.empty()) return std::nullopt;
  return stream_.begin(request->filters, request->from, "null");
}

void Session::on_input(std::string_view bytes) {
  while (state_ != State::closed) {
    std::optional<Event> event = decoder_.next(bytes);
    if (!event) break;
    handle(*std::move(event));
  }
  pump();
}

void Session::handle(Event event) {
  switch (event.kind) {
    case Event::Kind::text:
      if (state_ != State::open) break;
      handle_message(event.bytes);
      if (replies_.size() <= kReplyBytes) break;
      count(Code::too_many, Limit::replies_bytes);
      close(kClosePolicy, Code::too_many);
      break;
    case Event::Kind::binary:
      if (state_ != State::open) break;
      count(Code::bad_message);
      close(kCloseUnsupported, Code::bad_message);
      break;
    case Event::Kind::ping:
      if (state_ != State::open) break;
      ping_ = std::move(event.bytes);
      send_replies();
      break;
    case Event::Kind::pong:
      unanswered_ = 0;
      break;
    case Event::Kind::close:
      if (state_ == State::open) {
        state_ = State::closing;
        send(close_frame(event.code, {}));
      }
      finish();
      break;
    case Event::Kind::error: {
      // What follows cannot be read any more, so the client's close frame is not awaited (section 7.1.7).
      const Code reason = event.code == kCloseTooLarge ? Code::too_large : Code::bad_message;
      if (state_ == State::open) {
        count(reason, reason == Code::too_large ? std::optional(Limit::message_bytes) : std::nullopt);
        close(event.code, reason);
      }
      finish();
      break;
    }
  }
}

void Session::handle_message(std::string_view text) {
  const auto parsed = parse_message(text, hub_.limits().filters);
  if (const auto* faulty = std::get_if<Faulty>(&parsed)) return tell(faulty->id, faulty->problem);
  const Request& request = std::get<Request>(parsed);
  if (request.op == Request::Op::publish) return publish(request.id, text);
  const auto problem = request.op == Request::Op::subscribe
                           ? stream_.subscribe(request.id, request.topics, request.from)
                           : stream_.unsubscribe(request.id, request.topics);
  if (problem) tell(request.id, *problem);
}

void Session::publish(std::string id, std::string_view text) {
  const auto ticket = publications_.publish(text, *this);
  if (!ticket) return tell(id, ticket.problem());
  publishing_.emplace(*ticket, std::move(id));
}

void Session::on_published(Ticket ticket, const std::optional<Problem>& problem) {
  const std::string id = publishing_.extract(ticket).mapped();
  if (state_ != State::open) return;
  if (problem) return tell(id, *problem);
  replies_ += frame(Opcode::text, encode_published(id));
  send_replies();
}

void Session::tell(std::string_view id, const Problem& problem) {
  hub_.counters().answered(problem);
  replies_ += frame(Opcode::text, encode_error(id, problem));
  send_replies();
}

/// Error messages, answers to commands and a pong go between batches, and like them only into an empty socket.
void Session::send_replies() {
  if (!outlet_.drained() || (replies_.empty() && !ping_)) return;
  std::string bytes = std::exchange(replies_, {});
  if (const auto ping = std::exchange(ping_, std::nullopt)) bytes += frame(Opcode::pong, *ping);
  send(bytes);
}

void Session::pump() {
  // An outlet may say within send() that it is drained: the loop below goes on, the stack does not grow.
  if (pumping_) return;
  pumping_ = true;
  std::vector<std::shared_ptr<const Batch>> batches;
  if (state_ == State::open) send_replies();
  for (bool more = true; more && state_ == State::open && outlet_.drained();) {
    for (std::size_t bytes = 0; bytes < kWriteBytes && batches.size() < kWriteBatches;) {
      auto batch = stream_.next();
      more = batch != nullptr;
      if (!more) break;
      bytes += batch->json.size();
      batches.push_back(std::move(batch));
    }
    if (!batches.empty()) send(batches);
    batches.clear();
  }
  if (state_ == State::open && stream_.too_slow()) {
    tell("null", stream_.slow_problem());
    close(info(Code::slow).close_code, Code::slow);
  }
  pumping_ = false;
}

void Session::send(std::span<const std::shared_ptr<const Batch>> batches) {
  std::vector<std::shared_ptr<const void>> owners(batches.begin(), batches.end());
  std::vector<Piece> pieces;
  pieces.reserve(2 * batches.size());
  for (std::size_t i = 0; i < batches.size(); ++i) {
    const Batch& batch = *batches[i];
    std::string& header = batch.framing[static_cast<std::size_t>(Framing::websocket)];
    if (header.empty()) header = frame_header(Opcode::text, batch.json.size());
    pieces.push_back({header, &owners[i]});
    pieces.push_back({batch.json, &owners[i]});
    if (batch.cursor_size == 0) continue;  // an answer
    batch_at_ = hub_.clock().now();
    counters().batches.add();
    counters().readings.add(batch.readings);
    counters().bytes.add(header.size() + batch.json.size());
  }
  outlet_.send(pieces);
}

void Session::send(std::string_view bytes) {
  const Piece piece{bytes, nullptr};
  outlet_.send({&piece, 1});
}

void Session::on_tick(Instant now) {
  const Instant since = now - std::exchange(tick_at_, now);
  if (state_ == State::closing && now >= close_by_) finish();
  if (state_ != State::open) return;
  if (!outlet_.drained()) {
    ping_at_ += since;
    return;
  }
  if (now >= ping_at_) {
    if (unanswered_ == kUnansweredPings) {
      count(Code::timeout, Limit::unanswered_pings);
      return close(info(Code::timeout).close_code, Code::timeout);
    }
    ++unanswered_;
    ping_at_ = now + kPingInterval;
    send(frame(Opcode::ping, {}));
  }
  // A tick early: the next one would be late.
  if (now + kTick >= batch_at_ + heartbeat_ && outlet_.drained()) {
    const auto batch = stream_.heartbeat();
    send({&batch, 1});
  }
}

void Session::on_stop() {
  if (state_ != State::open) return;
  const auto batch = stream_.heartbeat();
  send({&batch, 1});
  for (const auto& [ticket, id] : publishing_)
    tell(id, {Code::timeout, "the gateway stops before the broker has answered: it may have been published"});
  close(info(Code::stopping).close_code, Code::stopping);
}

/// Says why, behind the replies that wait, and awaits the client's close frame.
void Session::close(std::uint16_t code, Code reason) {
  state_ = State::closing;
  close_by_ = hub_.clock().now() + kCloseWait;
  send(std::exchange(replies_, {}) + close_frame(code, info(reason).word));
}

void Session::finish() {
  if (std::exchange(state_, State::closed) != State::closed) outlet_.close();
}

}  // namespace

std::unique_ptr<fieldcast::Session> open(std::string_view head, std::span<const Parameter> parameters,
                                         const std::optional<Problem>& refused, Hub& hub, Publications& publications,
                                         Outlet& outlet) {
  const std::string answer = answer_handshake(head);
  if (answer.empty()) return nullptr;
  auto session = std::make_unique<Session>(hub, publications, outlet);
  session->start(answer, parameters, refused);
  return session;
}

}  // namespace fieldcast::websocket

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

class Session final : public fieldcast::Session, private EndpointOwner, private StreamOwner, private PublicationOwner {
 public:
  Session(Hub& hub, Publications& publications, IncompleteMessages& incomplete, Outlet& outlet)
      : hub_(hub),
        publications_(publications),
        outlet_(outlet),
        stream_(hub, *this, {}),
        endpoint_(*this, outlet, hub.clock(), hub.counters(), incomplete) {
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
  void on_message(Event::Kind kind, std::string text) override;
  void on_stream_ready() override { pump(); }
  void on_published(Ticket ticket, const std::optional<Problem>& problem) override;

  std::optional<Problem> begin(std::span<const Parameter> parameters);
  void publish(std::string id, std::string_view text);
  void pump();
  void send(std::span<const std::shared_ptr<const Batch>> batches);
  void send(std::string_view bytes);
  void tell(std::string_view id, const Problem& problem);

  TransportCounters& counters() { return hub_.counters().transports[static_cast<std::size_t>(Transport::websocket)]; }

  Hub& hub_;
  Publications& publications_;
  Outlet& outlet_;
  Stream stream_;
  Endpoint endpoint_;
  bool pumping_ = false;
  std::map<Ticket, std::string> publishing_;  // commands that wait for their broker, by their ids (JSON)
  Instant heartbeat_{};
  Instant batch_at_{};
};

void Session::start(std::string_view answer, std::span<const Parameter> parameters, std::optional<Problem> problem) {
  batch_at_ = hub_.clock().now();
  // First: who has the answer counts on what is published from then on.
  if (!problem) problem = begin(parameters);
  send(answer);
  if (problem) {
    tell("null", *problem);
    endpoint_.close(info(problem->code).close_code, problem->code);
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
  endpoint_.on_input(bytes);
  pump();
}

void Session::on_message(Event::Kind kind, std::string text) {
  if (kind == Event::Kind::binary) {
    hub_.counters().answered({Code::bad_message, {}});
    return endpoint_.close(kCloseUnsupported, Code::bad_message);
  }
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
  if (!endpoint_.open()) return;
  if (problem) return tell(id, *problem);
  endpoint_.reply(Opcode::text, encode_published(id));
}

void Session::tell(std::string_view id, const Problem& problem) {
  hub_.counters().answered(problem);
  endpoint_.reply(Opcode::text, encode_error(id, problem));
}

void Session::pump() {
  // An outlet may say within send() that it is drained: the loop below goes on, the stack does not grow.
  if (pumping_) return;
  pumping_ = true;
  std::vector<std::shared_ptr<const Batch>> batches;
  if (endpoint_.open()) endpoint_.send_replies();
  for (bool more = true; more && endpoint_.open() && outlet_.drained();) {
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
  if (endpoint_.open() && stream_.too_slow()) {
    tell("null", stream_.slow_problem());
    endpoint_.close(info(Code::slow).close_code, Code::slow);
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
  endpoint_.on_tick(now);
  if (!endpoint_.open()) return;
  // A tick early: the next one would be late.
  if (now + kTick >= batch_at_ + heartbeat_ && outlet_.drained()) {
    const auto batch = stream_.heartbeat();
    send({&batch, 1});
  }
}

void Session::on_stop() {
  if (!endpoint_.open()) return;
  const auto batch = stream_.heartbeat();
  send({&batch, 1});
  for (const auto& [ticket, id] : publishing_)
    tell(id, {Code::timeout, "the gateway stops before the broker has answered: it may have been published"});
  endpoint_.close(info(Code::stopping).close_code, Code::stopping);
}

}  // namespace

std::unique_ptr<fieldcast::Session> open(std::string_view head, std::span<const Parameter> parameters,
                                         const std::optional<Problem>& refused, Hub& hub, Publications& publications,
                                         IncompleteMessages& incomplete, Outlet& outlet) {
  const std::string answer = answer_handshake(head);
  if (answer.empty()) return nullptr;
  auto session = std::make_unique<Session>(hub, publications, incomplete, outlet);
  session->start(answer, parameters, refused);
  return session;
}

}  // namespace fieldcast::websocket

#include "adapters/http/events.hpp"

#include <array>
#include <cstdio>
#include <string_view>

#include "gateway/stream.hpp"

namespace fieldcast::http {
namespace {

// What goes into one send: enough to fill a segment train, few enough for one iovec, and little to keep
// where the socket takes only a part.
constexpr std::size_t kSendBatches = 20;
constexpr std::size_t kSendBytes = 64 * 1024;

constexpr std::string_view kTail = "\n\n\r\n";  // of a batch; its chunk ends with the CRLF
constexpr std::string_view kLastChunk = "0\r\n\r\n";

std::string chunk_size(std::size_t size) {
  char text[24];
  const int length = std::snprintf(text, sizeof text, "%zx\r\n", size);
  return {text, static_cast<std::size_t>(length)};
}

/// What comes before the batch's JSON, made by the first client of all.
std::string_view framing(const Batch& batch, bool chunked) {
  auto& made = batch.framing[static_cast<std::size_t>(Framing::events)];
  if (made.empty()) {
    std::string prefix("id: ");
    prefix.append(batch.cursor()).append("\ndata: ");
    made = chunk_size(prefix.size() + batch.json.size() + 2) + prefix;
  }
  std::string_view bytes = made;
  if (!chunked) bytes.remove_prefix(bytes.find('\n') + 1);
  return bytes;
}

class EventsSession final : public Session, private StreamOwner {
 public:
  EventsSession(Hub& hub, Outlet& outlet, const StreamRequest& request, bool chunked)
      : hub_(hub),
        outlet_(outlet),
        counters_(hub.counters().transports[static_cast<std::size_t>(Transport::events)]),
        heartbeat_(request.heartbeat),
        chunked_(chunked),
        stream_(hub, *this, {Transport::events}) {
    counters_.clients.add();
  }
  ~EventsSession() override { counters_.clients.sub(); }

  std::optional<Problem> begin(const StreamRequest& request, const Terms& terms) {
    if (auto problem = stream_.begin(request.filters, request.from, std::nullopt)) return problem;
    send_bytes(make_head(events_response(terms.minor), terms, hub_.clock().wall_ms()) + framed(retry_event()));
    last_ = hub_.clock().now();
    pump();
    return std::nullopt;
  }

  // Further input is the connection's: requests that wait for an answer that never ends.
  void on_input(std::string_view) override {}
  void on_drained() override { pump(); }

  void on_tick(Instant now) override {
    // One tick early rather than one late. A client whose socket is full has not read what it has.
    if (ended_ || !outlet_.drained() || now - last_ < heartbeat_ - kTick) return;
    const std::array batches{stream_.heartbeat()};
    send(batches);
  }

  void on_stop() override {
    if (ended_) return;
    const std::array batches{stream_.heartbeat()};
    send(batches);
    end();
  }

 private:
  void on_stream_ready() override { pump(); }

  void pump() {
    std::array<std::shared_ptr<const Batch>, kSendBatches> batches;
    for (bool more = true; more && !ended_ && outlet_.drained();) {
      std::size_t count = 0;
      for (std::size_t bytes = 0; count < batches.size() && bytes < kSendBytes; ++count) {
        batches[count] = stream_.next();
        more = batches[count] != nullptr;
        if (!more) break;
        bytes += batches[count]->json.size();
      }
      if (count != 0) send({batches.data(), count});
    }
    if (!ended_ && stream_.too_slow()) {
      const Problem problem = Stream::slow_problem();
      hub_.counters().answered(problem);
      send_bytes(framed(problem_event(problem)));
      end();
    }
  }

  std::string framed(const std::string& event) const {
    return chunked_ ? chunk_size(event.size()) + event + "\r\n" : event;
  }

  void send_bytes(std::string_view bytes) {
    const Piece piece{bytes};
    outlet_.send({&piece, 1});
  }

  void end() {
    ended_ = true;
    if (chunked_) send_bytes(kLastChunk);
    outlet_.close();
  }

  void send(std::span<const std::shared_ptr<const Batch>> batches) {
    std::array<std::shared_ptr<const void>, kSendBatches> owners;
    std::array<Piece, 3 * kSendBatches> pieces;
    std::size_t count = 0;
    for (std::size_t i = 0; i < batches.size(); ++i) {
      const Batch& batch = *batches[i];
      owners[i] = batches[i];
      const std::size_t first = count;
      pieces[count++] = {framing(batch, chunked_), &owners[i]};
      pieces[count++] = {batch.json, &owners[i]};
      pieces[count++] = {chunked_ ? kTail : kTail.substr(0, 2)};
      for (std::size_t p = first; p < count; ++p) counters_.bytes.add(pieces[p].bytes.size());
      counters_.batches.add();
      counters_.readings.add(batch.readings);
    }
    last_ = hub_.clock().now();
    outlet_.send({pieces.data(), count});
  }

  Hub& hub_;
  Outlet& outlet_;
  TransportCounters& counters_;
  const Instant heartbeat_;
  const bool chunked_;
  bool ended_ = false;
  Instant last_{};  // when the last batch was handed over
  Stream stream_;
};

}  // namespace

Result<StreamRequest> parse_events_request(const Request& request, const Limits& limits) {
  auto parsed = parse_stream_request(request.parameters, StreamKind::events, limits);
  const auto last = request.field("last-event-id");
  // An empty one is what an EventSource has before its first event.
  if (!parsed || !last || last->empty()) return parsed;
  const auto cursor = parse_cursor(*last);
  parsed->from = {};
  parsed->from.kind = cursor ? From::Kind::cursor : From::Kind::unknown;
  if (cursor) parsed->from.cursor = *cursor;
  return parsed;
}

Response events_response(int minor) {
  Response response;
  response.type = "text/event-stream";
  response.streamed = true;
  response.headers = "X-Accel-Buffering: no\r\n";
  if (minor == 1) response.headers += "Transfer-Encoding: chunked\r\n";
  return response;
}

Result<std::unique_ptr<Session>> start_events(Hub& hub, Outlet& outlet, const StreamRequest& request,
                                              const Terms& terms) {
  auto session = std::make_unique<EventsSession>(hub, outlet, request, terms.minor == 1);
  if (auto problem = session->begin(request, terms)) return std::move(*problem);
  return std::unique_ptr<Session>(std::move(session));
}

}  // namespace fieldcast::http

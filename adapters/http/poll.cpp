#include "adapters/http/poll.hpp"

#include <string>

#include "adapters/http/answer.hpp"
#include "gateway/stream.hpp"

namespace fieldcast::http {
namespace {

class PollSession final : public Session, private StreamOwner {
 public:
  PollSession(Hub& hub, Outlet& outlet, const StreamRequest& request, const Terms& terms)
      : hub_(hub),
        outlet_(outlet),
        counters_(hub.counters().transports[static_cast<std::size_t>(Transport::poll)]),
        terms_(terms),
        deadline_(hub.clock().now() + request.timeout),
        stream_(hub, *this, {Transport::poll, request.limit, true}) {
    counters_.clients.add();
  }
  ~PollSession() override { counters_.clients.sub(); }

  std::optional<Problem> begin(const StreamRequest& request) {
    if (auto problem = stream_.begin(request.filters, request.from, std::nullopt)) return problem;
    on_stream_ready();
    if (answered_ || counters_.clients.value() <= hub_.limits().polls) return std::nullopt;
    return Problem{Code::too_many, "too many polls wait for an answer: try again later, or use event streams", 0,
                   Limit::polls};
  }

  // Further input is the connection's: the next requests.
  void on_input(std::string_view) override {}
  void on_drained() override {}

  void on_tick(Instant now) override { answer_if_due(now); }

  void on_stop() override {
    if (answered_) return;
    terms_.keep_alive = false;
    answer(stream_.heartbeat());
  }

 private:
  void on_stream_ready() override {
    if (answered_) return;
    if (auto batch = stream_.next()) return answer(batch);
    answer_if_due(hub_.clock().now());
  }

  // A null while stored readings are on their way does not mean that there are none.
  void answer_if_due(Instant now) {
    if (answered_ || now < deadline_) return;
    if (!stream_.busy() || now >= deadline_ + kReadPatience) answer(stream_.heartbeat());
  }

  void answer(const std::shared_ptr<const Batch>& batch) {
    answered_ = true;
    Response response = poll_response();
    response.streamed = false;
    // The batch's own string, kept alive by the batch.
    response.body = std::shared_ptr<const std::string>(batch, &batch->json);
    counters_.batches.add();
    counters_.readings.add(batch->readings);
    counters_.bytes.add(send_answer(outlet_, response, terms_, hub_.clock().wall_ms()));
  }

  Hub& hub_;
  Outlet& outlet_;
  TransportCounters& counters_;
  Terms terms_;
  const Instant deadline_;
  bool answered_ = false;
  Stream stream_;
};

}  // namespace

Response poll_response() {
  Response response;
  response.type = "application/json";
  response.streamed = true;
  return response;
}

Result<std::unique_ptr<Session>> start_poll(Hub& hub, Outlet& outlet, const StreamRequest& request,
                                            const Terms& terms) {
  auto session = std::make_unique<PollSession>(hub, outlet, request, terms);
  if (auto problem = session->begin(request)) return std::move(*problem);
  return std::unique_ptr<Session>(std::move(session));
}

}  // namespace fieldcast::http

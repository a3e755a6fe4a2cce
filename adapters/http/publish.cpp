#include "adapters/http/publish.hpp"

#include <string>
#include <utility>

#include "adapters/http/answer.hpp"
#include "gateway/encoding.hpp"
#include "gateway/limits.hpp"

namespace fieldcast::http {
namespace {

bool is_json(std::optional<std::string_view> type) {
  if (!type) return false;
  auto name = type->substr(0, type->find(';'));
  name = name.substr(0, name.find_last_not_of(" \t") + 1);
  return equals(name, "application/json");
}

class PublishSession final : public Session, private PublicationOwner {
 public:
  PublishSession(Publications& publications, Hub& hub, Outlet& outlet, Terms terms)
      : publications_(publications), hub_(hub), outlet_(outlet), terms_(std::move(terms)) {}
  ~PublishSession() override { publications_.forget(*this); }

  std::optional<Problem> begin(std::string_view body) {
    const auto ticket = publications_.publish(body, *this);
    return ticket ? std::nullopt : std::optional(ticket.problem());
  }

  void on_input(std::string_view) override {}
  void on_drained() override {}

  void on_tick(Instant now) override {
    if (!answer_by_ || now < *answer_by_) return;
    refuse({Code::timeout, "the gateway stops before the broker has answered: it may have been published"});
  }

  void on_stop() override {
    terms_.keep_alive = false;
    answer_by_ = hub_.clock().now() + kPublishStopWait;
  }

 private:
  void on_published(Ticket, const std::optional<Problem>& problem) override {
    if (answered_) return;
    if (problem) return refuse(*problem);
    answer(make_response(200, "application/json", encode_published()));
  }

  void refuse(const Problem& problem) {
    if (answered_) return;
    hub_.counters().answered(problem);
    answer(problem_response(problem));
  }

  void answer(const Response& response) {
    answered_ = true;
    send_answer(outlet_, response, terms_, hub_.clock().wall_ms());
  }

  Publications& publications_;
  Hub& hub_;
  Outlet& outlet_;
  Terms terms_;
  std::optional<Instant> answer_by_;  // the gateway stops
  bool answered_ = false;
};

}  // namespace

std::optional<Problem> publish_fault(const Request& request, const Publications& publications) {
  if (!request.query.empty())
    return Problem{Code::bad_request, "/v1/publish takes no parameters: write them as members of the body"};
  if (auto problem = publications.forbidden()) return problem;
  if (!is_json(request.field("content-type")))
    return Problem{Code::bad_media_type, "/v1/publish takes a body with `Content-Type: application/json`"};
  if (request.content_length > kPublishBytes) return body_too_large();
  return std::nullopt;
}

Problem body_too_large() {
  return {Code::too_large, "a command may have " + std::to_string(kPublishBytes) + " bytes as JSON", 0,
          Limit::publish_bytes};
}

Result<std::unique_ptr<Session>> start_publish(Publications& publications, Hub& hub, Outlet& outlet,
                                               std::string_view body, const Terms& terms) {
  auto session = std::make_unique<PublishSession>(publications, hub, outlet, terms);
  if (auto problem = session->begin(body)) return *std::move(problem);
  return std::unique_ptr<Session>(std::move(session));
}

}  // namespace fieldcast::http

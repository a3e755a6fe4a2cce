#include "adapters/http/topics.hpp"

#include <string>
#include <utility>

#include "adapters/http/answer.hpp"

namespace fieldcast::http {
namespace {

class TopicsSession final : public Session, private TopicPageOwner {
 public:
  TopicsSession(Hub& hub, Outlet& outlet, TopicPageRequest request, const Terms& terms)
      : clock_(hub.clock()), outlet_(outlet), terms_(terms), reader_(hub, *this, std::move(request)) {
    on_page_ready();
  }

  // Further input is the connection's: the next requests.
  void on_input(std::string_view) override {}
  void on_drained() override {}
  void on_tick(Instant) override {}
  // The page is there in a moment.
  void on_stop() override { terms_.keep_alive = false; }

 private:
  void on_page_ready() override {
    Response response = topics_response();
    response.body = reader_.take();
    if (!response.body) return;
    response.streamed = false;
    send_answer(outlet_, response, terms_, clock_.wall_ms());
  }

  const Clock& clock_;
  Outlet& outlet_;
  Terms terms_;
  TopicPageReader reader_;
};

}  // namespace

Response topics_response() {
  Response response;
  response.type = "application/json";
  response.streamed = true;
  return response;
}

std::unique_ptr<Session> start_topics(Hub& hub, Outlet& outlet, TopicPageRequest request, const Terms& terms) {
  return std::make_unique<TopicsSession>(hub, outlet, std::move(request), terms);
}

}  // namespace fieldcast::http

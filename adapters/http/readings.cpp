#include "adapters/http/readings.hpp"

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "adapters/http/accept.hpp"
#include "adapters/http/answer.hpp"
#include "gateway/csv.hpp"
#include "gateway/encoding.hpp"

namespace fieldcast::http {
namespace {

// By PageFormat.
constexpr std::array<std::string_view, 3> kTypes{"application/json", "application/x-ndjson", "text/csv"};

std::string lines(const Chunk& chunk, bool with_broker) {
  std::string out;
  for (const Entry& reading : chunk.entries) {
    append_entry(out, reading, with_broker);
    out += '\n';
  }
  return out;
}

std::string table(const Chunk& chunk, bool with_broker) {
  std::string out(kCsvHeader);
  for (const Entry& reading : chunk.entries) append_csv(out, reading, with_broker);
  return out;
}

std::string page_fields(const HistoryPage& page) {
  std::string out = "Fieldcast-Cursor: " + to_string(page.cursor) + "\r\nFieldcast-Head: " + to_string(page.head) +
                    "\r\nFieldcast-More: " + (page.more ? "true" : "false") + "\r\n";
  if (page.gap) {
    out += "Fieldcast-Gap: ";
    append_gap(out, *page.gap);
    out += "\r\n";
  }
  return out;
}

class ReadingsSession final : public Session, private HistoryPageOwner {
 public:
  ReadingsSession(Hub& hub, Outlet& outlet, const HistoryPageRequest& request, PageFormat format, const Terms& terms)
      : hub_(hub), outlet_(outlet), format_(format), terms_(terms), reader_(hub, *this, request) {
    on_page_ready();
  }

  // Further input is the connection's: the next requests.
  void on_input(std::string_view) override {}
  void on_drained() override {}
  void on_tick(Instant) override {}

  void on_stop() override {
    if (answered_) return;
    terms_.keep_alive = false;
    const Problem problem{Code::stopping, "the gateway is stopping: ask again"};
    hub_.counters().answered(problem);
    answer(problem_response(problem));
  }

 private:
  void on_page_ready() override {
    if (answered_) return;
    const auto page = reader_.take();
    if (!page) return;
    Response response = page_response(*page, format_, hub_.names_brokers());
    const std::size_t bytes = response.body->size();
    response.body = hub_.counted<std::string>(std::move(response.body), bytes);
    answer(response);
  }

  void answer(const Response& response) {
    answered_ = true;
    send_answer(outlet_, response, terms_, hub_.clock().wall_ms());
  }

  Hub& hub_;
  Outlet& outlet_;
  const PageFormat format_;
  Terms terms_;
  bool answered_ = false;
  HistoryPageReader reader_;
};

}  // namespace

PageFormat page_format(const Request& request) {
  return static_cast<PageFormat>(preferred(request.field("accept"), kTypes));
}

Response readings_response(PageFormat format) {
  Response response;
  response.type = kTypes[static_cast<std::size_t>(format)];
  if (format == PageFormat::csv) response.type += "; charset=utf-8; header=present";
  response.headers = "Vary: Accept\r\n";
  response.streamed = true;
  return response;
}

Response page_response(const HistoryPage& page, PageFormat format, bool with_broker) {
  Response response = readings_response(format);
  response.streamed = false;
  if (format != PageFormat::json) response.headers += page_fields(page);
  response.body = std::make_shared<const std::string>(format == PageFormat::json     ? encode_page(page, with_broker)
                                                      : format == PageFormat::ndjson ? lines(page.chunk, with_broker)
                                                                                     : table(page.chunk, with_broker));
  return response;
}

std::unique_ptr<Session> start_readings(Hub& hub, Outlet& outlet, const HistoryPageRequest& request, PageFormat format,
                                        const Terms& terms) {
  return std::make_unique<ReadingsSession>(hub, outlet, request, format, terms);
}

}  // namespace fieldcast::http

#include "adapters/http/response.hpp"

#include <http_parser.h>

#include <cstdio>
#include <ctime>
#include <random>

#include "gateway/encoding.hpp"

namespace fieldcast::http {
namespace {

/// RFC 9110 section 5.6.7, from Unix ms. Not strftime(), whose names follow the process's locale.
std::string http_date(std::int64_t time) {
  constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = time / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[64];
  std::snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[utc.tm_wday], utc.tm_mday,
                months[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
  return text;
}

}  // namespace

std::string make_head(const Response& response, const Terms& terms, std::int64_t now) {
  std::string out;
  out.reserve(512);
  out += "HTTP/1.1 ";
  out += std::to_string(response.status);
  out += ' ';
  out += http_status_str(static_cast<http_status>(response.status));
  out += "\r\n";
  out.append("Date: ").append(http_date(now)).append("\r\n");
  const bool bodiless = response.status == 204 || response.status == 304;
  if (!bodiless) {
    if (!response.type.empty()) out.append("Content-Type: ").append(response.type).append("\r\n");
    if (!response.streamed)
      out.append("Content-Length: ").append(std::to_string(response.body ? response.body->size() : 0)).append("\r\n");
  }
  // no-transform: a proxy that compresses would hold back small batches.
  if (!response.cacheable) out += "Cache-Control: no-store, no-transform\r\n";
  out += "X-Content-Type-Options: nosniff\r\n";
  out += response.headers;
  out += terms.headers;
  if (!terms.keep_alive) {
    out += "Connection: close\r\n";
  } else if (terms.minor == 0) {
    out += "Connection: keep-alive\r\n";
  }
  out += "\r\n";
  return out;
}

Response make_response(int status, std::string type, std::string body) {
  Response response;
  response.status = status;
  response.type = std::move(type);
  response.body = std::make_shared<const std::string>(std::move(body));
  return response;
}

std::string problem_json(const Problem& problem, int status) {
  std::string out = R"({"type":"about:blank","title":)";
  append_json_string(out, info(problem.code).title);
  out.append(R"(,"status":)").append(std::to_string(status)).append(R"(,"code":)");
  append_json_string(out, info(problem.code).word);
  out += R"(,"detail":)";
  append_json_string(out, problem.detail);
  append_reason_code(out, problem);
  out += '}';
  return out;
}

Response problem_response(const Problem& problem, int status) {
  if (status == 0) status = info(problem.code).http_status;
  auto response = make_response(status, "application/problem+json", problem_json(problem, status));
  if (status == 503) response.headers = "Retry-After: " + std::to_string(jitter(2, 5)) + "\r\n";
  if (status == 405) response.headers = "Allow: " + std::string(kMethods) + "\r\n";
  return response;
}

Response problem_events(const Problem& problem) {
  return make_response(200, "text/event-stream", retry_event() + problem_event(problem));
}

std::string problem_event(const Problem& problem) {
  return "event: problem\ndata: " + problem_json(problem, info(problem.code).http_status) + "\n\n";
}

unsigned jitter(unsigned low, unsigned high) {
  thread_local std::minstd_rand random{std::random_device{}()};
  return std::uniform_int_distribution<unsigned>(low, high)(random);
}

std::string retry_event() {
  return "retry: " + std::to_string(jitter(2000, 5000)) + "\n\n";
}

}  // namespace fieldcast::http

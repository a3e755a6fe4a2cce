// Answers: the bytes of a response's head, and errors as RFC 9457 problems. Pure but for the jitter, any
// thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/problem.hpp"

namespace fieldcast::http {

/// What a path takes; `Allow` and CORS say so.
inline constexpr std::string_view kMethods = "GET, HEAD, OPTIONS", kPublishMethods = "POST, OPTIONS";

struct Response {
  int status = 200;
  std::string type;                         // Content-Type; empty where there is no body
  std::shared_ptr<const std::string> body;  // null: none
  std::string headers;                      // further header lines, each with its CRLF
  bool streamed = false;                    // the body's length is not known: no Content-Length
  bool cacheable = false;                   // brings its own Cache-Control
};

/// What an answer takes from its request and its connection.
struct Terms {
  int minor = 1;            // the request's HTTP/1.minor
  bool head_only = false;   // a HEAD request
  bool keep_alive = false;  // the connection goes on after this answer
  std::string headers;      // lines that every answer to this request has (CORS)
};

/// The head, its empty line included. Every answer is `no-store, no-transform` unless it is cacheable. `now` (Unix
/// ms) becomes its Date: a page tells the age of a reading by it, whatever its own clock says.
std::string make_head(const Response& response, const Terms& terms, std::int64_t now);

Response make_response(int status, std::string type, std::string body);

/// `{"type":"about:blank","title":…,"status":…,"code":…,"detail":…[,"reason_code":…]}`, on one line.
std::string problem_json(const Problem& problem, int status);

/// `status` 0: the one that belongs to the code. A 503 has a Retry-After of some seconds, a 405 an `Allow` of
/// kMethods.
Response problem_response(const Problem& problem, int status = 0);

/// The same for a browser's EventSource, which never comes back from a 503: a 200 whose one event, `problem`,
/// says what is wrong, and which tells it when to come back.
Response problem_events(const Problem& problem);

/// `event: problem` with the problem as its data, and an empty line.
std::string problem_event(const Problem& problem);

/// A number in [low, high], so that clients that were sent away together do not come back together.
unsigned jitter(unsigned low, unsigned high);

/// `retry: MS` and an empty line: when an EventSource shall come back, 2 to 5 s after it lost its stream.
std::string retry_event();

}  // namespace fieldcast::http

#include "adapters/http/dispatcher.hpp"

#include "adapters/http/events.hpp"
#include "adapters/http/poll.hpp"
#include "adapters/http/publish.hpp"
#include "adapters/http/query.hpp"
#include "adapters/http/readings.hpp"
#include "adapters/http/topics.hpp"

namespace fieldcast::http {
namespace {

constexpr std::string_view kWebSocketPath = "/v1/ws", kEventsPath = "/v1/events", kPollPath = "/v1/poll",
                           kReadingsPath = "/v1/readings", kTopicsPath = "/v1/topics", kPublishPath = "/v1/publish";

/// Served by a session that reads the log.
bool is_session(std::string_view path) {
  return path == kWebSocketPath || path == kEventsPath || path == kPollPath || path == kReadingsPath ||
         path == kTopicsPath;
}

std::string_view methods_of(std::string_view path) {
  return path == kPublishPath ? kPublishMethods : kMethods;
}

std::string allow_line(std::string_view methods) {
  return "Allow: " + std::string(methods) + "\r\n";
}

bool takes(std::string_view path, std::string_view method) {
  return path == kPublishPath ? method == "POST" : method == "GET" || method == "HEAD";
}

}  // namespace

bool Dispatcher::needs_body(const Request& request) {
  return request.path == kPublishPath && takes(request.path, request.method);
}

std::optional<Problem> Dispatcher::head_fault(const Request& request) const {
  if (auto problem = access_.check(request.field("host"), request.field("origin"))) return problem;
  return publish_fault(request, publications_);
}

Response Dispatcher::refuse(const Problem& problem, int status) {
  hub_.counters().answered(problem);
  return problem_response(problem, status);
}

Reply Dispatcher::dispatch(std::string head, Request request, Terms& terms, Outlet& outlet,
                           const std::optional<Problem>& refused) {
  const auto origin = request.field("origin");
  // A proxy that sees the wish for a WebSocket, and not its answer, takes what follows for one's bytes.
  if (names(request.field("upgrade"), "websocket")) terms.keep_alive = false;
  if (auto problem = access_.check(request.field("host"), origin)) return refuse(*problem);
  terms.headers = cors_lines(origin);

  const auto route = routes_.find(request.path);
  const bool known =
      route != routes_.end() || is_session(request.path) || request.path == kPublishPath || request.path == "*";
  if (!known && !websocket_everywhere_) return refuse({Code::not_found, "nothing is served at this path"});
  const auto methods = methods_of(request.path);
  if (request.method == "OPTIONS") {
    Response response;
    response.status = 204;
    response.headers = allow_line(methods);
    if (origin) response.headers += preflight_lines(methods);
    return response;
  }
  if (!takes(request.path, request.method)) {
    Response response = refuse({Code::bad_method, "this path takes " + std::string(methods)});
    response.headers = allow_line(methods);
    return response;
  }

  if (request.path == kPublishPath) return publish(request, terms, outlet, refused);

  if (request.path == kWebSocketPath || !known) return upgrade(std::move(head), std::move(request), outlet, refused);
  if (route != routes_.end() && !route->second.parameters) return route->second.handler(request);

  auto parameters = parse_query(request.query);
  if (!parameters) return refuse(parameters.problem());
  request.parameters = std::move(*parameters);
  if (route != routes_.end()) {
    if (auto problem = check_parameters(route->second, request.parameters)) return refuse(*problem);
    return route->second.handler(request);
  }
  if (request.path == kEventsPath) return serve_events(request, terms, outlet, refused);
  if (refused) return refuse(*refused);
  if (request.path == kReadingsPath) return serve_readings(request, terms, outlet);
  if (request.path == kTopicsPath) return serve_topics(request, terms, outlet);
  return serve_poll(request, terms, outlet);
}

Reply Dispatcher::upgrade(std::string head, Request request, Outlet& outlet, std::optional<Problem> refused) {
  if (auto fault = upgrade_fault(request)) {
    auto response = refuse(fault->problem, fault->status);
    if (fault->status == 426) response.headers += kUpgradeLines;
    return response;
  }
  auto parameters = parse_query(request.query);
  if (parameters) {
    request.parameters = std::move(*parameters);
  } else if (!refused) {
    refused = parameters.problem();
  }
  auto session = upgrade_({std::move(head), std::move(request), std::move(refused)}, outlet);
  if (!session) return refuse({Code::bad_request, "a Sec-WebSocket field is faulty"});
  return UpgradedSession{std::move(session)};
}

Reply Dispatcher::serve_events(const Request& request, Terms& terms, Outlet& outlet,
                               const std::optional<Problem>& refused) {
  // The stream ends with its connection, whatever ends it.
  terms.keep_alive = false;
  const auto send_away = [&](const Problem& problem) {
    if (info(problem.code).http_status != 503 || !names(request.field("accept"), "text/event-stream"))
      return refuse(problem);
    hub_.counters().answered(problem);
    return problem_events(problem);
  };
  if (refused) return send_away(*refused);
  const auto wanted = parse_events_request(request, hub_.limits());
  if (!wanted) return send_away(wanted.problem());
  if (terms.head_only) return events_response(terms.minor);
  auto session = start_events(hub_, outlet, *wanted, terms);
  if (!session) return send_away(session.problem());
  return std::move(*session);
}

Reply Dispatcher::serve_poll(const Request& request, const Terms& terms, Outlet& outlet) {
  const auto wanted = parse_stream_request(request.parameters, StreamKind::poll, hub_.limits());
  if (!wanted) return refuse(wanted.problem());
  if (terms.head_only) return poll_response();
  auto session = start_poll(hub_, outlet, *wanted, terms);
  if (!session) return refuse(session.problem());
  return std::move(*session);
}

Reply Dispatcher::publish(const Request& request, const Terms& terms, Outlet& outlet,
                          const std::optional<Problem>& refused) {
  if (refused) return refuse(*refused);
  if (auto problem = publish_fault(request, publications_)) return refuse(*problem);
  auto session = start_publish(publications_, hub_, outlet, request.body, terms);
  if (!session) return refuse(session.problem());
  return std::move(*session);
}

Reply Dispatcher::serve_readings(const Request& request, const Terms& terms, Outlet& outlet) {
  const auto wanted = parse_history_request(request.parameters, hub_.limits(), hub_.clock().wall_ms());
  if (!wanted) return refuse(wanted.problem());
  const auto format = page_format(request);
  if (terms.head_only) return readings_response(format);
  return start_readings(hub_, outlet, *wanted, format, terms);
}

Reply Dispatcher::serve_topics(const Request& request, const Terms& terms, Outlet& outlet) {
  auto wanted = parse_topics_request(request.parameters, hub_.limits());
  if (!wanted) return refuse(wanted.problem());
  if (terms.head_only) return topics_response();
  return start_topics(hub_, outlet, std::move(*wanted), terms);
}

}  // namespace fieldcast::http

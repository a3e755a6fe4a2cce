// Decides what one request gets: a plain answer, or a session that goes on answering. Knows the paths of the
// API; knows nothing of sockets. One per shard, on its thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "adapters/http/access.hpp"
#include "adapters/http/head.hpp"
#include "adapters/http/response.hpp"
#include "adapters/http/routes.hpp"
#include "adapters/http/upgrade.hpp"
#include "gateway/hub.hpp"
#include "gateway/publications.hpp"
#include "gateway/session.hpp"

namespace fieldcast::http {

struct UpgradedSession {
  std::unique_ptr<Session> session;  // all further input is its own
};

using Reply = std::variant<Response, std::unique_ptr<Session>, UpgradedSession>;

class Dispatcher {
 public:
  /// Hub and publications outlive the dispatcher. `websocket_everywhere`: see Settings.
  Dispatcher(Hub& hub, Publications& publications, Access access, Routes routes, UpgradeFactory upgrade,
             bool websocket_everywhere)
      : hub_(hub),
        publications_(publications),
        access_(std::move(access)),
        routes_(std::move(routes)),
        upgrade_(std::move(upgrade)),
        websocket_everywhere_(websocket_everywhere) {}

  /// Whether the answer needs the request's body; any other body is thrown away.
  static bool needs_body(const Request& request);
  /// Why such a request is refused whatever its body holds, as its head tells.
  std::optional<Problem> head_fault(const Request& request) const;

  /// `terms` gets the header lines of this request's answers. `refused`: why no stream can be had now, or no command
  /// taken; plain routes are served nevertheless, so that health checks and metrics work when they matter most.
  Reply dispatch(std::string head, Request request, Terms& terms, Outlet& outlet,
                 const std::optional<Problem>& refused);

  /// The answer to what is wrong, counted. `status` 0: the one that belongs to the code.
  Response refuse(const Problem& problem, int status = 0);

 private:
  Reply upgrade(std::string head, Request request, Outlet& outlet, std::optional<Problem> refused);
  Reply serve_events(const Request& request, Terms& terms, Outlet& outlet, const std::optional<Problem>& refused);
  Reply serve_poll(const Request& request, const Terms& terms, Outlet& outlet);
  Reply serve_readings(const Request& request, const Terms& terms, Outlet& outlet);
  Reply serve_topics(const Request& request, const Terms& terms, Outlet& outlet);

  Reply publish(const Request& request, const Terms& terms, Outlet& outlet, const std::optional<Problem>& refused);

  Hub& hub_;
  Publications& publications_;
  const Access access_;
  const Routes routes_;
  const UpgradeFactory upgrade_;
  const bool websocket_everywhere_;
};

}  // namespace fieldcast::http

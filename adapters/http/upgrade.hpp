// The request for a WebSocket as this folder hands it on: checked as HTTP and by RFC 6455 section 4.2.1,
// not yet answered. Pure, any thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "adapters/http/head.hpp"
#include "gateway/problem.hpp"
#include "gateway/session.hpp"

namespace fieldcast::http {

struct UpgradeRequest {
  std::string head;  // as received, its empty line included
  Request request;   // with its parameters decoded
  /// Why no stream can be had (over a limit, stopping, a faulty query). A browser cannot read the answer to a
  /// failed handshake: so shake hands, tell the problem in the WebSocket, and close.
  std::optional<Problem> refused;
};

/// Answers the handshake over the outlet and speaks the protocol from there. Null, and nothing sent, where the
/// head's Sec-WebSocket fields are faulty in a way that only the protocol knows: then a `bad_request` is answered.
using UpgradeFactory = std::function<std::unique_ptr<Session>(UpgradeRequest&&, Outlet&)>;

struct UpgradeFault {
  Problem problem;
  int status;  // 426 where a right upgrade is asked for, 400 where one is faulty
};

/// What keeps a request from being a WebSocket handshake of version 13.
std::optional<UpgradeFault> upgrade_fault(const Request& request);

/// Header lines of a 426 (RFC 9110 section 15.5.22, RFC 6455 section 4.4).
inline constexpr const char* kUpgradeLines =
    "Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n";

}  // namespace fieldcast::http

// `POST /v1/publish`: one command, answered when the broker has acknowledged it.
//
// One thread: its shard's.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string_view>

#include "adapters/http/head.hpp"
#include "adapters/http/response.hpp"
#include "gateway/hub.hpp"
#include "gateway/publications.hpp"
#include "gateway/result.hpp"
#include "gateway/session.hpp"

namespace fieldcast::http {

/// When the gateway stops, a broker that is there still answers within so long; the client must be told before the
/// gateway's patience with it ends.
inline constexpr std::chrono::seconds kPublishStopWait{1};

/// What is wrong with a request to publish, as its head tells: `bad_request` (it has a query), `forbidden`,
/// `bad_media_type`, `too_large`.
std::optional<Problem> publish_fault(const Request& request, const Publications& publications);

/// A body that is over kPublishBytes.
Problem body_too_large();

/// Hands over the command in `body`; the session answers. `bad_message`, `too_many`, `forbidden`: nothing was published
/// or sent. All but body and terms outlive the session. A client that leaves does not take its command back.
Result<std::unique_ptr<Session>> start_publish(Publications& publications, Hub& hub, Outlet& outlet,
                                               std::string_view body, const Terms& terms);

}  // namespace fieldcast::http

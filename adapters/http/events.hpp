// Server-sent events: `GET /v1/events`, one stream over one endless answer (WHATWG HTML, section 9.2).
// Each batch is a message event whose id is its cursor:
//
//   [<size in hex> CRLF] id: <cursor> LF data: <batch> LF LF [CRLF]        in brackets: HTTP/1.1 only
//
// One thread: its shard's.
#pragma once

#include <memory>

#include "adapters/http/head.hpp"
#include "adapters/http/response.hpp"
#include "gateway/hub.hpp"
#include "gateway/parameters.hpp"
#include "gateway/result.hpp"
#include "gateway/session.hpp"

namespace fieldcast::http {

/// The query, where Last-Event-ID wins over `from`; one that is no cursor is a position nobody can know.
Result<StreamRequest> parse_events_request(const Request& request, const Limits& limits);

/// The head of the answer, for GET and HEAD.
Response events_response(int minor);

/// Begins the stream and sends its first batch. `too_many`: nothing was sent. The session closes the connection
/// at its end. Hub and outlet outlive it.
Result<std::unique_ptr<Session>> start_events(Hub& hub, Outlet& outlet, const StreamRequest& request,
                                              const Terms& terms);

}  // namespace fieldcast::http

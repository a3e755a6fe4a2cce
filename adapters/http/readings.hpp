// History: `GET /v1/readings`, one page of it a request, as JSON, as one JSON object a line, or as a table. The page is
// read in turns, memory and disk, so the answer is a session's; it ends it.
//
// One thread: its shard's.
#pragma once

#include <cstdint>
#include <memory>

#include "adapters/http/head.hpp"
#include "adapters/http/response.hpp"
#include "gateway/history_page.hpp"
#include "gateway/hub.hpp"
#include "gateway/session.hpp"

namespace fieldcast::http {

enum class PageFormat : std::uint8_t { json, ndjson, csv };

/// What the request's `Accept` likes best; JSON where it likes none.
PageFormat page_format(const Request& request);

/// The head of the answer to HEAD, which does not wait for the page: without its length and cursors.
Response readings_response(PageFormat format);

/// The answer. Where it is no JSON, what is not a reading is in fields that begin with `Fieldcast-`.
Response page_response(const HistoryPage& page, PageFormat format, bool with_broker);

/// Hub and outlet outlive the session.
std::unique_ptr<Session> start_readings(Hub& hub, Outlet& outlet, const HistoryPageRequest& request, PageFormat format,
                                        const Terms& terms);

}  // namespace fieldcast::http

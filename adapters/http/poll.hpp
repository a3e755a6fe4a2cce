// Long poll: `GET /v1/poll`. Without a cursor it answers at once; with one it is parked until there is a
// matching reading, a link entry or a gap, or until the timeout. The answer is one batch.
//
// One thread: its shard's.
#pragma once

#include <memory>

#include "adapters/http/response.hpp"
#include "gateway/hub.hpp"
#include "gateway/parameters.hpp"
#include "gateway/result.hpp"
#include "gateway/session.hpp"

namespace fieldcast::http {

/// The head of the answer to HEAD, which does not wait for the batch: without its length.
Response poll_response();

/// `too_many`: nothing was sent. Hub and outlet outlive the session.
Result<std::unique_ptr<Session>> start_poll(Hub& hub, Outlet& outlet, const StreamRequest& request, const Terms& terms);

}  // namespace fieldcast::http

// The answer of a session that answers one request, and ends with it. The session's thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "adapters/http/response.hpp"
#include "gateway/session.hpp"

namespace fieldcast::http {

/// Sends head and body (there is one), and gives the connection back for the next request, or closes it, as the terms
/// say. `now` in Unix ms. Returns the bytes of both.
std::size_t send_answer(Outlet& outlet, const Response& response, const Terms& terms, std::int64_t now);

}  // namespace fieldcast::http

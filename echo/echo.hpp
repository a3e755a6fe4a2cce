// One client of the echo server: sends each message back as it came, text and binary.
//
// One thread: its server's. What it is given by reference outlives it.
#pragma once

#include <memory>
#include <string_view>

#include "adapters/websocket/endpoint.hpp"
#include "gateway/session.hpp"

namespace fieldcast::echo {

/// Answers the handshake of a request whose head was judged good. Null, and nothing sent, where its WebSocket fields
/// are faulty.
std::unique_ptr<Session> open(std::string_view head, Outlet& outlet, const Clock& clock, Counters& counters,
                              websocket::IncompleteMessages& incomplete, const websocket::Bounds& bounds);

}  // namespace fieldcast::echo

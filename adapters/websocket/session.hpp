// The door out for WebSockets: one connection is one stream with one cursor (contract "WebSocket
// messages"). The session pulls batches while its outlet is drained, so that a client that does not read
// costs a cursor; its endpoint keeps the protocol. Commands go to the shard's publications, and their answers
// come between the batches.
//
// One thread: the shard's of its connection, which owns the session. What it is given by reference outlives it.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "adapters/websocket/endpoint.hpp"
#include "gateway/hub.hpp"
#include "gateway/limits.hpp"
#include "gateway/parameters.hpp"
#include "gateway/problem.hpp"
#include "gateway/publications.hpp"
#include "gateway/session.hpp"

namespace fieldcast::websocket {

/// One write takes batches until it holds so many bytes or batches: enough to fill a socket's buffer, and
/// two buffers a batch stay far below IOV_MAX (1024).
inline constexpr std::size_t kWriteBytes = 64 * 1024, kWriteBatches = 64;

/// Answers the handshake of a request whose head was judged good (as HTTP; version 13; origin and host
/// allowed) and begins the stream that `parameters` ask for. What is wrong with them, or why else the client is
/// `refused`, is told in the WebSocket, which then closes. The arguments before the hub need not outlive the
/// call; `head` is as received, with its empty line. Null, and nothing sent, where the head's WebSocket fields
/// are faulty: that is a `bad_request` of HTTP.
std::unique_ptr<fieldcast::Session> open(std::string_view head, std::span<const Parameter> parameters,
                                         const std::optional<Problem>& refused, Hub& hub, Publications& publications,
                                         IncompleteMessages& incomplete, Outlet& outlet);

}  // namespace fieldcast::websocket

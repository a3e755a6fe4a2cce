// Raw connections to a gateway on this machine, for clients that are too many for tests/support's. Free functions, any
// thread.
#pragma once

#include <cstdint>
#include <string>

namespace fieldcast::bench {

enum class Wire { websocket, events, poll };

/// A connected socket, which is the caller's. `receive_buffer` (bytes) makes the kernel's small, 0 leaves it. Throws
/// std::system_error.
int connect_to(std::uint16_t port, int receive_buffer = 0);

/// Sends all of it, or throws std::system_error.
void send_all(int socket, const std::string& text);

/// The request with which a stream begins; `query` as in a URL.
std::string stream_request(Wire wire, const std::string& query, std::uint16_t port);

}  // namespace fieldcast::bench

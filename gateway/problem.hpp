// What went wrong for a client, in the one vocabulary that HTTP answers, WebSocket messages, close
// frames, logs and metrics share. Pure values, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/limit.hpp"

namespace fieldcast {

enum class Code : std::uint8_t {
  bad_request,  // a parameter, or the HTTP head
  bad_message,  // a JSON body or WebSocket message
  bad_filter,   // a topic filter
  bad_from,     // where a stream shall start
  forbidden,    // another origin, or no right to do this
  not_found,
  bad_method,
  bad_media_type,
  bad_host,   // a Host that is none of ours (DNS rebinding)
  too_many,   // over a limit on how many
  too_large,  // over a limit on how long
  refused,    // by the broker
  no_broker,
  timeout,
  stopping,
  slow,  // over limits.client_lag
};
inline constexpr std::size_t kCodes = 16;

/// One row of the table of reasons.
struct CodeInfo {
  std::string_view word;      // the `code` of a problem, an error and a close reason
  std::uint16_t http_status;  // RFC 9110
  std::uint16_t close_code;   // RFC 6455 section 7.4, for a WebSocket that ends because of it
  std::string_view title;     // RFC 9457 `title`
};

const CodeInfo& info(Code code);

/// `detail` says in words what to change. It may quote the client's own bytes: escape it where it is written.
struct Problem {
  Code code;
  std::string detail;
  std::uint8_t reason_code = 0;  // `refused` only: the broker's reason code (MQTT 5, section 2.4), from 0x80; else 0
  std::optional<Limit> limit{};  // the limit that the client reached, where it is one
};

}  // namespace fieldcast

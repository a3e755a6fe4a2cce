#include "gateway/problem.hpp"

#include <array>

namespace fieldcast {
namespace {

constexpr std::array<CodeInfo, kCodes> kCodeTable{{
    {"bad_request", 400, 1008, "Bad request"},
    {"bad_message", 400, 1008, "Bad message"},
    {"bad_filter", 400, 1008, "Bad topic filter"},
    {"bad_from", 400, 1008, "Bad start of a stream"},
    {"forbidden", 403, 1008, "Forbidden"},
    {"not_found", 404, 1008, "Not found"},
    {"bad_method", 405, 1008, "Method not allowed"},
    {"bad_media_type", 415, 1008, "Unsupported media type"},
    {"bad_host", 421, 1008, "Misdirected request"},
    {"too_many", 503, 1013, "Over a limit"},
    {"too_large", 413, 1009, "Too large"},
    {"refused", 502, 1008, "Refused by the broker"},
    {"no_broker", 503, 1013, "No broker"},
    {"timeout", 504, 1008, "Timed out"},
    {"stopping", 503, 1001, "Stopping"},
    {"slow", 503, 1013, "Too far behind"},
}};

}  // namespace

const CodeInfo& info(Code code) {
  return kCodeTable[static_cast<std::size_t>(code)];
}

}  // namespace fieldcast

// Times, sizes and spans as an operator reads them. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fieldcast::tools {

/// Unix ms as RFC 3339 in UTC, whole seconds: "2026-01-31T12:00:00Z".
std::string time_text(std::int64_t unix_ms);
/// "3.2 MiB"
std::string size_text(double bytes);
/// "0.4 s", "5 min", "3 h", "7 d": of the largest unit that it fills once.
std::string span_text(std::int64_t ms);
/// "1 block", "2 blocks"
std::string count_text(std::uint64_t count, std::string_view one, std::string_view many);
/// One digit behind the point, none where it is whole.
std::string number_text(double number);

}  // namespace fieldcast::tools

// Where a stream starts: the `from` of the contract, as a value. Pure, any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "gateway/cursor.hpp"
#include "gateway/result.hpp"

namespace fieldcast {

struct From {
  enum class Kind : std::uint8_t {
    now,      // the next reading
    latest,   // a snapshot, then live
    oldest,   // the oldest reading kept
    time,     // the first reading kept of `time` or later
    ago,      // the same, `time` milliseconds before now
    cursor,   // the first entry after `cursor`
    unknown,  // a position that nobody can know (a malformed Last-Event-ID): the head, behind an `unknown` gap
  };
  Kind kind = Kind::now;
  std::int64_t time = 0;  // Unix ms, or for `ago` a span in ms
  Cursor cursor;
};

/// `now`, `latest`, `oldest`, `-10m` (ms, s, m, h, d), an RFC 3339 time or a cursor; else `bad_from`.
Result<From> parse_from(std::string_view text);

/// RFC 3339 section 5.6 to Unix ms (digits past the millisecond are cut; a leap second counts as :59).
/// Empty where the text is no such time.
std::optional<std::int64_t> parse_rfc3339(std::string_view text);

/// An end of a range of time, as Unix ms: an RFC 3339 time, Unix ms in digits, or a span such as -10m back from `now`
/// (Unix ms). Empty where the text is none of them.
std::optional<std::int64_t> parse_moment(std::string_view text, std::int64_t now);

}  // namespace fieldcast

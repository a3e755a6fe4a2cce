// The cursor: an opaque name of a position in a log. Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fieldcast {

/// Sequence numbers stay below 2^53, so that a JavaScript number holds them.
inline constexpr std::uint64_t kMaxSeq = (std::uint64_t{1} << 53) - 1;

/// A position: everything up to `seq` is behind it. `head` is set inside a snapshot only: the latest
/// readings with seq' <= seq have been sent, those in (seq, head] that no newer reading replaced follow.
struct Cursor {
  std::uint64_t tag = 0;  // of the epoch: a random number that each start draws
  std::uint64_t seq = 0;
  std::optional<std::uint64_t> head;

  bool operator==(const Cursor&) const = default;
};

/// At most 64 characters of A-Z a-z 0-9 - _, never to be mistaken for a word or time that `from` takes.
std::string to_string(const Cursor& cursor);

/// Empty where the text is no cursor; a mistyped or cut one is found out by its check sum.
std::optional<Cursor> parse_cursor(std::string_view text);

}  // namespace fieldcast

// Set-up of the log that people read: one line an event on standard error, through spdlog's default logger,
// which every room uses by spdlog's own functions. Called once by main before any other thread starts; the
// logger itself takes lines from any thread and writes each at once.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fieldcast::logging {

enum class Level : std::uint8_t { debug, info, warning, error };

/// How a line begins. `journal`: `<N>`, syslog's severity as sd-daemon(3) has it, since the journal keeps the time
/// itself; `plain` and `coloured`: the time in UTC (RFC 3339, ms) and the level.
enum class Style : std::uint8_t { plain, coloured, journal };

/// For standard error: `journal` where `journal_stream`, systemd's $JOURNAL_STREAM (may be null), names the file
/// that `fd` is, so that a redirected one is still readable; `coloured` on a terminal, unless $NO_COLOR is set.
Style choose_style(int fd, const char* journal_stream);

/// From then on lines of `level` and above go to standard error. A line's text is escaped, so that no client, topic or
/// broker can forge a line or steer a terminal. Throws what spdlog throws.
void set_up(Level level, Style style);

/// `text` with each byte of control characters (C0, DEL, C1), of separators of lines, of marks that turn the direction
/// of text, and of what is no UTF-8, as `\xHH`.
std::string escape(std::string_view text);

}  // namespace fieldcast::logging

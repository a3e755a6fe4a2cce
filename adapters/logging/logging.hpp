// The log that the operator reads: one line an event, on standard error or in systemd's journal. Rooms write to it by
// note() of gateway/event.hpp; here is what keeps it: levels, styles, floods, and safe text.
//
// Owned by main, which makes it before any other thread starts; note() on any thread. Each line is written at once, and
// whole.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/logging/journal.hpp"
#include "adapters/logging/repeats.hpp"
#include "gateway/clock.hpp"
#include "gateway/counters.hpp"
#include "gateway/event.hpp"

namespace spdlog {
class logger;
}

namespace fieldcast::logging {

using fieldcast::Level;

/// Where a line goes, and how it begins. `journal`: to the journal's own socket, with fields; where nobody listens
/// there, on standard error behind `<N>`, syslog's severity as sd-daemon(3) has it, since the journal keeps the time
/// itself. `plain` and `coloured`: on standard error, with the time in UTC (RFC 3339, ms) and the level.
enum class Style : std::uint8_t { plain, coloured, journal };

/// For standard error: `journal` where `journal_stream`, systemd's $JOURNAL_STREAM (may be null), names the file
/// that `fd` is, so that a redirected one is still readable; `coloured` on a terminal, unless $NO_COLOR is set.
Style choose_style(int fd, const char* journal_stream);

/// Of a line's text, and of what it is about: what is longer is cut.
inline constexpr std::size_t kLineBytes = 4'096;

/// Every line ends with its event's name in brackets: `broker "local": connected to ::1 port 1883 [broker_up]`. In the
/// journal it has the fields PRIORITY, SYSLOG_IDENTIFIER, FIELDCAST_EVENT, and what the table of events names, such as
/// FIELDCAST_BROKER; where it stands for several, FIELDCAST_TIMES. Control characters in a text become `\xHH`, so that
/// no client, topic or broker can forge a line or steer a terminal.
class Writer final : public EventLog {
 public:
  /// Becomes the log of the process: events of `level` and above are written. The clock outlives it. Throws what spdlog
  /// throws.
  Writer(Level level, Style style, const Clock& clock, const char* journal_socket = kJournalSocket);
  /// finish(); then there is no log.
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void note(Event event, const Subject& subject, std::string_view text, std::uint64_t times) noexcept override;

  /// Writes what was counted for a minute. About once a second.
  void tick() noexcept;

  /// Writes all that was counted, since the process ends. May be called again.
  void finish() noexcept;

  /// Waits for no line.
  EventCounts counts() const;

 private:
  // With the mutex held.
  void write(Event event, const Subject& subject, std::string_view text, std::uint64_t times = 1);
  void write_repeated(const std::vector<Repeated>& all, std::string_view when);

  const Level level_;
  const Style style_;
  const Clock& clock_;
  const std::shared_ptr<spdlog::logger> logger_;
  std::array<Counter, kEvents> noted_;
  Counter lines_, lost_lines_;
  std::mutex mutex_;
  JournalSocket journal_;
  Repeats repeats_;
};

/// `text` with each byte of control characters (C0, DEL, C1), of separators of lines, of marks that turn the direction
/// of text, and of what is no UTF-8, as `\xHH`.
std::string escape(std::string_view text);

}  // namespace fieldcast::logging

#include "adapters/logging/logging.hpp"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <memory>

namespace fieldcast::logging {
namespace {

/// syslog's severity.
char priority_of(Level level) {
  switch (level) {
    case Level::debug:
      return '7';
    case Level::info:
      return '6';
    case Level::warning:
      return '4';
    case Level::error:
      return '3';
  }
  std::abort();
}

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warning:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  std::abort();
}

std::shared_ptr<spdlog::logger> make_logger(Style style) {
  std::shared_ptr<spdlog::sinks::sink> sink;
  if (style == Style::coloured) {
    sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>(spdlog::color_mode::always);
  } else {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  }
  auto logger = std::make_shared<spdlog::logger>("fieldcast", std::move(sink));
  logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      style == Style::journal ? "%v" : "%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %v", spdlog::pattern_time_type::utc));
  logger->set_level(spdlog::level::trace);  // what is written is decided before
  return logger;
}

/// At the end of a character.
std::string_view cut(std::string_view text) {
  if (text.size() <= kLineBytes) return text;
  std::size_t end = kLineBytes;
  while (end > kLineBytes - 4 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

std::string with_commas(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

/// `broker`: FIELDCAST_BROKER.
std::string field_of(std::string_view word) {
  std::string name = "FIELDCAST_";
  for (const char c : word) name += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

struct Character {
  std::size_t size = 0;  // in bytes; 0 where they are no UTF-8
  std::uint32_t point = 0;
};

/// What `text`, which is not empty, begins with (Unicode, table 3-7: neither overlong forms nor surrogates).
Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return {1, first};
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  constexpr std::uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return {};
  std::uint32_t point = first & (0x7fu >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    point = point << 6 | (byte(i) & 0x3fu);
  }
  if (point < smallest[size] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return {};
  return {size, point};
}

/// Moves no cursor, ends no line and turns no text around, in any program that shows a log.
bool is_plain(std::uint32_t point) {
  const auto within = [point](std::uint32_t first, std::uint32_t last) { return point >= first && point <= last; };
  const bool control = point < 0x20 || within(0x7f, 0x9f);
  const bool separator = point == 0x2028 || point == 0x2029;
  const bool direction =
      point == 0x061c || point == 0x200e || point == 0x200f || within(0x202a, 0x202e) || within(0x2066, 0x2069);
  return !control && !separator && !direction;
}

void append_hex(std::string& out, char c) {
  constexpr std::string_view digits = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  out += "\\x";
  out += digits[byte >> 4];
  out += digits[byte & 0xf];
}

}  // namespace

Style choose_style(int fd, const char* journal_stream) {
  struct stat file {};
  if (journal_stream != nullptr && fstat(fd, &file) == 0 &&
      std::to_string(file.st_dev) + ':' + std::to_string(file.st_ino) == journal_stream)
    return Style::journal;
  const char* const no_color = std::getenv("NO_COLOR");
  const bool colours = no_color == nullptr || *no_color == '\0';
  return colours && isatty(fd) == 1 ? Style::coloured : Style::plain;
}

Writer::Writer(Level level, Style style, const Clock& clock, const char* journal_socket)
    : level_(level), style_(style), clock_(clock), logger_(make_logger(style)), journal_(journal_socket) {
  set_event_log(this);
}

Writer::~Writer() {
  set_event_log(nullptr);
  finish();
}

void Writer::note(Event event, const Subject& subject, std::string_view text, std::uint64_t times) noexcept {
  noted_[static_cast<std::size_t>(event)].add(times);
  if (times == 0 || info(event).level < level_) return;
  const std::lock_guard lock(mutex_);
  try {
    text = cut(text);
    if (repeats_.take(event, subject, text, times, clock_.now())) write(event, subject, text);
  } catch (...) {
    lost_lines_.add();  // memory ran out
  }
}

void Writer::tick() noexcept {
  const std::lock_guard lock(mutex_);
  try {
    write_repeated(repeats_.due(clock_.now()), " in the last minute");
  } catch (...) {
    lost_lines_.add();
  }
}

void Writer::finish() noexcept {
  const std::lock_guard lock(mutex_);
  try {
    write_repeated(repeats_.rest(), "");
  } catch (...) {
    lost_lines_.add();
  }
}

EventCounts Writer::counts() const {
  EventCounts counts;
  for (std::size_t i = 0; i < kEvents; ++i) counts.noted[i] = noted_[i].value();
  counts.lines = lines_.value();
  counts.lost_lines = lost_lines_.value();
  return counts;
}

void Writer::write_repeated(const std::vector<Repeated>& all, std::string_view when) {
  for (const auto& [event, name, part, text, times] : all) {
    write(event, {name, part},
          text + " (" + with_commas(times) + (times == 1 ? " time" : " times") + " more" + std::string(when) + ")",
          times);
  }
}

void Writer::write(Event event, const Subject& subject, std::string_view text, std::uint64_t times) {
  const EventInfo& about = info(event);
  const std::string line = escape(text) + " [" + std::string(about.word) + "]";
  if (style_ == Style::journal) {
    const std::string priority(1, priority_of(about.level)),
        subject_field = field_of(about.subject), part_field = field_of(about.part), name = escape(cut(subject.name)),
        part = escape(cut(subject.part)), many = times > 1 ? std::to_string(times) : "";
    const std::string datagram =
        journal_datagram(std::array<Field, 7>{{{"MESSAGE", line},
                                               {"PRIORITY", priority},
                                               {"SYSLOG_IDENTIFIER", "fieldcast"},
                                               {"FIELDCAST_EVENT", about.word},
                                               {subject_field, about.subject.empty() ? "" : name},
                                               {part_field, about.part.empty() ? "" : part},
                                               {"FIELDCAST_TIMES", many}}});
    const auto sent = journal_.send(datagram);
    (sent == JournalSocket::Sent::refused ? lost_lines_ : lines_).add();
    if (sent != JournalSocket::Sent::not_there) return;
    logger_->log(to_spdlog(about.level), "<{}>{}", priority, line);
    return;
  }
  lines_.add();
  logger_->log(to_spdlog(about.level), line);
}

std::string escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto [size, point] = first_character(text);
    if (size == 0 || !is_plain(point)) {
      const auto bytes = text.substr(0, std::max<std::size_t>(1, size));
      for (const char c : bytes) append_hex(out, c);
      text.remove_prefix(bytes.size());
    } else {
      out.append(text.substr(0, size));
      text.remove_prefix(size);
    }
  }
  return out;
}

}  // namespace fieldcast::logging

#include "adapters/logging/logging.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace fieldcast::logging {
namespace {

void append(spdlog::memory_buf_t& out, std::string_view text) {
  out.append(text.data(), text.data() + text.size());
}

/// The text of a line, escaped.
class SafeText final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& line, const std::tm&, spdlog::memory_buf_t& out) override {
    append(out, escape({line.payload.data(), line.payload.size()}));
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<SafeText>(); }
};

/// syslog's severity in sd-daemon(3)'s brackets.
class Severity final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& line, const std::tm&, spdlog::memory_buf_t& out) override {
    switch (line.level) {
      case spdlog::level::critical:
        return append(out, "<2>");
      case spdlog::level::err:
        return append(out, "<3>");
      case spdlog::level::warn:
        return append(out, "<4>");
      case spdlog::level::info:
        return append(out, "<6>");
      default:
        return append(out, "<7>");
    }
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<Severity>(); }
};

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

std::shared_ptr<spdlog::sinks::sink> make_sink(Style style) {
  if (style == Style::coloured)
    return std::make_shared<spdlog::sinks::stderr_color_sink_mt>(spdlog::color_mode::always);
  return std::make_shared<spdlog::sinks::stderr_sink_mt>();
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

void set_up(Level level, Style style) {
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  formatter->add_flag<SafeText>('*').add_flag<Severity>('&');
  formatter->set_pattern(style == Style::journal ? "%&%*" : "%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %*");
  auto logger = std::make_shared<spdlog::logger>("fieldcast", make_sink(style));
  logger->set_formatter(std::move(formatter));
  logger->set_level(to_spdlog(level));
  spdlog::set_default_logger(std::move(logger));
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

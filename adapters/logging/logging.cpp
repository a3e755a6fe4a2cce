#include "adapters/logging/logging.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

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
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      out += c;
    } else {
      out += "\\x";
      out += digits[byte >> 4];
      out += digits[byte & 0xf];
    }
  }
  return out;
}

}  // namespace fieldcast::logging

#include "gateway/from.hpp"

#include <charconv>
#include <chrono>
#include <limits>

namespace fieldcast {
namespace {

// Reads exactly `count` digits off the front.
std::optional<int> digits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return std::nullopt;
  int value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text[0]) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// `-10m` without the minus.
std::optional<std::int64_t> parse_span(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0 || text[0] == '-') return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  std::int64_t factor = 0;
  if (unit == "ms") factor = 1;
  if (unit == "s") factor = 1000;
  if (unit == "m") factor = 60'000;
  if (unit == "h") factor = 3'600'000;
  if (unit == "d") factor = 86'400'000;
  if (factor == 0 || number > std::numeric_limits<std::int64_t>::max() / factor) return std::nullopt;
  return number * factor;
}

}  // namespace

std::optional<std::int64_t> parse_rfc3339(std::string_view text) {
  const auto year = digits(text, 4);
  if (!year || !take(text, "-")) return std::nullopt;
  const auto month = digits(text, 2);
  if (!month || !take(text, "-")) return std::nullopt;
  const auto day = digits(text, 2);
  if (!day || !take(text, "Tt ")) return std::nullopt;
  const auto hour = digits(text, 2);
  if (!hour || *hour > 23 || !take(text, ":")) return std::nullopt;
  const auto minute = digits(text, 2);
  if (!minute || *minute > 59 || !take(text, ":")) return std::nullopt;
  const auto second = digits(text, 2);
  if (!second || *second > 60) return std::nullopt;

  int ms = 0;
  if (take(text, ".")) {
    int place = 100;
    std::size_t count = 0;
    for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; ++count, place /= 10) {
      ms += (text[0] - '0') * place;
      text.remove_prefix(1);
    }
    if (count == 0) return std::nullopt;
  }

  int offset_minutes = 0;
  if (!take(text, "Zz")) {
    const bool west = !text.empty() && text[0] == '-';
    if (!take(text, "+-")) return std::nullopt;
    const auto hours = digits(text, 2);
    if (!hours || *hours > 23 || !take(text, ":")) return std::nullopt;
    const auto minutes = digits(text, 2);
    if (!minutes || *minutes > 59) return std::nullopt;
    offset_minutes = (*hours * 60 + *minutes) * (west ? -1 : 1);
  }
  if (!text.empty()) return std::nullopt;

  using namespace std::chrono;
  const year_month_day date{std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month)},
                            std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  const auto at = sys_days{date} + hours{*hour} + minutes{*minute - offset_minutes} +
                  seconds{*second == 60 ? 59 : *second} + milliseconds{ms};
  return duration_cast<milliseconds>(at.time_since_epoch()).count();
}

std::optional<std::int64_t> parse_moment(std::string_view text, std::int64_t now) {
  if (text.starts_with('-')) {
    const auto span = parse_span(text.substr(1));
    return span ? std::optional(now - *span) : std::nullopt;
  }
  std::int64_t ms = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ms);
  if (error == std::errc{} && end == text.data() + text.size()) return ms;
  return parse_rfc3339(text);
}

Result<From> parse_from(std::string_view text) {
  From from;
  if (text == "now") return from;
  if (text == "latest") {
    from.kind = From::Kind::latest;
    return from;
  }
  if (text == "oldest") {
    from.kind = From::Kind::oldest;
    return from;
  }
  if (!text.empty() && text[0] == '-') {
    if (const auto span = parse_span(text.substr(1))) {
      from.kind = From::Kind::ago;
      from.time = *span;
      return from;
    }
  } else if (const auto time = parse_rfc3339(text)) {
    from.kind = From::Kind::time;
    from.time = *time;
    return from;
  } else if (const auto cursor = parse_cursor(text)) {
    from.kind = From::Kind::cursor;
    from.cursor = *cursor;
    return from;
  }
  return Problem{Code::bad_from,
                 "`from` takes now, latest, oldest, a span such as -10m (ms, s, m, h, d), an RFC 3339 time such as "
                 "2026-01-31T12:00:00Z, or a cursor of this gateway, whole and unchanged"};
}

}  // namespace fieldcast

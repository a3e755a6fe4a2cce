#include "tools/text.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>

namespace fieldcast::tools {

std::string time_text(std::int64_t unix_ms) {
  const auto seconds = static_cast<std::time_t>(unix_ms / 1'000 - (unix_ms % 1'000 < 0 ? 1 : 0));
  std::tm utc{};
  std::array<char, 64> text{};
  if (gmtime_r(&seconds, &utc) == nullptr || std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
    return std::to_string(unix_ms) + " ms";  // no year that the calendar knows
  return text.data();
}

std::string number_text(double number) {
  std::array<char, 64> text{};
  const double tenths = std::round(number * 10) / 10;
  std::snprintf(text.data(), text.size(), "%.*f", tenths == std::floor(tenths) ? 0 : 1, tenths);
  return text.data();
}

std::string size_text(double bytes) {
  constexpr std::array units{"bytes", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; bytes >= 1'024 && unit + 1 < units.size(); ++unit) bytes /= 1'024;
  return number_text(bytes) + ' ' + units[unit];
}

std::string span_text(std::int64_t ms) {
  struct Unit {
    std::int64_t ms;
    const char* name;
  };
  constexpr std::array units{Unit{86'400'000, " d"}, Unit{3'600'000, " h"}, Unit{60'000, " min"}};
  for (const Unit& unit : units) {
    if (ms >= unit.ms) return number_text(static_cast<double>(ms) / static_cast<double>(unit.ms)) + unit.name;
  }
  return number_text(static_cast<double>(ms) / 1'000) + " s";
}

std::string count_text(std::uint64_t count, std::string_view one, std::string_view many) {
  return std::to_string(count).append(" ").append(count == 1 ? one : many);
}

}  // namespace fieldcast::tools

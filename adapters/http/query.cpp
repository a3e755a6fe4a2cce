#include "adapters/http/query.hpp"

#include <algorithm>

namespace fieldcast::http {
namespace {

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Decodes and hands each byte to `take(byte, raw)`; false where a '%' is malformed.
template <class Take>
bool decode(std::string_view text, Take take) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      take(text[i], true);
      continue;
    }
    if (i + 2 >= text.size()) return false;
    const int high = digit(text[i + 1]), low = digit(text[i + 2]);
    if (high < 0 || low < 0) return false;
    take(static_cast<char>(high * 16 + low), false);
    i += 2;
  }
  return true;
}

std::optional<std::string> decode_form(std::string_view text) {
  std::string out;
  if (!decode(text, [&](char c, bool raw) { out += raw && c == '+' ? ' ' : c; })) return std::nullopt;
  return out;
}

bool is_time(std::string_view name) {
  return name == "from" || name == "start" || name == "end";
}

std::optional<std::string> decode_topic(std::string_view text) {
  std::string out;
  std::vector<std::size_t> raw_plus;
  const bool ok = decode(text, [&](char c, bool raw) {
    if (raw && c == '+') raw_plus.push_back(out.size());
    out += c;
  });
  if (!ok) return std::nullopt;
  // All looked at before any is changed: of "++" neither is a level.
  std::erase_if(raw_plus, [&](std::size_t at) {
    return (at == 0 || out[at - 1] == '/') && (at + 1 == out.size() || out[at + 1] == '/');
  });
  for (const auto at : raw_plus) out[at] = ' ';
  return out;
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  if (!decode(text, [&](char c, bool) { out += c; })) return std::nullopt;
  return out;
}

Result<std::vector<Parameter>> parse_query(std::string_view query) {
  std::vector<Parameter> parameters;
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const auto part = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (part.empty()) continue;
    if (parameters.size() == kParameters)
      return Problem{Code::bad_request, "a query has at most " + std::to_string(kParameters) + " parameters", 0,
                     Limit::parameters};

    const auto equal = std::min(part.find('='), part.size());
    const auto raw = part.substr(std::min(equal + 1, part.size()));
    auto name = decode_form(part.substr(0, equal));
    std::optional<std::string> value;
    if (name) value = *name == "topic" ? decode_topic(raw) : is_time(*name) ? percent_decode(raw) : decode_form(raw);
    if (!value)
      return Problem{Code::bad_request, "a '%' in the query is not followed by two hexadecimal digits: " +
                                            std::string(part.substr(0, 64)) + "; a literal '%' is written %25"};
    parameters.push_back({std::move(*name), std::move(*value), !raw.empty() && raw.back() == '/'});
  }
  return parameters;
}

}  // namespace fieldcast::http

#include "adapters/http/accept.hpp"

#include <algorithm>

#include "adapters/http/head.hpp"

namespace fieldcast::http {
namespace {

// How much a type is wanted, and by how exact a range: `*/*`, `text/*` or `text/csv`.
struct Fit {
  int exactness = -1;
  int weight = 0;  // in thousandths
};

/// Takes what is before the next `separator` off `rest`.
std::string_view take_part(std::string_view& rest, char separator) {
  const auto end = std::min(rest.find(separator), rest.size());
  const auto part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return trim(part);
}

/// A qvalue, `0` to `1` with up to three decimals, in thousandths; empty where it is none.
std::optional<int> parse_weight(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  if (text.size() > 1 && text[1] != '.') return std::nullopt;
  int weight = text[0] == '1' ? 1000 : 0;
  int place = 100;
  for (const char c : text.substr(std::min(text.size(), std::size_t{2}))) {
    if (c < '0' || c > '9') return std::nullopt;
    weight += (c - '0') * place;
    place /= 10;
  }
  return weight <= 1000 ? std::optional(weight) : std::nullopt;
}

/// The weight of a range by its parameters, which else do not count: we offer each type in one form only. Empty where
/// it is malformed.
std::optional<int> weight_of(std::string_view parameters) {
  while (!parameters.empty()) {
    const auto parameter = take_part(parameters, ';');
    if (parameter.size() >= 2 && equals(parameter.substr(0, 2), "q=")) return parse_weight(parameter.substr(2));
  }
  return 1000;
}

/// How exactly the range names the type; -1 where it does not.
int exactness(std::string_view range, std::string_view type) {
  if (range == "*/*") return 0;
  if (range.ends_with("/*"))
    return equals(range.substr(0, range.size() - 1), type.substr(0, range.size() - 1)) ? 1 : -1;
  return equals(range, type) ? 2 : -1;
}

Fit fit(std::string_view accept, std::string_view type) {
  Fit best;
  while (!accept.empty()) {
    auto parameters = take_part(accept, ',');
    const int exact = exactness(take_part(parameters, ';'), type);
    if (exact <= best.exactness) continue;
    if (const auto weight = weight_of(parameters)) best = {exact, *weight};
  }
  return best;
}

}  // namespace

std::size_t preferred(std::optional<std::string_view> accept, std::span<const std::string_view> offered) {
  std::size_t best = 0;
  Fit best_fit;
  for (std::size_t i = 0; accept && i < offered.size(); ++i) {
    const Fit found = fit(*accept, offered[i]);
    const bool better =
        found.weight > best_fit.weight || (found.weight == best_fit.weight && found.exactness > best_fit.exactness);
    if (found.weight > 0 && better) {
      best = i;
      best_fit = found;
    }
  }
  return best;
}

}  // namespace fieldcast::http

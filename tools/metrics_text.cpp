#include "tools/metrics_text.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <optional>

namespace fieldcast::tools {
namespace {

/// Takes `name="value",` off the text; false where there is none.
bool take_label(std::string_view& text, std::map<std::string, std::string>& labels) {
  const auto equals = text.find("=\"");
  if (equals == std::string_view::npos) return false;
  const std::string name(text.substr(0, equals));
  text.remove_prefix(equals + 2);
  std::string value;
  while (!text.empty() && text.front() != '"') {
    if (text.front() == '\\' && text.size() > 1) {
      text.remove_prefix(1);
      value += text.front() == 'n' ? '\n' : text.front();
    } else {
      value += text.front();
    }
    text.remove_prefix(1);
  }
  if (text.empty()) return false;
  text.remove_prefix(1);
  if (text.starts_with(',')) text.remove_prefix(1);
  labels.emplace(name, value);
  return true;
}

std::optional<MetricsText::Sample> parse(std::string_view line) {
  MetricsText::Sample sample;
  const auto end = line.find_first_of("{ ");
  if (line.starts_with('#') || end == std::string_view::npos) return std::nullopt;
  sample.name = line.substr(0, end);
  line.remove_prefix(end);
  if (line.starts_with('{')) {
    line.remove_prefix(1);
    while (!line.empty() && line.front() != '}') {
      if (!take_label(line, sample.labels)) return std::nullopt;
    }
    if (line.empty()) return std::nullopt;
    line.remove_prefix(1);
  }
  sample.value = std::strtod(std::string(line).c_str(), nullptr);
  return sample;
}

}  // namespace

MetricsText::MetricsText(std::string_view text) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    if (auto sample = parse(text.substr(0, end))) samples_.push_back(std::move(*sample));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

double MetricsText::sum(std::string_view name) const {
  double sum = 0;
  for (const Sample& sample : samples_) sum += sample.name == name ? sample.value : 0;
  return sum;
}

std::vector<MetricsText::Sample> MetricsText::samples(std::string_view name) const {
  std::vector<Sample> found;
  std::copy_if(samples_.begin(), samples_.end(), std::back_inserter(found),
               [&](const Sample& sample) { return sample.name == name; });
  return found;
}

std::map<std::string, double> MetricsText::by(std::string_view name, const std::string& label) const {
  std::map<std::string, double> found;
  for (const Sample& sample : samples(name)) {
    if (const auto value = sample.labels.find(label); value != sample.labels.end()) {
      found[value->second] += sample.value;
    }
  }
  return found;
}

}  // namespace fieldcast::tools

#include "gateway/topic_filter.hpp"

#include <algorithm>

#include "gateway/limits.hpp"
#include "gateway/utf8.hpp"

namespace fieldcast {
namespace {

std::optional<TopicFault> string_fault(std::string_view text) {
  if (text.empty()) return TopicFault{"it is empty"};
  if (text.size() > kTopicBytes)
    return TopicFault{"it is longer than " + std::to_string(kTopicBytes) + " bytes", Limit::topic_bytes};
  if (!valid_utf8(text)) return TopicFault{"it is not valid UTF-8"};
  if (text.find('\0') != std::string_view::npos) return TopicFault{"it holds a NUL character"};
  return std::nullopt;
}

/// What all topics that the filter matches begin with.
std::string_view literal_beginning(std::string_view filter) {
  const std::size_t wildcard = filter.find_first_of("+#");
  if (wildcard == std::string_view::npos) return filter;
  const bool parent_too = filter[wildcard] == '#' && wildcard != 0;  // `a/#` matches `a`
  return filter.substr(0, wildcard - (parent_too ? 1 : 0));
}

}  // namespace

std::optional<TopicFault> filter_fault(std::string_view filter) {
  if (auto fault = string_fault(filter)) return fault;
  std::size_t levels = 0;
  for (std::string_view rest = filter; rest.data() != nullptr;) {
    const std::string_view level = take_level(rest);
    if (level.find('#') != std::string_view::npos && (level.size() != 1 || rest.data() != nullptr)) {
      return TopicFault{"`#` must be alone in the last level"};
    }
    if (level.find('+') != std::string_view::npos && level.size() != 1)
      return TopicFault{"`+` must be alone in its level"};
    if (++levels > kFilterLevels)
      return TopicFault{"it has more than " + std::to_string(kFilterLevels) + " levels", Limit::filter_levels};
  }
  return std::nullopt;
}

std::optional<TopicFault> topic_fault(std::string_view topic) {
  if (auto fault = string_fault(topic)) return fault;
  if (topic.find_first_of("+#") != std::string_view::npos) return TopicFault{"it holds a wildcard"};
  return std::nullopt;
}

bool matches(std::string_view filter, std::string_view topic) {
  // Section 4.7.2: a wildcard in the first level matches no topic that begins with `$`.
  if (topic[0] == '$' && (filter[0] == '+' || filter[0] == '#')) return false;
  while (filter.data() != nullptr) {
    const std::string_view wanted = take_level(filter);
    if (wanted == "#") return true;  // the parent level too: `a/#` matches `a`
    if (topic.data() == nullptr) return false;
    const std::string_view level = take_level(topic);
    if (wanted != "+" && wanted != level) return false;
    if (topic.data() == nullptr && filter == "#") return true;
  }
  return topic.data() == nullptr;
}

bool overlap(std::string_view a, std::string_view b) {
  const auto wild = [](std::string_view filter) { return filter[0] == '+' || filter[0] == '#'; };
  if ((wild(a) && b[0] == '$') || (wild(b) && a[0] == '$')) return false;
  while (a.data() != nullptr && b.data() != nullptr) {
    const std::string_view left = take_level(a), right = take_level(b);
    if (left == "#" || right == "#") return true;
    if (left != right && left != "+" && right != "+") return false;
  }
  return (a.data() == nullptr || a == "#") && (b.data() == nullptr || b == "#");
}

FilterSet::FilterSet(std::vector<std::string> filters) : filters_(std::move(filters)) {
  std::sort(filters_.begin(), filters_.end());
  filters_.erase(std::unique(filters_.begin(), filters_.end()), filters_.end());
}

bool FilterSet::matches(std::string_view topic) const {
  return std::any_of(filters_.begin(), filters_.end(),
                     [&](const std::string& filter) { return fieldcast::matches(filter, topic); });
}

std::optional<std::string_view> FilterSet::seek(std::string_view topic) const {
  std::optional<std::string_view> first;
  for (const std::string& filter : filters_) {
    const std::string_view beginning = literal_beginning(filter);
    if (topic.starts_with(beginning)) return topic;
    if (topic < beginning && (!first || beginning < *first)) first = beginning;
  }
  return first;
}

FilterSet FilterSet::with(const FilterSet& more) const {
  FilterSet result;
  std::set_union(filters_.begin(), filters_.end(), more.filters_.begin(), more.filters_.end(),
                 std::back_inserter(result.filters_));
  return result;
}

FilterSet FilterSet::without(const FilterSet& fewer) const {
  FilterSet result;
  std::set_difference(filters_.begin(), filters_.end(), fewer.filters_.begin(), fewer.filters_.end(),
                      std::back_inserter(result.filters_));
  return result;
}

std::size_t FilterSet::bytes() const {
  std::size_t bytes = 0;
  for (const std::string& filter : filters_) {
    const auto levels = 1 + static_cast<std::size_t>(std::count(filter.begin(), filter.end(), '/'));
    bytes += sizeof filter + 2 * filter.size() + levels * kFilterNodeBytes;
  }
  return bytes;
}

std::optional<Problem> FilterSet::fault(std::size_t max_filters) const {
  if (filters_.size() > max_filters) {
    return Problem{
        Code::too_many,
        "a stream takes at most " + std::to_string(max_filters) + " topic filters: use wildcards or a second stream", 0,
        Limit::filters};
  }
  std::size_t bytes = 0;
  for (const std::string& filter : filters_) bytes += filter.size();
  if (bytes > kStreamFilterBytes) {
    return Problem{Code::too_many,
                   "the topic filters of a stream take at most " + std::to_string(kStreamFilterBytes) +
                       " bytes together: use wildcards or a second stream",
                   0, Limit::filter_bytes};
  }
  return std::nullopt;
}

Result<FilterSet> make_filter_set(std::vector<std::string> filters, std::size_t max_filters) {
  for (const std::string& filter : filters) {
    if (auto fault = filter_fault(filter)) {
      // A filter may be as long as a page: enough of it to be recognised.
      constexpr std::size_t kQuoted = 100;
      const std::string quoted = filter.size() <= kQuoted ? filter : filter.substr(0, kQuoted) + "…";
      return Problem{Code::bad_filter, "topic filter '" + quoted + "': " + fault->text, 0, fault->limit};
    }
  }
  FilterSet set(std::move(filters));
  if (auto fault = set.fault(max_filters)) return *fault;
  return set;
}

}  // namespace fieldcast

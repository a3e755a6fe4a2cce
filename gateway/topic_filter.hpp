// MQTT 5 topic names and topic filters (section 4.7), and a stream's set of them. Pure, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/limit.hpp"
#include "gateway/result.hpp"

namespace fieldcast {

/// Takes the first level off `rest`; `rest.data()` is null after the last one.
inline std::string_view take_level(std::string_view& rest) {
  const std::size_t slash = rest.find('/');
  const std::string_view level = rest.substr(0, slash);
  rest = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
  return level;
}

struct TopicFault {
  std::string text;              // in words: "it is empty"
  std::optional<Limit> limit{};  // the one that it is over
};

/// What is wrong with a topic filter, or nothing: empty, over kTopicBytes, not UTF-8, a NUL, `#` not last or not
/// alone in its level, `+` not alone in its level, more than kFilterLevels levels.
std::optional<TopicFault> filter_fault(std::string_view filter);

/// The same for the name of a topic that a message comes on: no wildcards; any number of levels.
std::optional<TopicFault> topic_fault(std::string_view topic);

/// MQTT 5 section 4.7.1 and 4.7.2; both must be without fault.
bool matches(std::string_view filter, std::string_view topic);

/// True where some topic matches both.
bool overlap(std::string_view a, std::string_view b);

/// A set of filters in canonical form (sorted by bytes, each once), so that equal sets are one view.
class FilterSet {
 public:
  FilterSet() = default;
  explicit FilterSet(std::vector<std::string> filters);

  const std::vector<std::string>& filters() const { return filters_; }
  bool empty() const { return filters_.empty(); }
  bool matches(std::string_view topic) const;
  /// Where a list of topics, sorted by bytes, is to be looked through on from `topic`: no filter matches one in
  /// between. `topic` itself, or what all topics that one of the filters matches begin with; empty where none matches
  /// any more.
  std::optional<std::string_view> seek(std::string_view topic) const;
  FilterSet with(const FilterSet& more) const;
  FilterSet without(const FilterSet& fewer) const;
  /// Memory that a view with these filters takes, without what it holds for its clients.
  std::size_t bytes() const;
  /// `too_many` where the set is over `max_filters` or kStreamFilterBytes.
  std::optional<Problem> fault(std::size_t max_filters) const;
  auto operator<=>(const FilterSet&) const = default;

 private:
  std::vector<std::string> filters_;
};

/// A set from what a client sent: `bad_filter` names the first faulty one, `too_many` a set over
/// `max_filters` or kStreamFilterBytes.
Result<FilterSet> make_filter_set(std::vector<std::string> filters, std::size_t max_filters);

}  // namespace fieldcast

#include "tests/support/checker.hpp"

#include <algorithm>
#include <limits>
#include <set>

namespace fieldcast::test {
namespace {

constexpr auto kNoGap = std::numeric_limits<std::size_t>::max();

}  // namespace

bool matches(std::string_view filter, std::string_view topic) {
  if (topic.starts_with('$') && (filter.starts_with('+') || filter.starts_with('#'))) return false;
  for (;;) {
    if (filter == "#") return true;
    const auto filter_end = filter.find('/'), topic_end = topic.find('/');
    const auto level = filter.substr(0, filter_end);
    if (level != "+" && level != topic.substr(0, topic_end)) return false;
    if (topic_end == std::string_view::npos)  // "a/#" matches "a" too
      return filter_end == std::string_view::npos || filter.substr(filter_end) == "/#";
    if (filter_end == std::string_view::npos) return false;
    filter.remove_prefix(filter_end + 1);
    topic.remove_prefix(topic_end + 1);
  }
}

bool matches_any(const std::vector<std::string>& filters, std::string_view topic) {
  return std::any_of(filters.begin(), filters.end(), [&](const auto& filter) { return matches(filter, topic); });
}

Message Checker::next(int publisher, const std::string& topic) {
  auto& sent = topics_[publisher];
  sent.push_back(topic);
  return {topic, nlohmann::json{{"publisher", publisher}, {"number", sent.size() - 1}}.dump()};
}

std::size_t Checker::count(const std::vector<std::string>& filters) const {
  std::size_t found = 0;
  for (const auto& [publisher, topics] : topics_)
    found += static_cast<std::size_t>(
        std::count_if(topics.begin(), topics.end(), [&](const auto& topic) { return matches_any(filters, topic); }));
  return found;
}

std::string Checker::fault(const std::vector<std::string>& filters, const std::vector<Reading>& seen,
                           Repeats repeats) const {
  return fault_but_gap(filters, seen, kNoGap, repeats);
}

std::string Checker::fault_but_gap(const std::vector<std::string>& filters, const std::vector<Reading>& seen,
                                   std::size_t gap, Repeats repeats) const {
  std::map<int, std::set<std::size_t>> known;
  std::map<int, std::size_t> next, repeated;
  std::set<int> skipping;  // those that have sent nothing behind the gap yet
  for (const auto& [publisher, topics] : topics_) skipping.insert(publisher);
  std::uint64_t last_seq = 0;
  const auto skip_others = [&](int publisher) {
    const auto& topics = topics_.at(publisher);
    auto& number = next[publisher];
    while (number < topics.size() && !matches_any(filters, topics[number])) ++number;
    return number;
  };
  for (const auto& reading : seen) {
    const auto text = reading.topic + " " + reading.payload.dump() + " (seq " + std::to_string(reading.seq) + ")";
    if (reading.seq <= last_seq) return "seq does not increase at " + text;
    last_seq = reading.seq;
    const int publisher = reading.payload.at("publisher");
    const std::size_t number = reading.payload.at("number");
    if (!known[publisher].insert(number).second) {
      if (repeats != Repeats::none && reading.redelivered) continue;
      if (repeats != Repeats::of_retries) return "twice: " + text;
      if (++repeated[publisher] > Publisher::kWindow) return "more repeats than can have been under way, last " + text;
      continue;
    }
    if (static_cast<std::size_t>(&reading - seen.data()) >= gap && skipping.erase(publisher) != 0)
      next[publisher] = std::max(next[publisher], number);
    const auto expected = skip_others(publisher);
    if (number != expected) return "number " + std::to_string(expected) + " was due, but came " + text;
    if (topics_.at(publisher)[number] != reading.topic) return "another topic: " + text;
    ++next[publisher];
  }
  for (const auto& [publisher, topics] : topics_)
    if (const auto number = skip_others(publisher); number < topics.size())
      return "publisher " + std::to_string(publisher) + ": number " + std::to_string(number) +
             " and all behind it are missing";
  return "";
}

std::string difference(const std::vector<Reading>& expected, const std::vector<Reading>& seen) {
  for (std::size_t i = 0; i < expected.size() && i < seen.size(); ++i)
    if (expected[i].seq != seen[i].seq || expected[i].topic != seen[i].topic || expected[i].payload != seen[i].payload)
      return "seq " + std::to_string(expected[i].seq) + " was due, but came " + std::to_string(seen[i].seq);
  if (expected.size() == seen.size()) return "";
  return std::to_string(expected.size()) + " were due, but " + std::to_string(seen.size()) + " came";
}

}  // namespace fieldcast::test

#include "gateway/parameters.hpp"

#include <algorithm>
#include <charconv>
#include <set>

namespace fieldcast {
namespace {

using Names = std::span<const std::string_view>;

constexpr std::string_view kStreamNames[] = {"topic", "from", "heartbeat"};
constexpr std::string_view kPollNames[] = {"topic", "from", "timeout", "limit"};
constexpr std::string_view kTopicsNames[] = {"topic", "after", "limit"};
constexpr std::string_view kHistoryNames[] = {"topic", "from", "start", "end", "limit", "order"};

/// `a, b and c`.
std::string listed(Names names) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i != 0) out += i + 1 == names.size() ? " and " : ", ";
    out += names[i];
  }
  return out;
}

Problem bad(std::string detail) {
  return {Code::bad_request, std::move(detail)};
}

/// What is wrong with a query whatever the address, or with a parameter as `take` sees it. `take` gets those that are
/// no `topic`.
template <class Take>
std::optional<Problem> take_each(std::span<const Parameter> parameters, Names names, std::vector<std::string>& topics,
                                 Take take) {
  std::set<std::string_view> seen;
  for (const Parameter& parameter : parameters) {
    const std::string& name = parameter.name;
    if (std::find(names.begin(), names.end(), name) == names.end())
      return bad("unknown parameter `" + name + "`: this address takes " + listed(names));
    if (parameter.value.empty()) return bad("`" + name + "` is empty");
    if (name == "topic") {
      if (parameter.cut) {
        return Problem{Code::bad_filter,
                       "`topic` ends with a slash: an unencoded # and all behind it never leaves the client, write %23 "
                       "for it (or %2F for a last slash that is meant)"};
      }
      topics.push_back(parameter.value);
      continue;
    }
    if (!seen.insert(name).second) return bad("`" + name + "` is given twice");
    if (std::optional<Problem> problem = take(parameter)) return problem;
  }
  return std::nullopt;
}

/// A whole number of [low, high] for `out`.
template <class Number>
std::optional<Problem> take_number(const Parameter& parameter, long low, long high, Number& out) {
  const std::string& text = parameter.value;
  long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < low || value > high)
    return bad("`" + parameter.name + "` takes a whole number from " + std::to_string(low) + " to " +
               std::to_string(high));
  out = Number(value);
  return std::nullopt;
}

std::optional<Problem> take_limit(const Parameter& parameter, std::size_t& out) {
  return take_number(parameter, 1, static_cast<long>(kMaxPageEntries), out);
}

std::optional<Problem> missing_topic(const std::vector<std::string>& topics) {
  if (!topics.empty()) return std::nullopt;
  return bad("`topic` is missing: name at least one topic filter, %23 for all topics");
}

std::optional<Problem> take_history_from(const Parameter& parameter, std::optional<From>& out) {
  const auto from = parse_from(parameter.value);
  if (!from) {
    return Problem{Code::bad_from,
                   "`from` takes oldest, a span such as -10m (ms, s, m, h, d), an RFC 3339 time such as "
                   "2026-01-31T12:00:00Z, or a cursor of this gateway, whole and unchanged"};
  }
  out = *from;
  return std::nullopt;
}

std::optional<Problem> take_moment(const Parameter& parameter, std::int64_t now, std::optional<std::int64_t>& out) {
  out = parse_moment(parameter.value, now);
  if (out) return std::nullopt;
  return bad("`" + parameter.name +
             "` takes an RFC 3339 time such as 2026-01-31T12:00:00Z, Unix milliseconds, or a span back such as -10m "
             "(ms, s, m, h, d)");
}

std::optional<Problem> take_order(const Parameter& parameter, Order& out) {
  out = parameter.value == "desc" ? Order::descending : Order::ascending;
  if (parameter.value == "asc" || parameter.value == "desc") return std::nullopt;
  return bad("`order` takes asc (the oldest first) or desc (the newest first)");
}

}  // namespace

Result<StreamRequest> parse_stream_request(std::span<const Parameter> parameters, StreamKind kind,
                                           const Limits& limits) {
  StreamRequest request;
  std::vector<std::string> topics;
  const Names names = kind == StreamKind::poll ? Names(kPollNames) : Names(kStreamNames);
  auto problem = take_each(parameters, names, topics, [&](const Parameter& parameter) -> std::optional<Problem> {
    if (parameter.name == "heartbeat") return take_number(parameter, 1, 60, request.heartbeat);
    if (parameter.name == "timeout") return take_number(parameter, 0, 60, request.timeout);
    if (parameter.name == "limit") return take_limit(parameter, request.limit);
    auto from = parse_from(parameter.value);
    if (!from) return from.problem();
    request.from = *from;
    request.from_given = true;
    return std::nullopt;
  });
  if (!problem && kind != StreamKind::websocket) problem = missing_topic(topics);
  if (problem) return std::move(*problem);
  if (topics.empty() && request.from_given) return bad("`from` needs at least one `topic`");
  auto filters = make_filter_set(std::move(topics), limits.filters);
  if (!filters) return filters.problem();
  request.filters = std::move(*filters);
  return request;
}

Result<HistoryPageRequest> parse_history_request(std::span<const Parameter> parameters, const Limits& limits,
                                                 std::int64_t now) {
  HistoryPageRequest request;
  std::vector<std::string> topics;
  auto problem = take_each(parameters, kHistoryNames, topics, [&](const Parameter& parameter) {
    if (parameter.name == "from") return take_history_from(parameter, request.from);
    if (parameter.name == "start") return take_moment(parameter, now, request.start);
    if (parameter.name == "end") return take_moment(parameter, now, request.end);
    if (parameter.name == "order") return take_order(parameter, request.order);
    return take_limit(parameter, request.limit);
  });
  if (!problem) problem = missing_topic(topics);
  if (problem) return std::move(*problem);
  if (auto bad_from = fault(request)) return std::move(*bad_from);
  if (request.start && request.end && *request.start >= *request.end)
    return bad("`start` must be before `end`: no reading can be in this range");
  auto filters = make_filter_set(std::move(topics), limits.filters);
  if (!filters) return filters.problem();
  request.filters = std::move(*filters);
  return request;
}

Result<TopicPageRequest> parse_topics_request(std::span<const Parameter> parameters, const Limits& limits) {
  TopicPageRequest request;
  std::vector<std::string> topics;
  auto problem = take_each(parameters, kTopicsNames, topics, [&](const Parameter& parameter) -> std::optional<Problem> {
    if (parameter.name == "limit") return take_limit(parameter, request.limit);
    request.after = parameter.value;
    return std::nullopt;
  });
  if (problem) return std::move(*problem);
  auto filters = make_filter_set(std::move(topics), limits.filters);
  if (!filters) return filters.problem();
  request.filters = std::move(*filters);
  return request;
}

}  // namespace fieldcast

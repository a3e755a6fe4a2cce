#include "gateway/parameters.hpp"

#include <charconv>
#include <set>

namespace fieldcast {
namespace {

constexpr std::string_view allowed(StreamKind kind) {
  return kind == StreamKind::poll ? "topic, from, timeout and limit" : "topic, from and heartbeat";
}

std::optional<Problem> number(const Parameter& parameter, long low, long high, long& out) {
  const std::string& text = parameter.value;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error == std::errc{} && end == text.data() + text.size() && out >= low && out <= high) return std::nullopt;
  return Problem{Code::bad_request, "`" + parameter.name + "` takes a whole number from " + std::to_string(low) +
                                        " to " + std::to_string(high)};
}

}  // namespace

Result<StreamRequest> parse_stream_request(std::span<const Parameter> parameters, StreamKind kind,
                                           const Limits& limits) {
  StreamRequest request;
  std::vector<std::string> topics;
  std::set<std::string_view> seen;
  const bool poll = kind == StreamKind::poll;
  for (const Parameter& parameter : parameters) {
    const std::string& name = parameter.name;
    const bool known =
        name == "topic" || name == "from" || (poll ? name == "timeout" || name == "limit" : name == "heartbeat");
    if (!known) {
      return Problem{Code::bad_request,
                     "unknown parameter `" + name + "`: this address takes " + std::string(allowed(kind))};
    }
    if (parameter.value.empty()) return Problem{Code::bad_request, "`" + name + "` is empty"};
    if (name == "topic") {
      if (parameter.cut) {
        return Problem{Code::bad_filter,
                       "`topic` ends with a slash: an unencoded # and all behind it never leaves the client, write %23 "
                       "for it (or %2F for a last slash that is meant)"};
      }
      topics.push_back(parameter.value);
      continue;
    }
    if (!seen.insert(name).second) return Problem{Code::bad_request, "`" + name + "` is given twice"};
    long value = 0;
    if (name == "from") {
      auto from = parse_from(parameter.value);
      if (!from) return from.problem();
      request.from = *from;
      request.from_given = true;
    } else if (name == "heartbeat") {
      if (auto problem = number(parameter, 1, 60, value)) return *problem;
      request.heartbeat = std::chrono::seconds(value);
    } else if (name == "timeout") {
      if (auto problem = number(parameter, 0, 60, value)) return *problem;
      request.timeout = std::chrono::seconds(value);
    } else {
      if (auto problem = number(parameter, 1, static_cast<long>(kMaxPageEntries), value)) return *problem;
      request.limit = static_cast<std::size_t>(value);
    }
  }
  if (topics.empty() && kind != StreamKind::websocket) {
    return Problem{Code::bad_request, "`topic` is missing: name at least one topic filter, %23 for all topics"};
  }
  if (topics.empty() && request.from_given) {
    return Problem{Code::bad_request, "`from` needs at least one `topic`"};
  }
  auto filters = make_filter_set(std::move(topics), limits.filters);
  if (!filters) return filters.problem();
  request.filters = *filters;
  return request;
}

}  // namespace fieldcast

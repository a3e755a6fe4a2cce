#include "adapters/websocket/message.hpp"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

namespace fieldcast::websocket {
namespace {

using Json = nlohmann::json;

// Values nested deeper than {"topics":["…"]} can only be in members that are ignored: they are not built.
constexpr int kDepth = 2;

Json parse(std::string_view text) {
  // nlohmann takes a NUL for the end and would not look at what follows.
  if (text.find('\0') != std::string_view::npos) return Json(Json::value_t::discarded);
  const auto shallow = [](int depth, Json::parse_event_t, Json&) { return depth <= kDepth; };
  return Json::parse(text, shallow, /*allow_exceptions=*/false);
}

const Json* member(const Json& message, const char* name) {
  const auto found = message.find(name);
  return found == message.end() ? nullptr : &*found;
}

const std::string* string_member(const Json& message, const char* name) {
  const Json* value = member(message, name);
  return value != nullptr ? value->get_ptr<const std::string*>() : nullptr;
}

/// The id as JSON, or nothing.
std::string id_of(const Json& message) {
  const Json* id = member(message, "id");
  if (id == nullptr || !(id->is_number() || id->is_string())) return {};
  std::string json = id->dump();
  return json.size() <= kIdBytes ? json : std::string();
}

bool read_topics(const Json& message, std::vector<std::string>& topics) {
  const Json* value = member(message, "topics");
  if (value == nullptr || !value->is_array() || value->empty()) return false;
  for (const Json& topic : *value) {
    if (!topic.is_string()) return false;
    topics.push_back(topic.get_ref<const std::string&>());
  }
  return true;
}

}  // namespace

std::variant<Request, Faulty> parse_message(std::string_view text, std::size_t max_filters) {
  const auto bad = [](std::string id, std::string detail) {
    return Faulty{std::move(id), {Code::bad_message, std::move(detail)}};
  };
  const Json message = parse(text);
  if (!message.is_object()) return bad("null", "a message is a JSON object");
  const std::string id = id_of(message);
  if (id.empty()) {
    const Json* given = member(message, "id");
    const bool too_long = given != nullptr && given->is_string();
    return Faulty{"null",
                  {Code::bad_message,
                   "`id` must be a number or a string, as JSON of at most " + std::to_string(kIdBytes) + " bytes", 0,
                   too_long ? std::optional(Limit::id_bytes) : std::nullopt}};
  }
  const std::string* op = string_member(message, "op");
  if (op != nullptr && *op == "publish") return Request{Request::Op::publish, id, {}, {}};
  if (op == nullptr || (*op != "subscribe" && *op != "unsubscribe")) {
    return bad(id, R"(`op` must be "subscribe", "unsubscribe" or "publish")");
  }
  std::vector<std::string> topics;
  if (!read_topics(message, topics)) return bad(id, "`topics` must be an array of at least one string");
  Result<FilterSet> filters = make_filter_set(std::move(topics), max_filters);
  if (!filters) return Faulty{id, filters.problem()};

  Request request{*op == "subscribe" ? Request::Op::subscribe : Request::Op::unsubscribe, id, *std::move(filters), {}};
  if (request.op == Request::Op::subscribe && member(message, "from") != nullptr) {
    const std::string* from = string_member(message, "from");
    if (from == nullptr) return bad(id, "`from` must be a string");
    const Result<From> parsed = parse_from(*from);
    if (!parsed) return Faulty{id, parsed.problem()};
    request.from = *parsed;
  }
  return request;
}

}  // namespace fieldcast::websocket

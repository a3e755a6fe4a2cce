#include "adapters/json/command.hpp"

#include <simdjson.h>

#include <array>
#include <cstdint>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "adapters/json/classify.hpp"

namespace fieldcast::json {
namespace {

namespace ondemand = simdjson::ondemand;

struct Member {
  std::string_view name;
  std::string_view json{};                 // as it stands in the text; empty where it is not there
  std::optional<std::string_view> text{};  // of a string: what it says
  bool given() const { return !json.empty(); }
};

struct Members {
  Member topic{"topic"}, payload{"payload"}, encoding{"encoding"}, qos{"qos"}, retain{"retain"}, broker{"broker"};

  Member* find(std::string_view name) {
    for (Member* member : {&topic, &payload, &encoding, &qos, &retain, &broker}) {
      if (member->name == name) return member;
    }
    return nullptr;
  }
};

Problem bad(std::string detail) {
  return {Code::bad_message, std::move(detail)};
}

// The text has no space between its tokens, so a token ends where the next one begins.
std::string_view json_of(ondemand::value value) {
  switch (value.type()) {
    case ondemand::json_type::object:
      return value.get_object().value().raw_json();
    case ondemand::json_type::array:
      return value.get_array().value().raw_json();
    default:
      return value.raw_json_token();
  }
}

/// Strings live as long as the parser and its text. Numbers are left as they stand: simdjson would refuse large ones.
std::optional<Problem> read(ondemand::object object, Members& members) {
  for (ondemand::field field : object) {
    Member* member = members.find(field.unescaped_key());
    if (member == nullptr) continue;
    if (member->given()) return bad("`" + std::string(member->name) + "` is there twice");
    ondemand::value value = field.value();
    member->json = json_of(value);
    if (member->json.front() == '"') member->text = value.get_string();
  }
  return std::nullopt;
}

constexpr std::array<std::int8_t, 256> kDigits = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < digits.size(); ++i)
    values[static_cast<unsigned char>(digits[i])] = static_cast<std::int8_t>(i);
  return values;
}();

/// RFC 4648 section 4, with its padding, and with zeroes in the bits that stand for nothing (section 3.5).
std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  if (text.ends_with('=')) text.remove_suffix(text.ends_with("==") ? 2 : 1);
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  unsigned bits = 0;
  int count = 0;  // of those in `bits` that are not in a byte yet
  for (const char c : text) {
    const int digit = kDigits[static_cast<unsigned char>(c)];
    if (digit < 0) return std::nullopt;
    bits = (bits << 6 | static_cast<unsigned>(digit)) & 0xFFF;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xFF);
  }
  if ((bits & ((1u << count) - 1)) != 0) return std::nullopt;
  return bytes;
}

std::optional<Problem> take_payload(const Members& members, Command& command) {
  const Member& payload = members.payload;
  const Member& encoding = members.encoding;
  if (!payload.given()) return bad("`payload` is missing: what is to be published");
  if (!encoding.given()) {
    command.payload = payload.json;
    return std::nullopt;
  }
  if (encoding.text != "text" && encoding.text != "base64")
    return bad(R"(`encoding` takes "text" or "base64"; without it the payload goes out as JSON)");
  if (!payload.text) return bad("`payload` must be a string where `encoding` is there");
  if (encoding.text == "text") {
    command.payload = *payload.text;
    return std::nullopt;
  }
  auto bytes = decode_base64(*payload.text);
  if (!bytes) return bad("`payload` is no base64 (RFC 4648 section 4, padded with =)");
  command.payload = *std::move(bytes);
  return std::nullopt;
}

std::optional<Problem> take(const Members& members, Command& command) {
  if (!members.topic.text) return bad("`topic` is required: a string, the name of one topic");
  command.topic = *members.topic.text;
  if (auto problem = take_payload(members, command)) return problem;
  if (members.qos.given()) {
    if (members.qos.json != "1" && members.qos.json != "2")
      return bad("`qos` takes 1 or 2: nobody would acknowledge a message of QoS 0");
    command.qos = members.qos.json == "1" ? 1 : 2;
  }
  if (members.retain.given()) {
    if (members.retain.json != "true" && members.retain.json != "false") return bad("`retain` takes true or false");
    command.retain = members.retain.json == "true";
  }
  if (members.broker.given()) {
    if (!members.broker.text) return bad("`broker` must be a string, the name of a broker in the configuration");
    command.broker = *members.broker.text;
  }
  return std::nullopt;
}

}  // namespace

Result<Command> parse_command(std::string_view text) {
  Classifier classifier;
  const Classified message = classifier.classify(text);
  if (message.kind != Kind::json || !message.payload.starts_with('{')) {
    return bad("a command is a JSON object (RFC 8259) of at most " + std::to_string(kMaxDepth) +
               " levels, without lone surrogates, and without numbers that no double can hold");
  }
  const simdjson::padded_string padded(message.payload);
  ondemand::parser parser;
  ondemand::document document;
  Members members;
  Command command;
  try {
    document = parser.iterate(padded);
    if (auto problem = read(document.get_object(), members)) return *std::move(problem);
  } catch (const simdjson::simdjson_error&) {
    throw std::bad_alloc();  // it is JSON, so only memory can be missing
  }
  if (auto problem = take(members, command)) return *std::move(problem);
  return command;
}

}  // namespace fieldcast::json

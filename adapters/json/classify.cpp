#include "adapters/json/classify.hpp"

#include <simdjson.h>

#include <cstdint>
#include <new>
#include <nlohmann/json.hpp>
#include <string>

namespace fieldcast::json {
namespace {

// Room for most payloads from the start; the parser grows for longer ones.
constexpr std::size_t kUsualPayload = 4096;
// minify() writes whole blocks: at most one behind its last byte.
constexpr std::size_t kBlock = 128;

// Counts levels and says no to what is no JSON; nlohmann itself says no to a number that a double cannot hold.
class Judge final : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return ++depth_ <= kMaxDepth; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return leave(); }
  bool start_array(std::size_t) override { return ++depth_ <= kMaxDepth; }
  bool end_array() override { return leave(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  bool leave() {
    --depth_;
    return true;
  }
  std::size_t depth_ = 0;
};

unsigned hex_value(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  return static_cast<unsigned>((c | 0x20) - 'a') + 10;
}

// True where every \uD800 to \uDBFF is followed by a \uDC00 to \uDFFF and none stands alone. `text` is JSON.
bool surrogates_paired(std::string_view text) {
  bool high = false;            // the escape before this one was the first half of a pair
  std::size_t expected_at = 0;  // where its second half must begin
  for (std::size_t at = text.find('\\'); at != std::string_view::npos; at = text.find('\\', at)) {
    if (high && at != expected_at) return false;
    if (text[at + 1] != 'u') {
      if (high) return false;
      at += 2;
      continue;
    }
    unsigned unit = 0;
    for (std::size_t digit = at + 2; digit < at + 6; ++digit) unit = unit * 16 + hex_value(text[digit]);
    const bool low = unit >= 0xDC00 && unit <= 0xDFFF;
    if (high != low) return false;
    high = unit >= 0xD800 && unit <= 0xDBFF;
    at += 6;
    expected_at = at;
  }
  return !high;
}

}  // namespace

struct Classifier::State {
  simdjson::dom::parser parser;
  std::string padded;    // the payload, with the bytes behind it that simdjson may read
  std::string minified;  // likewise for what it may write

  bool is_json(std::string_view payload);
};

bool Classifier::State::is_json(std::string_view payload) {
  if (payload.empty() || payload.starts_with("\xEF\xBB\xBF") || payload.find('\0') != std::string_view::npos)
    return false;
  padded.assign(payload).append(simdjson::SIMDJSON_PADDING, ' ');
  const auto error = parser.parse(padded.data(), payload.size(), false).error();
  if (error == simdjson::MEMALLOC) throw std::bad_alloc();
  if (error != simdjson::SUCCESS) {
    // Which error a large number is depends on simdjson's version, so the second parser hears of any.
    Judge judge;
    if (!nlohmann::json::sax_parse(payload.begin(), payload.end(), &judge)) return false;
  }
  return surrogates_paired(payload);
}

Classifier::Classifier() : state_(std::make_unique<State>()) {
  // simdjson counts the document itself, but not an empty array or object: it takes no text that is too deep, and one
  // that it refuses by a level is put to the second parser, which counts exactly.
  if (state_->parser.allocate(kUsualPayload, kMaxDepth) != simdjson::SUCCESS) throw std::bad_alloc();
}

Classifier::~Classifier() = default;

Classified Classifier::classify(std::string_view payload) {
  if (state_->is_json(payload)) {
    std::string& minified = state_->minified;
    if (minified.size() < payload.size() + kBlock) minified.resize(payload.size() + kBlock);
    std::size_t length = 0;
    if (simdjson::minify(state_->padded.data(), payload.size(), minified.data(), length) == simdjson::SUCCESS)
      return {Kind::json, std::string_view(minified.data(), length)};
  }
  return {simdjson::validate_utf8(payload.data(), payload.size()) ? Kind::text : Kind::binary, payload};
}

}  // namespace fieldcast::json

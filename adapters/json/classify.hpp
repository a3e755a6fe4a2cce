// JSON at the door: decides once, where a message comes in, how its payload is kept and sent.
//
// simdjson judges; what it refuses is put to nlohmann's SAX parser, since simdjson refuses numbers of 2^64 and above
// too, and nlohmann takes integers of any length. Both must agree with what common parsers take, so what they are lax
// about (byte order mark, trailing NUL, lone surrogates) is checked here.
//
// A Classifier belongs to one thread: it keeps the parser and its buffers between payloads.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "gateway/entry.hpp"

namespace fieldcast::json {

/// A payload nested deeper goes out as text: the contract's bound.
inline constexpr std::size_t kMaxDepth = 60;

struct Classified {
  Kind kind;                 // json, text or binary
  std::string_view payload;  // as it shall be kept
};

class Classifier {
 public:
  Classifier();
  ~Classifier();

  /// `json` where the payload is JSON (RFC 8259) of at most kMaxDepth levels, without lone surrogates and
  /// without a number too large for a double; it is returned without the white space between its tokens, so
  /// without a line break. Else `text` where it is UTF-8 (the empty payload too), else `binary`, both as given.
  /// The result is a view of `payload` or of the classifier: it is good until the next call.
  /// Throws only std::bad_alloc. Time is linear, memory about eight times the longest payload seen.
  Classified classify(std::string_view payload);

 private:
  struct State;  // simdjson's parser and its buffers
  std::unique_ptr<State> state_;
};

}  // namespace fieldcast::json

// The head of an HTTP request: found, checked and parsed. Our own checks come before http-parser and are
// stricter than it and than RFC 9112 asks for: what two parsers could read in two ways (a proxy before us,
// http-parser behind us) is refused, so that no request can hide in another one.
//
// Pure, any thread. Nothing here throws but std::bad_alloc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/limits.hpp"
#include "gateway/parameters.hpp"
#include "gateway/result.hpp"

namespace fieldcast::http {

struct Request {
  std::string method;
  std::string path;                   // percent-decoded; begins with '/', or is "*" for OPTIONS
  std::string query;                  // as written, without '?'
  std::vector<Parameter> parameters;  // of the query; filled by the dispatcher
  int minor = 1;                      // HTTP/1.minor: 0 or 1
  bool keep_alive = false;            // the client wants the connection to go on
  bool upgrade = false;               // an `Upgrade` field, and `Connection` names it
  bool chunked = false;
  std::uint64_t content_length = 0;
  std::vector<std::pair<std::string, std::string>> fields;  // a repeated one joined by ", "
  std::string body;                                         // where the answer needs it; filled by the connection

  /// The value of a field, its name in any case.
  std::optional<std::string_view> field(std::string_view name) const;
  bool has_body() const { return chunked || content_length > 0; }
};

/// Without the spaces and tabs around it.
std::string_view trim(std::string_view text);

/// Case-insensitive in ASCII.
bool equals(std::string_view a, std::string_view b);

/// True where the comma-separated list names `token` (case-insensitive; what follows a ';' does not count).
bool names(std::optional<std::string_view> list, std::string_view token);

/// No control character but the tab.
bool is_field_text(std::string_view text);

/// `NAME: VALUE`, as in a head, without its line end.
bool is_field_line(std::string_view line);

/// The length of the head that `input` begins with, its empty line included; 0 where it is not complete.
/// `bad_request` as soon as it cannot become one, `too_large` past kHeadBytes. `scanned` starts at 0 and is
/// kept between calls with more of the same input, so that a head in many pieces is looked at once.
Result<std::size_t> head_size(std::string_view input, std::size_t& scanned);

/// Parses a whole head: `bad_request`, `bad_method` where the method is none of HTTP's, `too_large` over kHeadFields.
Result<Request> parse_head(std::string_view head);

}  // namespace fieldcast::http

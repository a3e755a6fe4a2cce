#include "adapters/http/head.hpp"

#include <http_parser.h>

#include <algorithm>

#include "adapters/http/query.hpp"

namespace fieldcast::http {
namespace {

Problem bad(std::string detail) {
  return {Code::bad_request, std::move(detail)};
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// `tchar` of RFC 9110, section 5.6.2.
bool is_token(char c) {
  const char l = lower(c);
  return (l >= 'a' && l <= 'z') || is_digit(c) ||
         (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return is_token(c); });
}

bool is_visible(char c) {
  return c > 0x20 && c < 0x7f;
}

std::optional<Problem> check_request_line(std::string_view line) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return bad("the request line must be METHOD TARGET HTTP/1.1");
  const auto method = line.substr(0, first);
  const auto target = line.substr(first + 1, last - first - 1);
  const auto version = line.substr(last + 1);
  if (!is_token(method)) return bad("the method is not a token");
  if (target.empty() || !std::all_of(target.begin(), target.end(), is_visible))
    return bad("the request target is empty or has a space, a control character or bytes that must be percent-encoded");
  if (target.find('#') != std::string_view::npos) return bad("a '#' in the request target is written %23");
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return bad("only HTTP/1.0 and HTTP/1.1 are served");
  return std::nullopt;
}

/// NAME and ':'. Not a folded line (it begins with white space), nor one with white space before the colon.
bool has_field_name(std::string_view line) {
  const auto colon = line.find(':');
  return colon != std::string_view::npos && is_token(line.substr(0, colon));
}

std::optional<Problem> check_field_line(std::string_view line) {
  if (!has_field_name(line))
    return bad("a header field must be NAME: VALUE, on one line and without white space before the colon");
  if (!is_field_text(line)) return bad("a header field has a control character in its value");
  // RFC 9110 lets a tab stand around any value, but not every reader takes it off.
  const auto name = line.substr(0, line.find(':'));
  const bool frames = equals(name, "content-length") || equals(name, "transfer-encoding") || equals(name, "host");
  if (frames && line.find('\t') != std::string_view::npos) return bad("a tab in the value of " + std::string(name));
  return std::nullopt;
}

/// Every line ends with CRLF and holds neither CR nor LF nor NUL.
std::optional<Problem> check_lines(std::string_view head) {
  bool request_line = true;
  std::size_t fields = 0;
  while (!head.empty()) {
    const auto end = head.find("\r\n");
    if (end == std::string_view::npos) return bad("a line of the head does not end with CRLF");
    const auto line = head.substr(0, end);
    head.remove_prefix(end + 2);
    if (line.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos)
      return bad("a line of the head has a bare CR, a bare LF or a NUL");
    if (line.empty())
      return head.empty() && !request_line ? std::nullopt : std::optional(bad("an empty line within the head"));
    auto problem = request_line ? check_request_line(line) : check_field_line(line);
    if (problem) return problem;
    if (!request_line && ++fields > kHeadFields)
      return Problem{Code::too_large, "the head of a request has at most " + std::to_string(kHeadFields) + " fields", 0,
                     Limit::head_fields};
    request_line = false;
  }
  return bad("the head has no end");
}

/// What http-parser hands out, one head at a time.
struct Collected {
  std::string target;
  std::vector<std::pair<std::string, std::string>> fields;
  bool in_value = true;  // the next name begins a new field
  bool complete = false;
  bool keep_alive = false;
};

Collected& collected(http_parser* parser) {
  return *static_cast<Collected*>(parser->data);
}

/// A std::bad_alloc must not cross http-parser's C frames: any non-zero answer ends the parse with an error.
template <class Step>
int no_throw(Step step) noexcept {
  try {
    step();
    return 0;
  } catch (...) {
    return 1;
  }
}

http_parser_settings make_head_callbacks() {
  http_parser_settings callbacks;
  http_parser_settings_init(&callbacks);
  callbacks.on_url = [](http_parser* parser, const char* at, std::size_t size) {
    return no_throw([&] { collected(parser).target.append(at, size); });
  };
  callbacks.on_header_field = [](http_parser* parser, const char* at, std::size_t size) {
    return no_throw([&] {
      auto& into = collected(parser);
      if (into.in_value) into.fields.emplace_back();
      into.in_value = false;
      into.fields.back().first.append(at, size);
    });
  };
  callbacks.on_header_value = [](http_parser* parser, const char* at, std::size_t size) {
    return no_throw([&] {
      auto& into = collected(parser);
      into.in_value = true;
      into.fields.back().second.append(at, size);
    });
  };
  callbacks.on_headers_complete = [](http_parser* parser) {
    collected(parser).complete = true;
    collected(parser).keep_alive = http_should_keep_alive(parser) != 0;
    return 0;
  };
  return callbacks;
}

std::size_t count(const Collected& from, std::string_view name) {
  return static_cast<std::size_t>(
      std::count_if(from.fields.begin(), from.fields.end(), [&](const auto& f) { return equals(f.first, name); }));
}

// Fields of which one request has one, whatever their values: two readers might take two different ones. nginx refuses
// most of them twice, too.
constexpr std::string_view kSingleFields[] = {
    "authorization", "content-length", "content-range",       "content-type",      "expect",
    "host",          "if-match",       "if-modified-since",   "if-none-match",     "if-range",
    "last-event-id", "origin",         "if-unmodified-since", "transfer-encoding",
};

std::optional<Problem> check_single_fields(const Collected& from) {
  for (const auto name : kSingleFields)
    if (count(from, name) > 1) return bad("more than one " + std::string(name));
  return std::nullopt;
}

/// How long the body is: the fields that smuggled requests are made of.
std::optional<Problem> read_framing(const Collected& from, Request& request) {
  const auto lengths = count(from, "content-length");
  const auto encodings = count(from, "transfer-encoding");
  if (lengths != 0 && encodings != 0) return bad("both Content-Length and Transfer-Encoding");
  if (lengths == 1) {
    const auto value = *request.field("content-length");
    // 15 digits are a petabyte, and cannot overflow.
    if (value.empty() || value.size() > 15 || !std::all_of(value.begin(), value.end(), is_digit))
      return bad("Content-Length is not a number");
    for (const char c : value) request.content_length = request.content_length * 10 + static_cast<unsigned>(c - '0');
  }
  if (encodings == 1) {
    if (request.minor == 0) return bad("Transfer-Encoding in an HTTP/1.0 request");
    if (!equals(*request.field("transfer-encoding"), "chunked"))
      return bad("the only Transfer-Encoding taken is chunked");
    request.chunked = true;
  }
  return std::nullopt;
}

/// What can be `host[:port]` (RFC 9110 section 7.2). Whether it is one of ours is not judged here.
bool is_host(std::string_view text) {
  constexpr std::string_view others = "-._~%!$&'()*+,;=:[]";
  const bool clean = std::all_of(text.begin(), text.end(), [&](char c) {
    const char l = lower(c);
    return (l >= 'a' && l <= 'z') || is_digit(c) || others.find(c) != std::string_view::npos;
  });
  return clean && !text.empty() && text.front() != ':' && text.find("..") == std::string_view::npos;
}

/// Origin form, or absolute form for the same host that `Host` names.
std::optional<Problem> read_target(std::string_view target, Request& request) {
  if (target == "*" && request.method == "OPTIONS") {
    request.path = target;
    return std::nullopt;
  }
  if (target.front() != '/') {
    const std::string_view scheme = "http://";
    const auto host = request.field("host");
    const auto end = std::min(target.find_first_of("/?", std::min(scheme.size(), target.size())), target.size());
    if (!equals(target.substr(0, scheme.size()), scheme) || !host ||
        !equals(target.substr(scheme.size(), end - scheme.size()), *host))
      return bad("the request target must be a path, or a URL whose host is the one in Host");
    target.remove_prefix(end);
  }
  const auto question = std::min(target.find('?'), target.size());
  if (question < target.size()) request.query = target.substr(question + 1);
  auto path = percent_decode(target.substr(0, question));
  if (!path) return bad("the path has a '%' that is not followed by two hexadecimal digits");
  request.path = path->empty() ? std::string("/") : std::move(*path);
  const std::string_view steps = request.path;
  for (std::size_t at = 0; at < steps.size();) {  // at: a '/'
    const auto end = std::min(steps.find('/', at + 1), steps.size());
    const auto segment = steps.substr(at + 1, end - at - 1);
    if (segment == "." || segment == "..") return bad("the path has a segment that is . or ..");
    at = end;
  }
  for (const char c : steps)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '\\')
      return bad("the path has a control character or a backslash");
  return std::nullopt;
}

}  // namespace

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool equals(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

bool names(std::optional<std::string_view> list, std::string_view token) {
  if (!list) return false;
  for (std::string_view rest = *list; !rest.empty();) {
    const auto end = std::min(rest.find(','), rest.size());
    const auto item = rest.substr(0, end);
    if (equals(trim(item.substr(0, item.find(';'))), token)) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

std::optional<std::string_view> Request::field(std::string_view name) const {
  for (const auto& [key, value] : fields)
    if (equals(key, name)) return value;
  return std::nullopt;
}

bool is_field_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte >= 0x20 && byte != 0x7f) || c == '\t';
  });
}

bool is_field_line(std::string_view line) {
  return has_field_name(line) && is_field_text(line);
}

Result<std::size_t> head_size(std::string_view input, std::size_t& scanned) {
  // Anything that is not HTTP (a TLS client hello) is told apart by its first byte, not by a deadline.
  if (!input.empty() && !is_token(input.front())) return bad("this is not an HTTP request");
  for (;;) {
    const auto lf = input.substr(0, kHeadBytes).find('\n', scanned);
    if (lf == std::string_view::npos) break;
    if (lf == 0 || input[lf - 1] != '\r') return bad("a line of the head does not end with CRLF");
    // That of HTTP/0.9 is the whole request, and who begins with another protocol's waits for an answer.
    if (input.find('\n') == lf) {
      if (auto problem = check_request_line(input.substr(0, lf - 1))) return std::move(*problem);
    }
    scanned = lf + 1;
    if (lf >= 3 && input.substr(lf - 3, 4) == "\r\n\r\n") return scanned;
  }
  scanned = std::min(input.size(), kHeadBytes);
  if (input.size() >= kHeadBytes)
    return Problem{Code::too_large, "the head of a request is at most 16 KiB", 0, Limit::head_bytes};
  return std::size_t{0};
}

Result<Request> parse_head(std::string_view head) {
  if (auto problem = check_lines(head)) return std::move(*problem);

  static const http_parser_settings callbacks = make_head_callbacks();
  Collected into;
  http_parser parser;
  http_parser_init(&parser, HTTP_REQUEST);
  parser.data = &into;
  http_parser_execute(&parser, &callbacks, head.data(), head.size());
  const auto fault = HTTP_PARSER_ERRNO(&parser);
  // Never served, and the end of the connection: a proxy may take what follows a CONNECT for a tunnel's bytes.
  const bool never = parser.method == HTTP_CONNECT || parser.method == HTTP_TRACE;
  if (fault == HPE_INVALID_METHOD || (into.complete && never))
    return Problem{Code::bad_method, "this method is not served"};
  if (fault != HPE_OK || !into.complete)
    return bad(std::string("the head cannot be parsed: ") + http_errno_description(fault));

  Request request;
  request.method = http_method_str(static_cast<http_method>(parser.method));
  request.minor = parser.http_minor;
  request.keep_alive = into.keep_alive;
  request.upgrade = parser.upgrade != 0;
  for (const auto& [name, value] : into.fields) {
    const auto known = std::find_if(request.fields.begin(), request.fields.end(),
                                    [&, &n = name](const auto& f) { return equals(f.first, n); });
    if (known == request.fields.end()) {
      request.fields.emplace_back(name, trim(value));
    } else {
      known->second.append(", ").append(trim(value));
    }
  }

  // http-parser lets `keep-alive` win over it in HTTP/1.0.
  if (names(request.field("connection"), "close")) request.keep_alive = false;

  if (auto problem = check_single_fields(into)) return std::move(*problem);
  const auto host = request.field("host");
  if (request.minor == 1 && !host) return bad("a request has a Host");
  if (host && !is_host(*host)) return bad("the value of Host is not a host, with a port or without");
  if (auto problem = read_framing(into, request)) return std::move(*problem);
  if (auto problem = read_target(into.target, request)) return std::move(*problem);
  return request;
}

}  // namespace fieldcast::http

#include "adapters/http/routes.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace fieldcast::http {
namespace {

/// FNV-1a, 64 bits: it tells versions of one file apart, and protects nothing.
std::string make_etag(const std::string& bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  char text[24];
  std::snprintf(text, sizeof text, "\"%016llx\"", static_cast<unsigned long long>(hash));
  return text;
}

bool none_match(std::optional<std::string_view> field, const std::string& etag) {
  return !field || (*field != "*" && field->find(etag) == std::string_view::npos);
}

}  // namespace

Route static_file(std::string type, std::string bytes) {
  const std::string etag = make_etag(bytes);
  Response file = make_response(200, std::move(type), std::move(bytes));
  file.cacheable = true;
  file.headers = "ETag: " + etag +
                 "\r\n"
                 "Cache-Control: no-cache\r\n"
                 "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
                 "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n";
  const auto handler = [file = std::move(file), etag](const Request& request) {
    Response response = file;
    if (!none_match(request.field("if-none-match"), etag)) {
      response.status = 304;
      response.body = nullptr;
    }
    return response;
  };
  return {handler, std::nullopt};
}

std::optional<Problem> check_parameters(const Route& route, const std::vector<Parameter>& parameters) {
  if (!route.parameters) return std::nullopt;
  for (auto it = parameters.begin(); it != parameters.end(); ++it) {
    const auto& allowed = *route.parameters;
    if (std::find(allowed.begin(), allowed.end(), it->name) == allowed.end())
      return Problem{Code::bad_request, "unknown parameter `" + it->name + "`"};
    if (it->value.empty()) return Problem{Code::bad_request, "`" + it->name + "` is empty"};
    if (std::any_of(parameters.begin(), it, [&](const Parameter& p) { return p.name == it->name; }))
      return Problem{Code::bad_request, "`" + it->name + "` is given twice"};
  }
  return std::nullopt;
}

}  // namespace fieldcast::http

// Plain answers by path: health, metrics and the files of the page. The table is the app's; the handlers
// run on the shard's thread and must not wait.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "adapters/http/head.hpp"
#include "adapters/http/response.hpp"

namespace fieldcast::http {

struct Route {
  std::function<Response(const Request&)> handler;
  /// Names that the query may have, any other one is a `bad_request`. Nothing: the query is not looked at.
  std::optional<std::vector<std::string>> parameters = std::vector<std::string>{};
};

using Routes = std::map<std::string, Route, std::less<>>;

/// A file that is kept in memory: strong ETag and 304, revalidated on each use, and a Content-Security-Policy
/// that lets the page load from this gateway only.
Route static_file(std::string type, std::string bytes);

/// `bad_request` that names the first parameter that the route does not take, or that comes twice or is empty.
std::optional<Problem> check_parameters(const Route& route, const std::vector<Parameter>& parameters);

}  // namespace fieldcast::http

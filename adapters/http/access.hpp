// Who may ask: the rules for `Host` (against DNS rebinding) and `Origin` (against pages of other sites),
// and what CORS has to be told. Pure and immutable, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/problem.hpp"

namespace fieldcast::http {

class Access {
 public:
  /// `hosts` are further names that `Host` may have, without port; `origins` further origins, as browsers write
  /// them (`https://example.com`, or `null`); `machine` is this machine's own name, also taken with `.local`.
  Access(std::vector<std::string> hosts, const std::vector<std::string>& origins, const std::string& machine);

  /// `bad_host` or `forbidden`; nothing where the request may go on. Without `Host` (HTTP/1.0 only, so no
  /// browser) every host is right and no origin is the same.
  std::optional<Problem> check(std::optional<std::string_view> host, std::optional<std::string_view> origin) const;

 private:
  bool host_allowed(std::string_view name) const;

  std::vector<std::string> hosts_;    // lower case, without a dot at the end
  std::vector<std::string> origins_;  // normalised
};

/// Header lines for the answer to a request that check() let pass.
std::string cors_lines(std::optional<std::string_view> origin);

/// Further header lines for the answer to a preflight; `methods` is what the path takes.
std::string preflight_lines(std::string_view methods);

}  // namespace fieldcast::http

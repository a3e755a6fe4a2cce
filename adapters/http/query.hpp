// The query of a URL, decoded by the contract's rules for '+'. Pure, any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/limits.hpp"
#include "gateway/parameters.hpp"
#include "gateway/result.hpp"

namespace fieldcast::http {

/// RFC 3986, section 2.1; '+' stays. Empty where a '%' is not followed by two hexadecimal digits.
std::optional<std::string> percent_decode(std::string_view text);

/// `name=value&…` without the '?'. In `topic` a '+' that is a whole level is the wildcard and any other a space, in
/// `from`, `start` and `end` a '+' is a plus, elsewhere a space; %2B is a plus everywhere. Parts that are empty are
/// skipped. `bad_request` where a '%' is malformed or there are more than kParameters.
Result<std::vector<Parameter>> parse_query(std::string_view query);

}  // namespace fieldcast::http

// Which of several media types a client likes best: RFC 9110 section 12.5.1. Pure, any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace fieldcast::http {

/// The index in `offered` (`type/subtype`, lower case, the one that we like best first) of what `accept`, the field's
/// value, asks for. Of those with the same weight the one that is named more exactly wins, so that `text/csv, */*`
/// means a table. 0 without the field, and where nothing that is offered fits: an answer of another type is better than
/// none.
std::size_t preferred(std::optional<std::string_view> accept, std::span<const std::string_view> offered);

}  // namespace fieldcast::http

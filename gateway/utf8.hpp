// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. Pure, any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace fieldcast {

/// Length in bytes of the character at the start of `text` (1 to 4); 0 where it is broken or cut.
std::size_t utf8_length(std::string_view text);

bool valid_utf8(std::string_view text);

}  // namespace fieldcast

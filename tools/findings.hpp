// What an archive's walk found wrong, in words. Pure.
#pragma once

#include <string>

#include "storage/archive.hpp"

namespace fieldcast::tools {

/// One line: where it is, what it is, and what of it is known. Control characters are made visible.
std::string finding_text(const Finding& finding);

}  // namespace fieldcast::tools

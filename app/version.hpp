// The version of this build. Pure, any thread.
#pragma once

#include <string_view>

namespace fieldcast {

/// As in CMake's project(), "0.1.0".
std::string_view version() noexcept;

}  // namespace fieldcast

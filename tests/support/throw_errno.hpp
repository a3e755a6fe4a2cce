// For system calls that have failed, in any thread.
#pragma once

#include <cerrno>
#include <system_error>

namespace fieldcast::test {

/// Throws std::system_error: `what`, and what errno says.
[[noreturn]] inline void throw_errno(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace fieldcast::test

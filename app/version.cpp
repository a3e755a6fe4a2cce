#include "app/version.hpp"

namespace fieldcast {

std::string_view version() noexcept {
  return FIELDCAST_VERSION;
}

}  // namespace fieldcast

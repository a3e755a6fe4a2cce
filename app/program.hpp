// The one place where everything is wired: log, shard, broker, and the plain answers. Lives on the main
// thread from a checked configuration to the end of the process.
#pragma once

#include <stdexcept>

#include "adapters/logging/logging.hpp"
#include "app/config.hpp"

namespace fieldcast {

/// The configuration does not fit what the program was started with; one clear line.
struct ConfigFault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// `writer` is the process's log already. Runs until SIGTERM or SIGINT, then drains and returns, in 5 s at most. Throws
/// std::runtime_error with one clear line where the machine refuses something at the start, a ConfigFault where the
/// configuration does.
void run_program(const Config& config, logging::Writer& writer);

}  // namespace fieldcast

// The one place where everything is wired: log, shard, broker, and the plain answers. Lives on the main
// thread from a checked configuration to the end of the process.
#pragma once

#include "adapters/logging/logging.hpp"
#include "app/config.hpp"

namespace fieldcast {

/// `writer` is the process's log already. Runs until SIGTERM or SIGINT, then drains and returns, in 5 s at most. Throws
/// std::runtime_error with one clear line where the machine refuses something at the start.
void run_program(const Config& config, logging::Writer& writer);

}  // namespace fieldcast

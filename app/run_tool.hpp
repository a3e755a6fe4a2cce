// From a tool's command line to the tool: reads the configuration where one is named, and turns what was written into
// what tools/ takes. Main thread.
#pragma once

#include <iosfwd>

#include "app/command_line.hpp"

namespace fieldcast {

/// Runs the tool to its end, with an export to standard output itself; returns the exit code. Throws std::exception
/// with one clear line where the machine refuses it.
int run_tool(const CommandLine& line, std::ostream& out, std::ostream& err);

}  // namespace fieldcast

// The command line: which configuration file, and whether to run with it or only to check it. Main thread,
// at the start. Nothing secret is ever taken from here: other users of the machine read it in /proc.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/config.hpp"

namespace fieldcast {

// Exit codes of the program.
inline constexpr int kExitMachine = 1;  // what the machine refuses: a port in use, memory
inline constexpr int kExitConfig = 2;   // the configuration, its files or the command line

struct CommandLine {
  std::string file;         // of the configuration
  bool check = false;       // only check it
  std::optional<int> exit;  // set: nothing is left to do but to exit with it (--help, --version, a wrong option)
};

/// Writes what --help and --version ask for to `out`, what is wrong with the options to `err`.
CommandLine parse_command_line(int argc, const char* const* argv, std::ostream& out, std::ostream& err);

/// One problem a line.
void print_problems(const std::vector<ConfigProblem>& problems, std::string_view file, std::ostream& out);

/// --check-config: prints every problem, or "no problems"; returns the exit code (warnings alone: 0).
int check_config(const std::string& file, std::ostream& out);

}  // namespace fieldcast

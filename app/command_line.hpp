// The command line: which configuration file, and whether to run with it, only to check it, or which tool to use. Main
// thread, at the start. Nothing secret is ever taken from here: other users of the machine read it in /proc.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/config.hpp"

namespace fieldcast {

// Exit codes of the program.
inline constexpr int kExitMachine = 1;  // what the machine refuses: a port in use, memory; what a tool finds wrong
inline constexpr int kExitConfig = 2;   // the configuration, its files or the command line

enum class Tool : std::uint8_t { none, export_readings, check_database, status };

/// What a tool was asked for, as it was written.
struct ToolOptions {
  std::string database;             // --database; or --config, which is CommandLine::file
  std::vector<std::string> topics;  // export
  std::string start, end;
  bool csv = false;
  std::string url, authorities;  // status
};

struct CommandLine {
  std::string file;    // of the configuration
  bool check = false;  // only check it
  Tool tool = Tool::none;
  ToolOptions options;
  std::optional<int> exit;  // set: nothing is left to do but to exit with it (--help, --version, a wrong option)
};

/// Writes what --help and --version ask for to `out`, what is wrong with the options to `err`.
CommandLine parse_command_line(int argc, const char* const* argv, std::ostream& out, std::ostream& err);

/// One problem a line.
void print_problems(const std::vector<ConfigProblem>& problems, std::string_view file, std::ostream& out);

/// --check-config: prints every problem, or "no problems"; returns the exit code (warnings alone: 0).
int check_config(const std::string& file, std::ostream& out);

}  // namespace fieldcast

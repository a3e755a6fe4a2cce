// The program: reads the command line and the configuration, then runs, or uses one of its tools. Whatever goes wrong
// is one line on standard error and an exit code: 2 for the configuration and its files, 1 for what the machine
// refuses.
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <iostream>

#include "adapters/logging/logging.hpp"
#include "app/command_line.hpp"
#include "app/config.hpp"
#include "app/program.hpp"
#include "app/run_tool.hpp"
#include "gateway/clock.hpp"

int main(int argc, char** argv) {
  using namespace fieldcast;
  try {
    const CommandLine command_line = parse_command_line(argc, argv, std::cout, std::cerr);
    if (command_line.exit) return *command_line.exit;
    if (command_line.check) return check_config(command_line.file, std::cout);
    if (command_line.tool != Tool::none) return run_tool(command_line, std::cout, std::cerr);

    const LoadedConfig loaded = load_config(command_line.file);
    print_problems(loaded.problems, command_line.file, std::cerr);
    if (loaded.failed()) return kExitConfig;

    const SystemClock clock;
    logging::Writer writer(loaded.config.log_level, logging::choose_style(STDERR_FILENO, std::getenv("JOURNAL_STREAM")),
                           clock);
    run_program(loaded.config, writer);
    return 0;
  } catch (const ConfigFault& fault) {
    std::cerr << "fieldcast: " << fault.what() << '\n';
    return kExitConfig;
  } catch (const std::exception& error) {
    std::cerr << "fieldcast: " << error.what() << '\n';
    return kExitMachine;
  }
}

#include "app/command_line.hpp"

#include <CLI/CLI.hpp>
#include <ostream>

#include "app/version.hpp"

namespace fieldcast {

CommandLine parse_command_line(int argc, const char* const* argv, std::ostream& out, std::ostream& err) {
  CommandLine line;
  std::string checked;
  CLI::App app(
      "Fieldcast brings the readings of an MQTT broker to web clients: WebSocket, server-sent events, long poll.",
      "fieldcast");
  auto* const run = app.add_option("--config", line.file, "Run with this configuration")->option_text("FILE");
  auto* const check = app.add_option("--check-config", checked,
                                     "Print what is wrong with this configuration, and exit: 2 if anything is")
                          ->option_text("FILE")
                          ->excludes(run);
  app.set_version_flag("--version", "fieldcast " + std::string(version()), "Print the version, and exit");
  app.set_help_flag("--help,-h", "Print this help, and exit");
  app.footer(
      "Example:\n"
      "  fieldcast --check-config /etc/fieldcast/fieldcast.toml\n"
      "  fieldcast --config /etc/fieldcast/fieldcast.toml\n\n"
      "Exit codes: 0 after SIGTERM or SIGINT, 1 for what the machine refuses, 2 for the configuration and its files.");
  app.callback([&] {
    if (run->empty() && check->empty()) throw CLI::RequiredError("--config FILE");
  });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    line.exit = app.exit(error, out, err) == 0 ? 0 : kExitConfig;
    return line;
  }
  if (!check->empty()) {
    line.check = true;
    line.file = checked;
  }
  return line;
}

void print_problems(const std::vector<ConfigProblem>& problems, std::string_view file, std::ostream& out) {
  for (const ConfigProblem& problem : problems) out << to_string(problem, file) << '\n';
}

int check_config(const std::string& file, std::ostream& out) {
  const LoadedConfig loaded = load_config(file);
  print_problems(loaded.problems, file, out);
  if (loaded.problems.empty()) out << "no problems\n";
  return loaded.failed() ? kExitConfig : 0;
}

}  // namespace fieldcast

#include "app/command_line.hpp"

#include <CLI/CLI.hpp>
#include <array>
#include <ostream>
#include <utility>

#include "app/version.hpp"

namespace fieldcast {

namespace {

constexpr const char* kExitCodes =
    "Exit codes: 0, 1 for what is missing or damaged or the machine refuses, 2 for the "
    "command line and the configuration.";

/// One of the two must be given.
void add_source(CLI::App& tool, CommandLine& line, CLI::Option* other, const std::string& what) {
  auto* const config =
      tool.add_option("--config", line.file, what + " of this configuration")->option_text("FILE")->excludes(other);
  tool.callback([config, other] {
    if (config->empty() && other->empty())
      throw CLI::RequiredError("--config FILE or " + other->get_name() + " " + other->get_option_text());
  });
}

CLI::Option* add_database(CLI::App& tool, CommandLine& line) {
  return tool.add_option("--database", line.options.database, "This database, in use or a copy")->option_text("FILE");
}

CLI::App* add_export(CLI::App& app, CommandLine& line) {
  auto* const tool = app.add_subcommand("export", "Write the readings of a database to standard output.");
  add_source(*tool, line, add_database(*tool, line), "The database");
  ToolOptions& options = line.options;
  tool->add_option("--topic", options.topics, "Only topics that this filter matches; may be repeated. Without it: all")
      ->option_text("FILTER")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
  tool->add_option("--start", options.start,
                   "Only readings of this time or later: RFC 3339, Unix milliseconds, or a span back such as -10m")
      ->option_text("TIME");
  tool->add_option("--end", options.end, "Only readings before this time")->option_text("TIME");
  tool->add_option_function<std::string>(
          "--format", [&options](const std::string& format) { options.csv = format == "csv"; },
          "ndjson (default): one reading a line, as clients get it; or csv")
      ->option_text("FORMAT")
      ->check(CLI::IsMember({"ndjson", "csv"}));
  tool->footer(
      std::string(
          "Readings come in the order of the log, each exactly as clients got it. A gateway that runs goes on; "
          "nothing is made or changed. What cannot be read is told on standard error.\n\n"
          "Example:\n"
          "  fieldcast export --config /etc/fieldcast/fieldcast.toml --topic 'hall/#' --start -24h > day.ndjson\n"
          "  fieldcast export --database copy.db --format csv > all.csv\n\n") +
      kExitCodes);
  return tool;
}

CLI::App* add_check(CLI::App& app, CommandLine& line) {
  auto* const tool = app.add_subcommand("check", "Read all of a database, and say what is damaged.");
  add_source(*tool, line, add_database(*tool, line), "The database");
  tool->footer(std::string("Nothing is made or changed; a gateway that runs goes on.\n\n"
                           "Example:\n"
                           "  fieldcast check --config /etc/fieldcast/fieldcast.toml\n\n") +
               kExitCodes);
  return tool;
}

CLI::App* add_status(CLI::App& app, CommandLine& line) {
  auto* const tool = app.add_subcommand("status", "Say how a gateway is doing.");
  auto* const url = tool->add_option("--url", line.options.url, "Ask the gateway there, like https://hall-3.example")
                        ->option_text("URL");
  tool->add_option("--cacert", line.options.authorities, "PEM file of authorities to trust, instead of the system's")
      ->option_text("FILE")
      ->needs(url);
  add_source(*tool, line, url, "The gateway");
  tool->footer(
      "Where the gateway does not answer, and --config names its database, that is looked at.\n\n"
      "Example:\n"
      "  fieldcast status --config /etc/fieldcast/fieldcast.toml\n\n"
      "Exit codes: 0 where the gateway can serve streams, 1 where not, 2 for the command line and the configuration.");
  return tool;
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv, std::ostream& out, std::ostream& err) {
  CommandLine line;
  std::string checked, run_with;
  CLI::App app(
      "Fieldcast brings the readings of an MQTT broker to web clients: WebSocket, server-sent events, long poll.",
      "fieldcast");
  auto* const run = app.add_option("--config", run_with, "Run with this configuration")->option_text("FILE");
  auto* const check = app.add_option("--check-config", checked,
                                     "Print what is wrong with this configuration, and exit: 2 if anything is")
                          ->option_text("FILE")
                          ->excludes(run);
  app.set_version_flag("--version", "fieldcast " + std::string(version()), "Print the version, and exit");
  app.set_help_flag("--help,-h", "Print this help, and exit");
  app.footer(
      "Example:\n"
      "  fieldcast --check-config /etc/fieldcast/fieldcast.toml\n"
      "  fieldcast --config /etc/fieldcast/fieldcast.toml\n"
      "  fieldcast status --config /etc/fieldcast/fieldcast.toml\n"
      "  fieldcast export --help\n\n"
      "Exit codes: 0 after SIGTERM or SIGINT, 1 for what the machine refuses, 2 for the configuration and its files.");
  app.require_subcommand(0, 1);
  const std::array tools{std::pair{add_export(app, line), Tool::export_readings},
                         std::pair{add_check(app, line), Tool::check_database},
                         std::pair{add_status(app, line), Tool::status}};
  app.callback([&] {
    const bool tool = !app.get_subcommands().empty();
    if (tool && !(run->empty() && check->empty()))
      throw CLI::ValidationError(app.get_subcommands().front()->get_name(), "takes its options behind it, not before");
    if (!tool && run->empty() && check->empty()) throw CLI::RequiredError("--config FILE");
  });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    line.exit = app.exit(error, out, err) == 0 ? 0 : kExitConfig;
    return line;
  }
  for (const auto& [subcommand, tool] : tools) {
    if (subcommand->parsed()) line.tool = tool;
  }
  if (line.tool == Tool::none) line.file = run_with;
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

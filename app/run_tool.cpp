#include "app/run_tool.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "app/config.hpp"
#include "app/config_values.hpp"
#include "gateway/clock.hpp"
#include "gateway/from.hpp"
#include "tools/check.hpp"
#include "tools/export.hpp"
#include "tools/status.hpp"

namespace fieldcast {
namespace {

// A tool has time: more filters than this do not fit a command line.
constexpr std::size_t kToolFilters = 10'000;

/// A fault of the command line.
struct Refused {
  std::string text;
};

/// Where the journal of this database may be: the folder that is configured, or else each that a gateway takes when
/// none is, since the service's environment is not ours.
std::vector<std::string> journal_folders(const std::string& configured, const std::string& database) {
  std::vector<std::string> folders;
  if (!configured.empty()) folders.push_back(configured);
  folders.emplace_back("/run/fieldcast");
  struct stat file {};
  if (stat(database.c_str(), &file) == 0) folders.push_back("/dev/shm/fieldcast-" + std::to_string(file.st_uid));
  return folders;
}

tools::ExportOptions export_options(const ToolOptions& written, const std::string& database,
                                    const std::string& journal) {
  tools::ExportOptions options;
  options.database = database;
  options.journals = journal_folders(journal, database);
  auto filters = make_filter_set(written.topics, kToolFilters);
  if (!filters) throw Refused{"--topic: " + filters.problem().detail};
  options.filters = *filters;
  const std::int64_t now = SystemClock().wall_ms();
  const auto moment = [now](const char* name, const std::string& text) -> std::optional<std::int64_t> {
    if (text.empty()) return std::nullopt;
    const auto time = parse_moment(text, now);
    if (time) return time;
    throw Refused{std::string(name) + ": \"" + text +
                  "\" is no time: write RFC 3339 such as 2026-01-31T12:00:00Z, Unix milliseconds, or a span back such "
                  "as -10m (ms, s, m, h, d)"};
  };
  options.times = {moment("--start", written.start), moment("--end", written.end)};
  if (options.times.start && options.times.end && *options.times.start >= *options.times.end)
    throw Refused{"--start must be before --end: no reading can be in this range"};
  options.format = written.csv ? tools::Format::csv : tools::Format::ndjson;
  return options;
}

/// The address by which this machine reaches its own gateway: on loopback where it listens there.
std::string own_url(const Config::Server& server) {
  const auto reached = [](ListenAddress address) {
    if (address.host == "0.0.0.0") address = {"127.0.0.1", address.port, true};
    if (address.host == "::") address = {"::1", address.port, true};
    return address;
  };
  std::optional<ListenAddress> best;
  for (const ListenAddress& listen : server.listen) {
    const ListenAddress address = reached(listen);
    if (address.port != 0 && (!best || (address.loopback && !best->loopback))) best = address;
  }
  if (!best) throw Refused{"server.listen has no fixed port: name the address with --url"};
  return (server.tls.given() ? "https://" : "http://") + config::format_listen(*best);
}

bool wants_colours() {
  const char* const no_color = std::getenv("NO_COLOR");
  return isatty(STDOUT_FILENO) == 1 && (no_color == nullptr || *no_color == '\0');
}

bool show_status(const ToolOptions& written, const Config& config, std::ostream& out) {
  tools::StatusOptions options;
  options.colours = wants_colours();
  if (!written.url.empty()) {
    options.url = written.url;
    while (options.url.ends_with('/')) options.url.pop_back();
    if (!options.url.starts_with("http://") && !options.url.starts_with("https://"))
      throw Refused{"--url: \"" + written.url + "\" is no address: write it like http://127.0.0.1:8080"};
    options.trust.authorities = written.authorities;
  } else {
    options.url = own_url(config.server);
    options.trust.certificate = config.server.tls.certificate;
    options.database = config.storage.path;
  }
  return tools::show_status(options, out);
}

}  // namespace

int run_tool(const CommandLine& line, std::ostream& out, std::ostream& err) {
  std::signal(SIGPIPE, SIG_IGN);  // whoever reads may stop: `| head`
  LoadedConfig loaded;
  std::string database, journal;
  if (line.options.database.empty() && line.options.url.empty()) {
    loaded = load_config(line.file, ConfigFiles::leave);
    if (loaded.failed()) {
      print_problems(loaded.problems, line.file, err);
      return kExitConfig;
    }
    database = loaded.config.storage.path;
    journal = loaded.config.storage.journal;
  } else if (line.options.url.empty()) {
    database = std::filesystem::absolute(line.options.database).lexically_normal();
  }
  try {
    switch (line.tool) {
      case Tool::export_readings:
        return tools::export_readings(export_options(line.options, database, journal), STDOUT_FILENO, err)
                   ? 0
                   : kExitMachine;
      case Tool::check_database:
        return tools::check_database(database, out, isatty(STDERR_FILENO) == 1 ? &err : nullptr) ? 0 : kExitMachine;
      case Tool::status:
        return show_status(line.options, loaded.config, out) ? 0 : kExitMachine;
      case Tool::none:
        break;
    }
  } catch (const Refused& refused) {
    err << "fieldcast: " << refused.text << '\n';
  }
  return kExitConfig;
}

}  // namespace fieldcast

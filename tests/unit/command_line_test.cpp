#include "app/command_line.hpp"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "app/version.hpp"
#include "tests/support/temp_dir.hpp"

namespace fieldcast {
namespace {

struct Run {
  CommandLine line;
  std::string out, err;
};

Run parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "fieldcast");
  std::ostringstream out, err;
  auto line = parse_command_line(static_cast<int>(arguments.size()), arguments.data(), out, err);
  return {std::move(line), out.str(), err.str()};
}

TEST(CommandLine, TakesAConfigurationToRunWithOrToCheck) {
  const auto run = parse({"--config", "a.toml"});
  EXPECT_FALSE(run.line.exit);
  EXPECT_FALSE(run.line.check);
  EXPECT_EQ(run.line.file, "a.toml");
  EXPECT_EQ(parse({"--config=b.toml"}).line.file, "b.toml");

  const auto check = parse({"--check-config", "c.toml"});
  EXPECT_FALSE(check.line.exit);
  EXPECT_TRUE(check.line.check);
  EXPECT_EQ(check.line.file, "c.toml");
}

TEST(CommandLine, PrintsVersionAndHelp) {
  const auto version_run = parse({"--version"});
  EXPECT_EQ(version_run.line.exit, 0);
  EXPECT_EQ(version_run.out, "fieldcast " + std::string(version()) + "\n");

  const auto help = parse({"--help"});
  EXPECT_EQ(help.line.exit, 0);
  for (const char* part :
       {"--config FILE", "--check-config FILE", "--version", "Example:\n  fieldcast --check-config "}) {
    EXPECT_NE(help.out.find(part), std::string::npos) << part << " is not in\n" << help.out;
  }
  EXPECT_TRUE(help.err.empty());
}

TEST(CommandLine, TakesATool) {
  const auto run = parse({"export", "--config", "a.toml", "--topic", "a/#", "--topic", "b", "--start", "-10m", "--end",
                          "1764000000000", "--format", "csv"});
  EXPECT_FALSE(run.line.exit) << run.err;
  EXPECT_EQ(run.line.tool, Tool::export_readings);
  EXPECT_EQ(run.line.file, "a.toml");
  EXPECT_EQ(run.line.options.topics, (std::vector<std::string>{"a/#", "b"}));
  EXPECT_EQ(run.line.options.start, "-10m");
  EXPECT_EQ(run.line.options.end, "1764000000000");
  EXPECT_TRUE(run.line.options.csv);
  EXPECT_FALSE(parse({"export", "--database", "a.db", "--format", "ndjson"}).line.options.csv);
  EXPECT_EQ(parse({"check", "--database", "a.db"}).line.tool, Tool::check_database);
  EXPECT_EQ(parse({"check", "--database", "a.db"}).line.options.database, "a.db");
  EXPECT_EQ(parse({"status", "--url", "http://a"}).line.tool, Tool::status);
  EXPECT_EQ(parse({"status", "--config", "a.toml"}).line.file, "a.toml");
  for (const char* tool : {"export", "check", "status"}) {
    const auto help = parse({tool, "--help"});
    EXPECT_EQ(help.line.exit, 0);
    EXPECT_NE(help.out.find("Example:\n  fieldcast " + std::string(tool) + " --"), std::string::npos) << help.out;
    EXPECT_NE(help.out.find("Exit codes: 0"), std::string::npos) << help.out;
  }
}

TEST(CommandLine, RefusesEverythingElseWithTwo) {
  for (const std::vector<const char*>& arguments :
       std::vector<std::vector<const char*>>{{},
                                             {"--config"},
                                             {"--confg", "a"},
                                             {"--config", "a", "b"},
                                             {"a"},
                                             {"--config", "a", "--config", "b"},
                                             {"--config", "a", "--check-config", "b"},
                                             {"--password", "a"},
                                             {"export"},
                                             {"check"},
                                             {"status"},
                                             {"export", "--config", "a", "--database", "b"},
                                             {"export", "--database", "b", "--format", "xml"},
                                             {"export", "--database", "b", "--topic"},
                                             {"check", "--database", "a", "--topic", "b"},
                                             {"status", "--config", "a", "--url", "http://b"},
                                             {"status", "--config", "a", "--cacert", "b"},
                                             {"--config", "a", "check", "--database", "b"},
                                             {"check", "--database", "a", "export", "--database", "a"}}) {
    const auto run = parse(arguments);
    EXPECT_EQ(run.line.exit, kExitConfig) << run.out << run.err;
    EXPECT_TRUE(run.out.empty()) << run.out;
    EXPECT_FALSE(run.err.empty());
  }
}

TEST(CheckConfig, PrintsEachProblemAndExitsWithTwo) {
  const test::TempDir dir;
  const std::string file = dir.write("bad.toml", "[[mqtt]]\nqos = 3\nprobe = \"of\"\n");
  std::ostringstream out;
  EXPECT_EQ(check_config(file, out), kExitConfig);
  EXPECT_EQ(out.str(), file + ":2:7: mqtt.qos is out of range: it takes 0 to 2\n" + file +
                           ":3:9: mqtt.probe is \"of\": write \"auto\", \"on\" or \"off\"\n");
}

TEST(CheckConfig, SaysThatThereIsNoProblem) {
  const test::TempDir dir;
  std::ostringstream out;
  EXPECT_EQ(check_config(dir.write("good.toml", "[[mqtt]]\n"), out), 0);
  EXPECT_EQ(out.str(), "no problems\n");
}

TEST(CheckConfig, ExitsWithZeroForWarnings) {
  const test::TempDir dir;
  std::ostringstream out;
  EXPECT_EQ(check_config(dir.write("warn.toml", "[[mqtt]]\n[storage]\npath = \"none/fieldcast.db\"\n"), out), 0);
  EXPECT_NE(out.str().find("warn.toml:3:8: warning: "), std::string::npos) << out.str();
  EXPECT_EQ(out.str().find("no problems"), std::string::npos);
}

TEST(CheckConfig, TreatsAnEmptyFileNameAsAProblem) {
  const auto run = parse({"--check-config", ""});
  EXPECT_FALSE(run.line.exit);
  EXPECT_TRUE(run.line.check);
  std::ostringstream out;
  EXPECT_EQ(check_config(run.line.file, out), kExitConfig);
  EXPECT_EQ(out.str(), "the name of the configuration file is empty: write --config FILE\n");
}

}  // namespace
}  // namespace fieldcast

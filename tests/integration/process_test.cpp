// The program as a process: started twice, badly configured.
#include "tests/support/process.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/hall.hpp"
#include "tests/support/temp_dir.hpp"

namespace fieldcast::test {
namespace {

struct Ended {
  int code;
  std::string output;
};

/// Runs the program to its end; `{}` in the configuration is a directory of its own.
Ended run(const std::string& option, std::string config) {
  TempDir directory;
  while (config.find("{}") != std::string::npos) config.replace(config.find("{}"), 2, directory.path());
  Process process({program(), option, directory.write("fieldcast.toml", config)});
  const int code = process.wait_for_exit();
  return {code, process.output()};
}

/// A gateway beside the hall's.
std::string second_config(Hall& hall, const std::string& listen, const std::string& database,
                          const std::string& journal) {
  return "[server]\nlisten = [\"" + listen +
         "\"]\n[[mqtt]]\nurl = \"mqtt://127.0.0.1:" + std::to_string(hall.broker().port()) +
         "\"\nclient_id = \"second\"\n[storage]\npath = \"" + database + "\"\njournal = \"" + journal + "\"\n";
}

std::vector<std::string> lines_with(const std::string& text, const std::string& output) {
  std::vector<std::string> found;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);)
    if (line.find(text) != std::string::npos) found.push_back(line);
  return found;
}

TEST(PortInUse, IsOneClearLine) {
  Hall hall;
  const auto address = "127.0.0.1:" + std::to_string(hall.port());
  const auto ended = run("--config", second_config(hall, address, "{}/fieldcast.db", "{}/journal"));
  EXPECT_EQ(ended.code, 1) << ended.output;
  const auto lines = lines_with(address, ended.output);
  ASSERT_EQ(lines.size(), 1u) << ended.output;
  EXPECT_NE(lines[0].find("in use"), std::string::npos) << lines[0];
  EXPECT_TRUE(hall.open(Transport::poll, {{"a"}, "", ""})->batch().readings.empty()) << "the first is not disturbed";
}

TEST(DatabaseInUse, IsOneClearLine) {
  Hall hall;
  hall.publish("a", "1");
  const TempDir elsewhere;
  for (const std::string& journal : {hall.gateway().journal(), (elsewhere.path() / "journal").string()}) {
    const auto ended = run("--config", second_config(hall, "127.0.0.1:0", hall.gateway().database(), journal));
    EXPECT_EQ(ended.code, 1) << ended.output;
    const auto lines = lines_with("in use by another", ended.output);
    ASSERT_EQ(lines.size(), 1u) << ended.output;
  }
  hall.publish("a", "2");
  EXPECT_EQ(hall.open(Transport::poll, {{"a"}, "oldest", ""})->readings(2).back().payload, 2) << "the first goes on";
}

TEST(BadConfiguration, IsExitTwoWithEachProblemAndItsPlace) {
  const std::string config =
      "[server]\nlisten = [\"127.0.0.1:0\"]\nnmae = \"hall-3\"\n\n[limits]\npayload = \"many\"\n";
  for (const std::string option : {"--config", "--check-config"}) {
    const auto ended = run(option, config);
    EXPECT_EQ(ended.code, 2) << ended.output;
    for (const std::string part : {":3:1:", "nmae", "name", ":6:", "payload"})
      EXPECT_NE(ended.output.find(part), std::string::npos) << part << " in:\n" << ended.output;
  }
  EXPECT_EQ(run("--check-config", "[server]\nname = \"hall-3\"\n\n[[mqtt]]\nname = \"local\"\n").code, 0);
  EXPECT_EQ(run("--check-config", "[server\n").code, 2);
}

TEST(MissingConfiguration, IsExitTwo) {
  Process process({program(), "--config", "/nonexistent/fieldcast.toml"});
  EXPECT_EQ(process.wait_for_exit(), 2) << process.output();
  EXPECT_NE(process.output().find("/nonexistent/fieldcast.toml"), std::string::npos) << process.output();
}

TEST(NoBroker, IsNoReasonNotToServe) {
  Gateway gateway({.broker_port = free_port()});
  const auto batch = open_stream(Transport::poll, gateway.port(), {{"a"}, "", ""})->batch();
  EXPECT_TRUE(batch.readings.empty());
  gateway.terminate();
  EXPECT_EQ(gateway.process().wait_for_exit(Deadline(std::chrono::seconds(5))), 0);
}

}  // namespace
}  // namespace fieldcast::test

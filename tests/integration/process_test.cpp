// [C-4], [G-3]: the program as a process: killed, started twice, badly configured.
#include "tests/support/process.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <memory>
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

Ended run(const std::string& option, const std::string& config) {
  TempDir directory;
  Process process({program(), option, directory.write("fieldcast.toml", config)});
  const int code = process.wait_for_exit();
  return {code, process.output()};
}

TEST(Killed, ClientsAreToldAndSeeAllThatComesAfter) {
  constexpr int kReadings = 500;
  Hall hall;
  const auto topic = hall.topic();
  std::vector<std::unique_ptr<StreamClient>> clients;
  for (const auto transport : kTransports) {
    clients.push_back(hall.open(transport, {{topic}, "", ""}));
    clients.back()->batch();
  }
  for (int i = 0; i < kReadings; ++i) hall.publisher().send({topic, std::to_string(i)});
  for (const auto& client : clients) EXPECT_EQ(client->readings(kReadings).back().payload, kReadings - 1);

  hall.gateway().kill();
  hall.publisher().publish({topic, "-1"});  // the broker keeps it
  hall.gateway().start();
  hall.settle();
  for (std::size_t i = 0; i < clients.size(); ++i) {
    clients[i] = hall.open(kTransports[i], {{topic}, clients[i]->cursor(), ""});
    const auto batch = clients[i]->batch();
    ASSERT_TRUE(batch.gap) << batch.raw;
    EXPECT_EQ(batch.gap->reason, "unknown");
  }
  const auto kept = hall.open(Transport::poll, {{topic}, "oldest", ""})->batch_with_readings();
  EXPECT_EQ(kept.readings.back().payload, -1) << "published while the gateway was away";
  for (int i = 0; i < kReadings; ++i) hall.publisher().send({topic, std::to_string(i)});
  for (const auto& client : clients) {
    const auto readings = client->readings(kReadings);
    for (int i = 0; i < kReadings; ++i) EXPECT_EQ(readings[static_cast<std::size_t>(i)].payload, i);
  }
}

TEST(PortInUse, IsOneClearLine) {
  Hall hall;
  const auto address = "127.0.0.1:" + std::to_string(hall.port());
  const auto ended = run("--config", "[server]\nlisten = [\"" + address + "\"]\n[[mqtt]]\nurl = \"mqtt://127.0.0.1:" +
                                         std::to_string(hall.broker().port()) + "\"\nclient_id = \"second\"\n");
  EXPECT_EQ(ended.code, 1) << ended.output;
  std::vector<std::string> lines;
  std::istringstream output(ended.output);
  for (std::string line; std::getline(output, line);)
    if (line.find(address) != std::string::npos) lines.push_back(line);
  ASSERT_EQ(lines.size(), 1u) << ended.output;
  EXPECT_NE(lines[0].find("in use"), std::string::npos) << lines[0];
  EXPECT_TRUE(hall.open(Transport::poll, {{"a"}, "", ""})->batch().readings.empty()) << "the first is not disturbed";
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

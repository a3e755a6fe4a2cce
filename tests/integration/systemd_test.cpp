// The program as systemd runs it: what it tells, a loop that stands still, a disk that hangs, and a socket that is held
// for it.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/hall.hpp"
#include "tests/support/held_thread.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/listening_socket.hpp"
#include "tests/support/notify_socket.hpp"

namespace fieldcast::test {
namespace {

using namespace std::chrono_literals;

constexpr auto kWatchdog = 2'000ms;
const std::string kWatchdogVariable = "WATCHDOG_USEC=2000000";

std::string config_for(const TempDir& directory, const std::string& server) {
  return directory.write(
      "fieldcast.toml", "[server]\n" + server + "\n[[mqtt]]\nurl = \"" + mqtt_url(free_port()) +
                            "\"\n[storage]\npath = \"fieldcast.db\"\njournal = \"journal\"\nmemory_bytes = \"8MiB\"\n");
}

nlohmann::json degraded_now(const Hall& hall) {
  return nlohmann::json::parse(http_get(hall.port(), "/readyz").body).at("degraded");
}

// --- What it tells -------------------------------------------------------------------------------------------------

class Notify : public testing::TestWithParam<NotifySocket::Kind> {};

TEST_P(Notify, TellsThatItIsReadyWhenItIs) {
  NotifySocket systemd(GetParam());
  const TempDir directory;
  const auto port = free_port();
  const auto config = config_for(directory, "listen = [\"127.0.0.1:" + std::to_string(port) + "\"]");
  Process process({"/usr/bin/env", systemd.variable(), program(), "--config", config});
  systemd.wait_for("READY=1");
  EXPECT_EQ(systemd.messages().size(), 1u) << "it is the first that is told";
  EXPECT_EQ(http_get(port, "/readyz").status, 200);
  process.signal(SIGTERM);
  systemd.wait_for("STOPPING=1");
  EXPECT_EQ(process.wait_for_exit(), 0) << process.output();
  systemd.drain();
  EXPECT_EQ(systemd.messages().back(), "STOPPING=1\nSTATUS=stopping");
  for (const auto& message : systemd.messages())
    EXPECT_EQ(message.find("WATCHDOG"), std::string::npos) << "nobody asked for it";
}

INSTANTIATE_TEST_SUITE_P(Sockets, Notify, testing::Values(NotifySocket::Kind::path, NotifySocket::Kind::abstract));

TEST(Notified, WhatIsDegraded) {
  NotifySocket systemd;
  Hall hall({.environment = {systemd.variable()}});
  systemd.wait_for("READY=1");
  hall.broker().stop();
  const auto line = systemd.wait_for("STATUS=serving, degraded: broker local: not connected");
  EXPECT_EQ(line.find('\n'), std::string::npos) << line;
  hall.broker().start();
  while (systemd.wait_for("STATUS=") != "STATUS=serving") continue;
}

// --- A loop that stands still --------------------------------------------------------------------------------------

class Watchdog : public testing::TestWithParam<const char*> {};

TEST_P(Watchdog, StarvesWithALoopAndNoReadingIsLost) {
  constexpr int kReadings = 100;
  NotifySocket systemd;
  Hall hall({.server = "threads = 3\n", .environment = {systemd.variable(), kWatchdogVariable}});
  const auto start = hall.open(Transport::poll, {{"a"}, "", ""})->batch().cursor;
  for (int i = 0; i < 3; ++i) systemd.wait_for("WATCHDOG=1");

  // From here on this is systemd.
  HeldThread held(hall.gateway().process().pid(), GetParam());
  systemd.drain();
  const auto held_at = std::chrono::steady_clock::now();
  for (int i = 0; i < kReadings; ++i) hall.publisher().publish({"a", std::to_string(i)});
  hall.publisher().flush();
  auto fed_at = held_at;
  for (const Deadline deadline; systemd.comes("WATCHDOG=1", Deadline(kWatchdog));) {
    fed_at = std::chrono::steady_clock::now();
    ASSERT_GT(deadline.left_ms(), 0) << "it is fed on";
  }
  EXPECT_LT(fed_at - held_at, kWatchdog);
  hall.gateway().process().signal(SIGABRT);
  held.release();
  EXPECT_EQ(hall.gateway().process().wait_for_exit(), -SIGABRT);

  hall.gateway().start();
  hall.settle();
  const auto stream = hall.open(Transport::poll, {{"a"}, start, ""});
  for (int next = 0; next < kReadings;) {
    const auto batch = stream->batch();
    EXPECT_FALSE(batch.gap) << next;
    for (const auto& reading : batch.readings) {
      if (reading.redelivered && reading.payload < next) continue;
      ASSERT_EQ(reading.payload, next++);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(EachLoop, Watchdog, testing::Values("fieldcast", "fieldcast/1", "fieldcast/2"));

// --- A disk that hangs ---------------------------------------------------------------------------------------------

class HangingDisk : public testing::Test {
 protected:
  /// What holds of the hall's gateway while a thread of it waits for the disk, and afterwards.
  void expect_degraded() {
    for (const Deadline deadline; degraded_now(hall_).empty();) ASSERT_GT(deadline.left_ms(), 0);
    const auto found = degraded_now(hall_);
    ASSERT_EQ(found.size(), 1u) << found;
    EXPECT_EQ(found[0].at("what"), "storage");
    EXPECT_EQ(found[0].at("name"), hall_.gateway().database());
    EXPECT_NE(found[0].at("detail").get<std::string>().find("has not answered for "), std::string::npos) << found;
    EXPECT_EQ(http_get(hall_.port(), "/readyz").status, 200) << "streams are served";
    EXPECT_EQ(hall_.metric("fieldcast_storage_up"), 0);
    EXPECT_GE(hall_.metric("fieldcast_storage_waiting_seconds"), 5);
    systemd_.wait_for("STATUS=serving, degraded: storage ");
    hall_.gateway().process().wait_for_line("has not answered for ");
    systemd_.drain();
    for (int i = 0; i < 5; ++i) systemd_.wait_for("WATCHDOG=1");
  }
  void expect_well_again() {
    for (const Deadline deadline; !degraded_now(hall_).empty();) ASSERT_GT(deadline.left_ms(), 0);
    EXPECT_EQ(hall_.metric("fieldcast_storage_up"), 1);
    while (systemd_.wait_for("STATUS=") != "STATUS=serving") continue;
  }
  pid_t gateway() { return hall_.gateway().process().pid(); }

  NotifySocket systemd_;
  Hall hall_{{.storage = "commit_interval = \"20ms\"\nmemory_readings = 1\n",
              .environment = {systemd_.variable(), kWatchdogVariable}}};
};

TEST_F(HangingDisk, OfTheStoreThreadShowsInReadyzAndNotInTheWatchdog) {
  const auto stream = hall_.open(Transport::websocket, {{"a"}, "", ""});
  stream->batch();
  {
    const HeldThread held(gateway(), "fieldcast/store");
    hall_.publisher().publish({"a", "1"});
    EXPECT_EQ(stream->readings(1)[0].payload, 1) << "live delivery goes on";
    expect_degraded();
  }
  expect_well_again();
  hall_.wait_until_stored();
}

TEST_F(HangingDisk, OfTheReaderThreadShowsInReadyzAndNotInTheWatchdog) {
  for (const char* topic : {"a", "b", "b"}) hall_.publish(topic, "1");
  hall_.wait_until_stored();
  std::unique_ptr<StreamClient> replay;
  {
    const HeldThread held(gateway(), "fieldcast/read");
    replay = hall_.open(Transport::websocket, {{"a"}, "oldest", ""});
    expect_degraded();
  }
  EXPECT_EQ(replay->readings(1)[0].payload, 1);
  expect_well_again();
}

// --- A socket that is held for it ----------------------------------------------------------------------------------

TEST(SocketActivation, BeginsWithTheFirstClient) {
  const TempDir directory;
  const auto port = free_port(), unused = free_port();
  const auto config = config_for(directory, "listen = [\"127.0.0.1:" + std::to_string(unused) + "\"]");
  const auto address = "127.0.0.1:" + std::to_string(port);
  std::vector<std::string> command{SOCKET_ACTIVATE_PROGRAM, "-l", address};
  for (const char* variable : {"ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"})
    if (std::getenv(variable) != nullptr) command.insert(command.end(), {"-E", variable});
  command.insert(command.end(), {program(), "--config", config});
  Process process(std::move(command));
  process.wait_for_line("Listening on " + address);
  EXPECT_EQ(http_get(port, "/readyz").status, 200);
  process.wait_for_line("listening on http://" + address + ", a socket of systemd's, in the place of server.listen");
  EXPECT_THROW(http_get(unused, "/readyz"), std::system_error);
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait_for_exit(), 0) << process.output();
}

struct Refused {
  int code;
  std::string output;
};

Refused run_with(int inherited, const std::string& server) {
  const TempDir directory;
  Process process(activated({program(), "--config", config_for(directory, server)}), inherited);
  const int code = process.wait_for_exit();
  return {code, process.output()};
}

TEST(InheritedSocket, MustNotReachFurtherThanAnonymous) {
  const ListeningSocket everywhere("0.0.0.0");
  const auto refused = run_with(everywhere.fd(), "");
  EXPECT_EQ(refused.code, 2);
  EXPECT_EQ(std::count(refused.output.begin(), refused.output.end(), '\n'), 1) << refused.output;
  const auto address = "0.0.0.0:" + std::to_string(everywhere.port());
  EXPECT_NE(refused.output.find(address), std::string::npos) << refused.output;
  EXPECT_NE(refused.output.find("anonymous = \"read\""), std::string::npos) << refused.output;

  const TempDir directory;
  Process open(activated({program(), "--config", config_for(directory, "anonymous = \"read\"")}), everywhere.fd());
  open.wait_for_line("listening on http://" + address);
  EXPECT_EQ(http_get(everywhere.port(), "/readyz").status, 200);
}

TEST(InheritedSocket, MustListen) {
  const int one = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
            other = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
            datagrams = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  for (const int fd : {one, other, datagrams}) {
    const auto refused = run_with(fd, "");
    close(fd);
    EXPECT_EQ(refused.code, 1);
    EXPECT_EQ(std::count(refused.output.begin(), refused.output.end(), '\n'), 1) << refused.output;
    EXPECT_NE(refused.output.find("no TCP socket that listens"), std::string::npos) << refused.output;
  }
}

/// Clients that connect, ask and leave, again and again, each in turn by each way to ask.
class ConnectingClients {
 public:
  ConnectingClients(std::uint16_t port, int clients) : rounds_of_(static_cast<std::size_t>(clients / kOfOneThread)) {
    for (auto& rounds : rounds_of_) threads_.emplace_back([this, port, &rounds] { ask_on(port, rounds); });
  }
  ~ConnectingClients() { stop(); }

  /// Waits until every client has been answered `rounds` times more.
  void wait_for_rounds(int rounds) {
    std::vector<int> before(rounds_of_.begin(), rounds_of_.end());
    const Deadline deadline;
    for (std::size_t i = 0; i < before.size(); ++i)
      while (rounds_of_[i] < before[i] + rounds && faults().empty())
        if (deadline.left_ms() == 0) throw TimedOut("clients are not answered");
  }
  void stop() {
    stopping_ = true;
    for (auto& thread : threads_)
      if (thread.joinable()) thread.join();
  }
  std::vector<std::string> faults() {
    const std::lock_guard lock(mutex_);
    return faults_;
  }

 private:
  static constexpr int kOfOneThread = 10;

  void ask_on(std::uint16_t port, std::atomic<int>& rounds);

  std::vector<std::atomic<int>> rounds_of_;  // by thread
  std::vector<std::thread> threads_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::vector<std::string> faults_;
};

void ConnectingClients::ask_on(std::uint16_t port, std::atomic<int>& rounds) {
  const std::vector<std::string> targets{"/healthz", "/v1/poll?topic=a", "/", "/v1/topics", "/metrics"};
  std::size_t asked = 0;
  try {
    while (!stopping_) {
      std::vector<std::unique_ptr<HttpConnection>> connections;
      for (int i = 0; i < kOfOneThread; ++i) connections.push_back(std::make_unique<HttpConnection>(port));
      for (const auto& connection : connections) connection->send(Request{targets[asked++ % targets.size()], {}});
      for (const auto& connection : connections) {
        const auto answer = connection->read();
        const bool sent_away = answer.status == 503 && answer.header("retry-after");
        if (answer.status != 200 && !sent_away) throw std::runtime_error("status " + std::to_string(answer.status));
      }
      ++rounds;
    }
  } catch (const std::exception& error) {
    const std::lock_guard lock(mutex_);
    faults_.push_back(error.what());
  }
}

TEST(SocketActivation, ARestartRefusesAndResetsNoClient) {
  const ListeningSocket listening;
  Mosquitto broker;
  Gateway gateway({.broker_port = broker.port(), .inherited = listening.fd()});
  ASSERT_EQ(gateway.port(), listening.port());
  ConnectingClients clients(listening.port(), 200);
  for (int i = 0; i < 3; ++i) {
    clients.wait_for_rounds(2);
    gateway.terminate();
    EXPECT_EQ(gateway.process().wait_for_exit(), 0) << gateway.process().output();
    gateway.start();
  }
  clients.wait_for_rounds(2);
  clients.stop();
  EXPECT_EQ(clients.faults(), std::vector<std::string>{});
}

TEST(SocketActivation, WhoeverConnectsWhileNobodyServesWaits) {
  const ListeningSocket listening;
  Gateway gateway({.broker_port = free_port(), .inherited = listening.fd()});
  gateway.terminate();
  EXPECT_EQ(gateway.process().wait_for_exit(), 0);
  HttpConnection early(listening.port());
  early.send(Request{"/healthz", {}});
  gateway.start();
  EXPECT_EQ(early.read().status, 200);
}

}  // namespace
}  // namespace fieldcast::test

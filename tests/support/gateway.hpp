// The real gateway as a process of its own, with configuration and database in a directory of its own, and its journal
// in another one in memory. Its members belong to the test's main thread; port() to any.
#pragma once

#include <signal.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/process.hpp"
#include "tests/support/socket.hpp"
#include "tests/support/temp_dir.hpp"

namespace fieldcast::test {

class Gateway {
 public:
  /// A broker besides the first.
  struct Broker {
    std::string name;
    std::string url;
    std::string more{};  // further lines of its [[mqtt]]
  };
  struct Options {
    std::uint16_t broker_port = 0;
    std::string name = "hall-3";
    std::string topics = R"(["$hall/#", "#"])";  // TOML; subscribed in this order: what `#` brings proves both
    std::uint16_t port = 0;                      // 0: the kernel chooses; a restart keeps it
    // Further lines of the sections. Those of [storage] may name another path or journal.
    std::string server{}, mqtt{}, storage{}, limits{};
    std::vector<Broker> more_brokers{};
    std::vector<std::string> environment{};  // "NAME=value", besides what the test's own has
    std::vector<std::string> runner{};       // a command that runs the program
    int inherited = -1;                      // a socket that it is handed as systemd does; it listens
    std::string authority{};  // of its certificate, a PEM file: `server` has keys with which it speaks TLS
  };

  /// Starts the program and waits until it says that streams can be served.
  explicit Gateway(Options options);

  std::uint16_t port() const { return port_; }
  Peer peer() const { return {port_, options_.authority}; }
  /// The database's file, and the directory of the journal, where the options name no other.
  std::string database() const { return directory_.path() / "fieldcast.db"; }
  std::string journal() const { return memory_.path() / "journal"; }
  Process& process() { return *process_; }

  void terminate() { process_->signal(SIGTERM); }
  /// kill -9, and waits for the end.
  void kill();
  /// Starts again, on the same port, with the same database and journal; the old process must be gone.
  void start();
  /// Deletes the journal, as a reboot of the machine does; the process must be gone.
  void lose_journal();

 private:
  std::string broker_table(const std::string& name, const std::string& url, const std::string& more) const;

  Options options_;
  TempDir directory_, memory_{"/dev/shm"};
  std::uint16_t port_ = 0;
  std::unique_ptr<Process> process_;
};

/// The program under test.
std::string program();

/// The command that runs `command` with its descriptor 3 handed over as systemd does.
std::vector<std::string> activated(std::vector<std::string> command);

/// The URL of a broker on this machine.
std::string mqtt_url(std::uint16_t port);

}  // namespace fieldcast::test

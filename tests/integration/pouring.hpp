// Readings that pour in as fast as the broker acknowledges them, and clients that read them on threads of their own
// until a last reading that all of them match. Used by the test's main thread.
#pragma once

#include <gtest/gtest.h>

#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/checker.hpp"
#include "tests/support/hall.hpp"

namespace fieldcast::test {

/// How many readings pour in: FIELDCAST_READINGS, where it is set to more than the usual number, which is enough to
/// begin several blocks on disk.
std::size_t poured_readings();

inline constexpr const char* kLastTopic = "hall/press-1/temperature";

/// How much of the log is in memory, and how many threads serve the clients.
struct Setting {
  bool on_disk = false;  // next to nothing is in memory once it is on disk, so that who comes back is served from there
  int threads = 1;

  Gateway::Options options() const {
    return {.server = "threads = " + std::to_string(threads) + "\n",
            .storage = on_disk ? "memory_readings = 64\ncommit_interval = \"20ms\"\n" : ""};
  }
};

/// A test over several.
class OverSettings : public ::testing::TestWithParam<Setting> {};
inline std::string setting_name(const ::testing::TestParamInfo<Setting>& info) {
  return (info.param.on_disk ? "OnDiskOn" : "InMemoryOn") + std::to_string(info.param.threads);
}

/// Several publishers that take turns.
class Pour {
 public:
  explicit Pour(std::uint16_t broker_port);

  /// Publishes so many, and returns when all of them are acknowledged.
  void readings(int count);
  /// Publishes so many whether the broker is there or not: at most what the publishers hold for it.
  void at_once(int count);
  /// Publishes on a thread of its own, until end().
  void start();
  /// Waits for all acknowledgements, and publishes the reading that ends every client. Throws what the thread threw.
  void end();

  const Checker& checker() const { return checker_; }

 private:
  void send_one();

  Checker checker_;
  std::vector<std::unique_ptr<Publisher>> publishers_;
  int sent_ = 0;
  std::exception_ptr failed_;
  std::jthread thread_;
};

/// True for the reading that ends every client.
bool is_last(const Reading& reading);

/// Reads to the end of the pour. Throws where a gap comes or the stream ends.
std::vector<Reading> read_to_last(StreamClient& stream);

/// A client on a thread of its own.
template <class Seen = std::vector<Reading>>
class Client {
 public:
  explicit Client(std::function<Seen()> work)
      : thread_([this, work = std::move(work)] {
          try {
            seen_ = work();
          } catch (...) {
            failed_ = std::current_exception();
          }
        }) {}

  /// Waits for it. Throws what it threw.
  const Seen& seen() {
    if (thread_.joinable()) thread_.join();
    if (failed_) std::rethrow_exception(failed_);
    return seen_;
  }

 private:
  Seen seen_;
  std::exception_ptr failed_;
  std::jthread thread_;
};

/// Twelve clients: four on each transport, each of the four with other filters, which overlap.
inline constexpr std::size_t kClients = 12;
const std::vector<std::string>& filters_of(std::size_t client);
/// Where it begins, and where it goes on after a cut: another one.
Transport first_transport(std::size_t client);
Transport second_transport(std::size_t client);

/// The part of the log that a client is to see.
std::vector<Reading> part_of(const std::vector<Reading>& log, const std::vector<std::string>& filters);

}  // namespace fieldcast::test

// Readings that pour in at a steady rate, and clients that read them on threads of their own until a last
// reading that all of them match. Used by the test's main thread.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/checker.hpp"
#include "tests/support/hall.hpp"

namespace fieldcast::test {

inline constexpr int kRate = 1'000;  // readings a second, of all publishers together
inline constexpr const char* kLastTopic = "hall/press-1/temperature";

/// Several publishers that take turns.
class Pour {
 public:
  explicit Pour(std::uint16_t broker_port);

  /// Publishes so many, at kRate.
  void readings(int count);
  /// Publishes so many at once, whether the broker is there or not: at most what the publishers hold for it.
  void at_once(int count);
  /// Waits for all acknowledgements, and publishes the reading that ends every client.
  void end();

  const Checker& checker() const { return checker_; }

 private:
  void send_one();

  Checker checker_;
  std::vector<std::unique_ptr<Publisher>> publishers_;
  int sent_ = 0;
};

/// True for the reading that ends every client.
bool is_last(const Reading& reading);

/// Reads to the end of the pour. Throws where a gap comes or the stream ends.
std::vector<Reading> read_to_last(StreamClient& stream);

/// A client on a thread of its own.
class Client {
 public:
  explicit Client(std::function<std::vector<Reading>()> work);
  /// Waits for it. Throws what it threw.
  const std::vector<Reading>& seen();

 private:
  std::vector<Reading> seen_;
  std::exception_ptr failed_;
  std::jthread thread_;
};

}  // namespace fieldcast::test

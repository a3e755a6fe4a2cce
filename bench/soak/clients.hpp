// Clients of all kinds, read by one thread with one epoll set, each held against what it must see: every reading of its
// part, byte for byte, once, in order, and no gap. Of each ten, by number: four WebSockets, two event streams, two that
// poll, one that comes and goes, on another transport each time, and one that reads nothing for up to 20 s, catches
// up, and so on. Their filters differ too: everything, a kind of sensor, a hall, parts of two halls.
//
// Owned by the main thread, which calls everything; the reading thread runs from the start to the end of the object.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "bench/soak/readings.hpp"
#include "bench/wire.hpp"
#include "tests/support/deadline.hpp"

namespace fieldcast::soak {

class Clients {
 public:
  struct Counts {
    std::uint64_t readings = 0;  // delivered
    std::uint64_t returns = 0;   // connections of those that came back
    std::uint64_t rests = 0;     // times that a slow one read nothing
  };

  /// Connects them, and waits until each has its first batch. The readings outlive the object.
  Clients(const Readings& readings, std::uint16_t port, std::size_t count);
  ~Clients();
  Clients(const Clients&) = delete;
  Clients& operator=(const Clients&) = delete;

  /// Throws what is wrong with a client, if something is.
  void check() const;

  /// Readings below `total` were published, and no more are: waits until each client has seen its part. Throws what is
  /// wrong with one, and TimedOut.
  void finish(std::uint32_t total, test::Deadline deadline);

  Counts counts() const;

 private:
  using Time = std::chrono::steady_clock::time_point;
  enum class Habit { steady, roams, rests };
  struct Client {
    const Part* part = nullptr;
    bench::Wire wire{};
    Habit habit = Habit::steady;
    int fd = -1;             // -1: away
    bool head_read = false;  // of the stream's answer
    bool resting = false;    // reads nothing
    Time change_at{};        // roams: when it comes or goes; rests: when it begins or ends
    std::string rest{};      // of a frame that has not come whole
    std::string cursor{};    // of the last batch
    std::uint32_t next = 0;  // reading that is to come
    std::uint64_t last_seq = 0;
  };

  void run(std::stop_token stop);
  void turn();
  bool all_have_begun() const;
  bool all_are_done(std::uint32_t total) const;
  void change(std::size_t index, Time now);
  void connect(std::size_t index);
  void ask(Client& client) const;
  void watch(int operation, std::size_t index) const;
  void read(std::size_t index);
  std::size_t take_frame(std::size_t index, std::string_view bytes);
  void take_batch(std::size_t index, std::string_view batch);
  void take_readings(std::size_t index, std::string_view text);
  const std::string& wire_of(std::uint32_t n);
  std::chrono::milliseconds between(int from_ms, int to_ms);
  [[noreturn]] void fail(std::size_t index, const std::string& what) const;

  const Readings& readings_;
  const std::uint16_t port_;
  const int epoll_;
  std::map<std::vector<std::string>, Part> parts_;
  std::mt19937 random_{1};
  std::vector<char> buffer_;
  std::array<std::pair<std::uint32_t, std::string>, 8192> wires_;  // of the latest readings
  std::atomic<bool> ended_{false};                                 // nothing is published any more: all stay, and read

  mutable std::mutex mutex_;  // the reading thread holds it in its turns
  std::condition_variable_any changed_;
  std::vector<Client> clients_;
  std::uint32_t newest_ = 0;  // reading that any of them has seen
  Counts counts_;
  std::exception_ptr failed_;

  std::jthread thread_;
};

}  // namespace fieldcast::soak

// The commands for one broker: those that wait, and those that it has not acknowledged yet.
//
// Owned by the CommandRouter. publish() may be called by any thread; a thread of its own connects when a command comes,
// publishes, waits for the acknowledgements, and hangs up when no command has come for a while: so a gateway that only
// reads keeps no second connection. Promises that each command is done exactly once, within kPublishTime and a moment,
// and that none is sent after it was done. What is open is bounded in number and bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "adapters/mqtt/resolver.hpp"
#include "adapters/mqtt/settings.hpp"
#include "gateway/clock.hpp"
#include "gateway/counters.hpp"
#include "gateway/event.hpp"
#include "gateway/limits.hpp"
#include "gateway/publisher.hpp"

namespace fieldcast::mqtt {

class CommandConnection;

/// What became of the commands for one broker since the start.
struct CommandCounts {
  std::uint64_t open = 0;        // now: those that have no answer yet
  std::uint64_t open_bytes = 0;  // now: of their payloads
  std::uint64_t published = 0;
  std::array<std::uint64_t, kCodes> failed{};  // by code
};

class Commands {
 public:
  /// The clock outlives it; the settings have no faults.
  Commands(Settings settings, const Clock& clock, Resolver::LookUp look_up = mqtt::look_up);
  ~Commands();
  Commands(const Commands&) = delete;
  Commands& operator=(const Commands&) = delete;

  /// Begins to serve. Once. Throws where a thread cannot be had.
  void start();

  /// Begins what stop() does and waits for.
  void request_stop();

  /// What waits is done as `stopping`, what is on its way as `timeout`. Takes a moment. May be called again.
  void stop();

  /// As Publisher::publish(). The command's topic begins with the broker's prefix, and is longer.
  void publish(std::shared_ptr<Publication> publication, Wakeup& asker);

  /// Counts a command for this broker that cannot be published, and answers it.
  void refuse(Publication& publication, Wakeup& asker, Problem problem);

  /// Any thread.
  CommandCounts counts() const;

 private:
  struct Open {
    std::shared_ptr<Publication> publication;
    Wakeup* asker;
    Instant deadline;
    int packet_id = 0;  // once it was sent
  };

  // The command thread.
  void run(const std::stop_token& stop) noexcept;
  std::unique_ptr<CommandConnection> connect(const std::stop_token& stop, std::string& reason);
  void serve(CommandConnection& connection, const std::stop_token& stop);
  void send_waiting(CommandConnection& connection);
  bool take_acknowledgements(CommandConnection& connection);
  void turn(CommandConnection& connection, Instant until);
  void fail_all(std::deque<Open>& commands, const Problem& problem);
  void report(Event event, const std::string& reason);

  std::deque<Open> take_waiting();
  bool any_waits() const;
  void wake();
  void finish(Open& open, std::optional<Problem> problem);

  const Settings settings_;
  const Clock& clock_;
  const std::string label_;  // as lines of the log begin
  const int wake_fd_;        // an eventfd

  // The command thread's; stop()'s once it has ended.
  Resolver resolver_;
  std::deque<Open> sent_;  // oldest first
  std::string reported_;   // the failure that was logged last

  Counter published_;
  std::array<Counter, kCodes> failed_;

  mutable std::mutex mutex_;  // held for moments, never while anything is called
  std::deque<Open> waiting_;  // oldest first
  std::size_t open_ = 0, open_bytes_ = 0;
  bool stopped_ = false;

  std::jthread thread_;
};

}  // namespace fieldcast::mqtt

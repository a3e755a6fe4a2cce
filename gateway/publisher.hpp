// Port: commands on their way back to a broker. Implemented in adapters/mqtt.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "gateway/problem.hpp"
#include "gateway/wakeup.hpp"

namespace fieldcast {

/// What a client wants published. `topic` is as the log has it: the prefix of its broker comes off.
struct Command {
  std::string topic;
  std::string payload;  // the bytes that go out
  int qos = 1;          // 1 or 2
  bool retain = false;
  std::optional<std::string> broker;  // by name; may be left out where exactly one broker's prefix fits
};

/// A command under way. The asker fills in the command; the rest is the publisher's until `done`, and the asker's from
/// then on.
struct Publication {
  Command command;
  std::optional<Problem> problem;  // why it was not published, or may not have been (`timeout`); empty: acknowledged
  std::atomic<bool> done{false};
};

class Publisher {
 public:
  virtual ~Publisher() = default;

  /// Hands a command over. Never waits; any thread. `asker` is woken when it is done, maybe before this returns, and
  /// within kPublishTime and a moment; it lives until the publisher's threads have stopped.
  ///
  /// Without a problem: the broker has acknowledged it (PUBACK, or PUBCOMP at QoS 2). `bad_message`: the topic is no
  /// topic name, or of no broker, or of several; `too_large`: over limits.payload or what the broker takes;
  /// `no_broker`: there is no connection, nothing was sent; `too_many`: too many commands wait; `refused`: by the
  /// broker, with its reason code; `timeout`: no answer came, or the connection went before it: it may have been
  /// published, and is not sent again; `stopping`: nothing was sent.
  virtual void publish(std::shared_ptr<Publication> publication, Wakeup& asker) = 0;
};

}  // namespace fieldcast

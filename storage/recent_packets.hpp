// The MQTT packet identifiers of the last messages of one broker in the log: what tells, when the broker sends a
// message again, whether it is there already. Each connection counts its own, so that those of another broker say
// nothing.
//
// A broker that counts its identifiers up uses none again before 65,534 others. So a message that comes again, with the
// identifier and the content of one of the last, is that one. One that takes the lowest free identifier may use it
// again at once, and proves nothing; but it never gets past the receive maximum. So the last identifiers prove
// something as far back as they follow each other without a hole, where any of them is larger than the receive maximum.
//
// Not safe for threads by itself: the log guards it. Owned by the log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>

namespace fieldcast {

class RecentPackets {
 public:
  /// `receive_maximum`: of the broker's connection; it sends no more than so many messages again.
  explicit RecentPackets(std::size_t receive_maximum) : receive_maximum_(receive_maximum) {}

  /// A message with this identifier, not 0, is in the log at `seq`.
  void note(std::uint16_t id, std::uint64_t seq);

  /// A connection begins, to this broker. Where the broker resumed its session, it may send again what was noted so
  /// far; a new session has its own identifiers.
  void connected(bool session_resumed);

  struct Former {
    std::uint64_t seq = 0;
    bool counted_up = false;  // the same content proves that it is the same message
  };
  /// The message of before this connection that had the identifier. Each is told once: then it is in use again.
  std::optional<Former> take(std::uint16_t id);

 private:
  struct Packet {
    std::uint16_t id;
    std::uint64_t seq;
  };

  const std::size_t receive_maximum_;
  std::deque<Packet> packets_;  // at most receive_maximum_, oldest first
  std::unordered_map<std::uint16_t, Former> former_;
};

}  // namespace fieldcast

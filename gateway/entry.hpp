// One entry of the log: a reading, or a change of a broker link. Plain values; the strings of an Entry
// are views, and whoever hands it out says how long they live.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fieldcast {

/// How an entry's payload goes into a batch. Decided once, where the message comes in.
enum class Kind : std::uint8_t {
  json,     // the payload is JSON without white space between tokens; it is embedded as it is
  text,     // valid UTF-8, goes out as a JSON string with "encoding":"text"
  binary,   // anything else, goes out in base64
  omitted,  // longer than limits.payload: not kept, only its size
  link,     // no reading: a link entry; it has no topic, and its payload is the gateway's name
};

enum class LinkState : std::uint8_t { down, up };

// Of a broker's name: more would not fit the journal's record, and none needs as many.
inline constexpr std::size_t kBrokerNameBytes = 64;

/// What the log is given. Seq and time are the log's to give.
struct NewEntry {
  Kind kind = Kind::text;
  bool retained = false;              // the broker had stored it
  bool redelivered = false;           // the broker sent it again, and it may be in the log already
  bool session_resumed = false;       // link entries that are up: the broker still had our session
  LinkState state = LinkState::down;  // link entries only
  std::string_view broker;            // the name of the connection that it came over; at most kBrokerNameBytes
  std::string_view topic;             // link entries: empty
  std::string_view payload;           // link entries: the gateway's name
  std::uint64_t size = 0;             // omitted: the payload's length in bytes
  std::uint8_t qos = 0;               // readings: the quality of service it came with
  std::uint16_t packet_id = 0;        // readings: the MQTT packet identifier, 0 with QoS 0
};

struct Entry : NewEntry {
  std::uint64_t seq = 0;
  std::int64_t time = 0;  // Unix ms, the gateway's clock when it came in
};

inline bool is_link(const NewEntry& e) {
  return e.kind == Kind::link;
}

}  // namespace fieldcast

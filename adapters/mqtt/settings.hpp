// What an operator says about one broker, and what the log knows of its past. Plain values, checked by the
// configuration, copied into the Broker, never changed afterwards.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fieldcast::mqtt {

struct Settings {
  /// What readings, link entries, lines of the log and metrics call the broker. Not empty, at most kBrokerNameBytes.
  std::string name = "local";
  /// A name, or an address without brackets.
  std::string host = "127.0.0.1";
  std::uint16_t port = 1883;
  /// PEM files. The broker's certificate must come from an authority in `ca` (empty: from one that the system trusts)
  /// and be for `host`.
  struct Tls {
    std::string ca;
    std::string certificate, key;  // what we show to a broker that asks; both are empty, or none
  };
  /// Not set: none is spoken.
  std::optional<Tls> tls;
  /// Names the session that the broker keeps for us: unique among its clients, the same after a restart. Not empty,
  /// without `+` and `#`, since it is the last level of the probe's topic.
  std::string client_id;
  /// Topic filters without fault, at least one. No two may overlap: a broker may send what matches both twice.
  std::vector<std::string> topics = {"#"};
  /// Filters of former configurations, none of them in `topics`: a session that the broker resumed may still have them,
  /// so each is unsubscribed from there. As many as the log remembers.
  std::vector<std::string> former_topics;
  /// 0: at most once; 1: at least once, an acknowledgement a message; 2: exactly once on the wire, two round trips.
  int qos = 1;
  /// Put before this broker's topics in the log. Costs its length in every reading.
  std::string prefix;
  /// The log knows no topic's latest reading, so all retained messages are wanted once. Otherwise only those of a
  /// subscription that is new to the session: what changed meanwhile is in its queue.
  bool log_is_empty = false;
  /// How long the broker keeps the session, and queues for it, after the connection ended; it pays with its memory.
  std::chrono::seconds session_expiry{3600};
  /// The longest silence. A broker that is gone without a word is noticed after up to twice this; each costs two small
  /// packets.
  std::chrono::seconds keep_alive{15};
  /// Messages of QoS 1 and 2 that the broker may send ahead of their acknowledgement, 1 to 65,535. As many may come
  /// again after a crash.
  std::uint32_t receive_maximum = 500;
  /// Bytes of the largest MQTT packet that the broker may send; it drops a larger one without a word. Bounds our
  /// memory.
  std::uint32_t maximum_packet_size = 16u << 20;
  /// Empty: none is sent.
  std::string user;
  /// Bytes; empty: none is sent. Never logged.
  std::string password;
  /// Whether to send ourselves a small message twice a second: it keeps Paho's receive thread from its naps of 100 ms
  /// and shows that the link lives in both directions. Not set: where the broker is on this machine.
  std::optional<bool> probe;
};

/// Topics that begin so are probes of gateways, this one's or another's: never readings.
inline constexpr std::string_view kProbePrefix = "fieldcast/probe/";

/// `fieldcast/probe/<client_id>`.
inline std::string probe_topic(const Settings& settings) {
  return std::string(kProbePrefix) + settings.client_id;
}

/// Under which commands are published, over a connection of their own.
inline std::string commands_client_id(const std::string& client_id) {
  return client_id + "-commands";
}

}  // namespace fieldcast::mqtt

// One MQTT 5 connection that only publishes: libmosquitto, behind one door. The only header that names it.
//
// Not Paho, which frees a message of QoS 1 or 2 twice where its first write fails, as it does when a broker goes (its
// issue 1622, in the versions of Debian 12 and 13). The session begins and ends with the connection: so nothing is sent
// again after it, no packet id of another one can stand in the way, and a command that a broker answers by hanging up
// costs no reading.
//
// Owned and driven by one thread, its broker's command thread; libmosquitto has none here. Nothing is thrown through
// it.
#pragma once

#include <mosquitto.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/mqtt/settings.hpp"
#include "gateway/publisher.hpp"

namespace fieldcast::mqtt {

/// The broker's word on a message.
struct Acknowledgement {
  int packet_id;
  std::uint8_t reason_code;  // of its PUBACK, PUBREC or PUBCOMP
};

// Reason codes from here on are refusals (MQTT 5 section 2.4).
inline constexpr int kFirstRefusal = 0x80;

/// The name of a reason code, and its number.
std::string reason_text(int code);

class CommandConnection {
 public:
  /// Begins to connect, as `<client_id>-commands`. The address is numeric, without brackets. Over TLS libmosquitto
  /// needs the name that the broker's certificate is for, and looks it up again: then only the address's family counts.
  CommandConnection(const Settings& settings, const std::string& address);
  /// Says DISCONNECT where that is possible without waiting.
  ~CommandConnection();
  CommandConnection(const CommandConnection&) = delete;
  CommandConnection& operator=(const CommandConnection&) = delete;

  /// The broker has accepted the connection.
  bool up() const { return up_; }
  /// Why the connection is at its end; empty until then.
  const std::string& error() const { return error_; }

  /// To be polled for reading, and where wants_write() for writing; then work() is called, and once a second at least,
  /// since it looks after the keep-alive too.
  int socket() const { return mosquitto_socket(client_.get()); }
  bool wants_write() const { return !reached_ || mosquitto_want_write(client_.get()); }
  void work(bool can_read, bool can_write);

  /// How many messages may be without an acknowledgement at once.
  std::size_t window() const { return window_; }
  /// Why no such message can be sent, also by what the broker said in its CONNACK: `bad_message`, `too_large`,
  /// `refused`.
  std::optional<Problem> fault(const std::string& topic, const Command& command) const;
  /// Sends, where fault() has none, and returns the packet id. Only while up.
  int publish(const std::string& topic, const Command& command);
  /// Those that came since the last call.
  std::vector<Acknowledgement> take_acknowledgements();

 private:
  struct Destroy {
    void operator()(mosquitto* client) const { mosquitto_destroy(client); }
  };

  void on_connack(int reason_code, const mosquitto_property* properties) noexcept;
  void check(int result) noexcept;

  bool reached_ = false;  // over TCP, or it failed
  bool up_ = false;
  std::string error_;
  std::vector<Acknowledgement> acknowledgements_;
  std::size_t window_;
  std::uint32_t maximum_packet_size_;
  std::uint8_t maximum_qos_ = 2;
  std::uint8_t retain_available_ = 1;
  std::unique_ptr<mosquitto, Destroy> client_;
};

}  // namespace fieldcast::mqtt

#include "adapters/mqtt/command_connection.hpp"

#include <mqtt_protocol.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <new>
#include <system_error>
#include <utility>

namespace fieldcast::mqtt {
namespace {

// libmosquitto sends no more than so many ahead of their acknowledgement, unless told otherwise.
constexpr std::uint16_t kWindow = 20;
// The largest packet that MQTT can name (section 1.5.5): its remaining length, and five bytes before it.
constexpr std::uint32_t kLargestPacket = 268'435'455 + 5;

/// Of a PUBLISH with a packet id and without properties (sections 2.1.4 and 3.3).
std::size_t packet_size(const std::string& topic, const std::string& payload) {
  const std::size_t remaining = 2 + topic.size() + 2 + 1 + payload.size();
  std::size_t size = 2 + remaining;
  for (std::size_t rest = remaining >> 7; rest != 0; rest >>= 7) ++size;
  return size;
}

const char* text_or_null(const std::string& text) {
  return text.empty() ? nullptr : text.c_str();
}

}  // namespace

std::string reason_text(int code) {
  char number[16];
  std::snprintf(number, sizeof number, " (0x%02X)", static_cast<unsigned>(code));
  return mosquitto_reason_string(code) + std::string(number);
}

CommandConnection::CommandConnection(const Settings& settings, const std::string& address)
    : window_(kWindow), maximum_packet_size_(kLargestPacket) {
  static const int initialised = mosquitto_lib_init();
  check(initialised);
  client_.reset(mosquitto_new(commands_client_id(settings.client_id).c_str(), true, this));
  if (!client_) throw std::bad_alloc();
  mosquitto* const client = client_.get();
  mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
  mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
  mosquitto_connect_v5_callback_set(
      client, [](mosquitto*, void* self, int reason_code, int, const mosquitto_property* properties) {
        static_cast<CommandConnection*>(self)->on_connack(reason_code, properties);
      });
  mosquitto_publish_v5_callback_set(
      client, [](mosquitto*, void* self, int packet_id, int reason_code, const mosquitto_property*) noexcept {
        static_cast<CommandConnection*>(self)->acknowledgements_.push_back(
            {packet_id, static_cast<std::uint8_t>(reason_code)});
      });
  mosquitto_disconnect_v5_callback_set(client, [](mosquitto*, void* self, int reason_code,
                                                  const mosquitto_property*) noexcept {
    if (reason_code >= kFirstRefusal)
      static_cast<CommandConnection*>(self)->error_ = "the broker ended the connection: " + reason_text(reason_code);
  });
  if (settings.password.find('\0') != std::string::npos) {
    error_ = "a password with a NUL can be used for readings only";
    return;
  }
  check(mosquitto_username_pw_set(client, text_or_null(settings.user), text_or_null(settings.password)));
  if (settings.tls) {
    const Settings::Tls& tls = *settings.tls;
    check(mosquitto_tls_set(client, text_or_null(tls.ca), tls.ca.empty() ? X509_get_default_cert_dir() : nullptr,
                            text_or_null(tls.certificate), text_or_null(tls.key), nullptr));
  }
  if (!error_.empty()) return;
  const int keep_alive = static_cast<int>(settings.keep_alive.count());
  if (!settings.tls) {
    check(mosquitto_connect_async(client, address.c_str(), settings.port, keep_alive));
    return;
  }
  const char* const any_of_its_family = address.find(':') == std::string::npos ? "0.0.0.0" : "::";
  check(mosquitto_connect_bind_async(client, settings.host.c_str(), settings.port, keep_alive, any_of_its_family));
}

CommandConnection::~CommandConnection() {
  if (up_ && error_.empty()) mosquitto_disconnect_v5(client_.get(), 0, nullptr);
}

void CommandConnection::on_connack(int reason_code, const mosquitto_property* properties) noexcept {
  if (reason_code != 0) {
    error_ = "refused by the broker: " + reason_text(reason_code);
    return;
  }
  std::uint16_t receive_maximum = kWindow;
  mosquitto_property_read_int16(properties, MQTT_PROP_RECEIVE_MAXIMUM, &receive_maximum, false);
  window_ = std::clamp<std::uint16_t>(receive_maximum, 1, kWindow);
  mosquitto_property_read_int32(properties, MQTT_PROP_MAXIMUM_PACKET_SIZE, &maximum_packet_size_, false);
  mosquitto_property_read_byte(properties, MQTT_PROP_MAXIMUM_QOS, &maximum_qos_, false);
  mosquitto_property_read_byte(properties, MQTT_PROP_RETAIN_AVAILABLE, &retain_available_, false);
  up_ = true;
}

void CommandConnection::check(int result) noexcept {
  const int system_error = errno;
  if (result == MOSQ_ERR_SUCCESS || !error_.empty()) return;
  error_ = result == MOSQ_ERR_ERRNO ? std::system_category().message(system_error) : mosquitto_strerror(result);
}

void CommandConnection::work(bool can_read, bool can_write) {
  reached_ = reached_ || can_write;
  if (can_write) check(mosquitto_loop_write(client_.get(), 1));
  // A TLS handshake is made by the reading side alone.
  if ((can_read || (can_write && !up_)) && error_.empty()) check(mosquitto_loop_read(client_.get(), 1));
  if (error_.empty()) check(mosquitto_loop_misc(client_.get()));
  if (error_.empty() && socket() < 0) error_ = "connection lost";
}

std::optional<Problem> CommandConnection::fault(const std::string& topic, const Command& command) const {
  // Stricter than the standard, which only advises against these characters; Mosquitto hangs up on them.
  if (mosquitto_validate_utf8(topic.data(), static_cast<int>(topic.size())) != MOSQ_ERR_SUCCESS)
    return Problem{Code::bad_message, "topic: leave out control characters and Unicode's non-characters"};
  const std::size_t size = packet_size(topic, command.payload);
  if (size > maximum_packet_size_)
    return Problem{Code::too_large, "payload: the broker takes MQTT packets of at most " +
                                        std::to_string(maximum_packet_size_) + " bytes, and this one has " +
                                        std::to_string(size)};
  if (command.qos > maximum_qos_)
    return Problem{Code::refused, "qos: the broker takes at most " + std::to_string(maximum_qos_),
                   MQTT_RC_QOS_NOT_SUPPORTED};
  if (command.retain && retain_available_ == 0)
    return Problem{Code::refused, "retain: the broker stores no messages: write false", MQTT_RC_RETAIN_NOT_SUPPORTED};
  return {};
}

int CommandConnection::publish(const std::string& topic, const Command& command) {
  int packet_id = 0;
  check(mosquitto_publish_v5(client_.get(), &packet_id, topic.c_str(), static_cast<int>(command.payload.size()),
                             command.payload.data(), command.qos, command.retain, nullptr));
  return packet_id;
}

std::vector<Acknowledgement> CommandConnection::take_acknowledgements() {
  return std::exchange(acknowledgements_, {});
}

}  // namespace fieldcast::mqtt

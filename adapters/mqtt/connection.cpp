#include "adapters/mqtt/connection.hpp"

#include <MQTTReasonCodes.h>

#include <cstdio>

namespace fieldcast::mqtt {
namespace {

// Reason codes from here on are refusals (MQTT 5 section 2.4).
constexpr int kFirstRefusal = 0x80;

std::string refusal_text(int code) {
  const char* words = MQTTReasonCode_toString(static_cast<MQTTReasonCodes>(code));
  char number[16];
  std::snprintf(number, sizeof number, " (0x%02X)", static_cast<unsigned>(code));
  return (words ? words : "unknown reason") + std::string(number);
}

// Paho 1.3.12 gives the reason code of a CONNACK as the return code, that of a SUBACK as the reason code.
int refusal_of(const ::mqtt::token& token) {
  if (token.get_reason_code() >= kFirstRefusal) return token.get_reason_code();
  return token.get_return_code() >= kFirstRefusal ? token.get_return_code() : 0;
}

::mqtt::connect_options options_for(const Settings& settings, const std::string& uri) {
  ::mqtt::connect_options options;
  options.set_mqtt_version(MQTTVERSION_5);
  options.set_clean_start(false);
  options.set_automatic_reconnect(false);
  options.set_connect_timeout(Connection::kConnectTimeout);
  options.set_keep_alive_interval(settings.keep_alive);
  options.set_servers(::mqtt::string_collection::create({uri}));
  if (!settings.user.empty()) options.set_user_name(settings.user);
  if (!settings.password.empty()) options.set_password(settings.password);
  if (settings.tls) {
    ::mqtt::ssl_options tls;
    if (!settings.tls->ca.empty()) tls.set_trust_store(settings.tls->ca);
    if (!settings.tls->certificate.empty()) {
      tls.set_key_store(settings.tls->certificate);
      tls.set_private_key(settings.tls->key);
    }
    tls.set_enable_server_cert_auth(true);  // who signed it
    tls.set_verify(true);                   // whom it is for
    options.set_ssl(std::move(tls));
  }

  const auto number = [](auto value) { return static_cast<std::int32_t>(value); };
  ::mqtt::properties properties;
  properties.add({::mqtt::property::SESSION_EXPIRY_INTERVAL, number(settings.session_expiry.count())});
  properties.add({::mqtt::property::RECEIVE_MAXIMUM, number(settings.receive_maximum)});
  properties.add({::mqtt::property::MAXIMUM_PACKET_SIZE, number(settings.maximum_packet_size)});
  options.set_properties(std::move(properties));
  return options;
}

}  // namespace

Connection::Connection(const Settings& settings, ConnectionEvents& events)
    : settings_(settings),
      events_(events),
      probe_topic_(mqtt::probe_topic(settings)),
      // The URI is only a form: each connect() names its own.
      client_("tcp://127.0.0.1:1883", settings.client_id, ::mqtt::create_options(MQTTVERSION_5)) {
  // noexcept: what is thrown here must end the process before Paho acknowledges the message.
  client_.set_message_callback([this](const ::mqtt::const_message_ptr& message) noexcept {
    events_.on_message({message->get_topic(), message->get_payload(), message->is_retained(), message->is_duplicate(),
                        static_cast<std::uint8_t>(message->get_qos()),
                        static_cast<std::uint16_t>(message->c_struct().msgid)});
  });
  client_.set_connection_lost_handler([this](const std::string&) noexcept { events_.on_down("connection lost"); });
  client_.set_disconnected_handler([this](const ::mqtt::properties&, ::mqtt::ReasonCode code) noexcept {
    events_.on_down("the broker ended the connection: " + refusal_text(code));
  });
}

void Connection::connect(const std::string& host, std::uint16_t port) {
  // Paho cuts the port off at the last colon, and would look for a certificate for "[::1" where there are brackets.
  const bool brackets = !settings_.tls && host.find(':') != std::string::npos;
  const std::string uri =
      (settings_.tls ? "ssl://" : "tcp://") + (brackets ? "[" + host + "]" : host) + ":" + std::to_string(port);
  try {
    client_.connect(options_for(settings_, uri), nullptr, *this);
  } catch (const ::mqtt::exception& error) {
    events_.on_connect_failed(error.what());
  }
}

void Connection::subscribe(const std::string& filter, int qos, Retained retained) {
  const ::mqtt::subscribe_options options(false, false,
                                          retained == Retained::all
                                              ? ::mqtt::subscribe_options::SEND_RETAINED_ON_SUBSCRIBE
                                              : ::mqtt::subscribe_options::SEND_RETAINED_ON_NEW);
  try {
    client_.subscribe(filter, qos, nullptr, *this, options);
  } catch (const ::mqtt::exception& error) {
    events_.on_subscribed(filter, error.what());
  }
}

void Connection::unsubscribe(const std::string& filter) {
  try {
    client_.unsubscribe(filter, nullptr, *this);
  } catch (const ::mqtt::exception& error) {
    events_.on_unsubscribed(filter, error.what());
  }
}

void Connection::send_probe() {
  try {
    client_.publish(probe_topic_, "", 0, 0, false);
  } catch (const ::mqtt::exception&) {
    // Only where the connection is gone, which on_down tells.
  }
}

void Connection::disconnect() {
  try {
    client_.disconnect(0, nullptr, *this);
  } catch (const ::mqtt::exception&) {
    // There is none; an attempt under way ends with the client.
  }
}

void Connection::on_success(const ::mqtt::token& token) {
  switch (token.get_type()) {
    case ::mqtt::token::Type::CONNECT:
      return events_.on_up(token.get_connect_response().is_session_present());
    case ::mqtt::token::Type::SUBSCRIBE:
      return events_.on_subscribed((*token.get_topics())[0], "");
    case ::mqtt::token::Type::UNSUBSCRIBE: {  // Paho calls every answer to it a success
      const int refusal = refusal_of(token);
      return events_.on_unsubscribed((*token.get_topics())[0], refusal != 0 ? refusal_text(refusal) : "");
    }
    case ::mqtt::token::Type::DISCONNECT:
      return events_.on_disconnected();
    default:  // nothing else is asked to answer
      return;
  }
}

void Connection::on_failure(const ::mqtt::token& token) {
  const int refusal = refusal_of(token);
  if (token.get_type() == ::mqtt::token::Type::CONNECT)
    events_.on_connect_failed(refusal != 0 ? "refused by the broker: " + refusal_text(refusal) : "");
  else if (token.get_type() == ::mqtt::token::Type::SUBSCRIBE)
    events_.on_subscribed((*token.get_topics())[0], refusal != 0 ? refusal_text(refusal) : "no answer");
  else if (token.get_type() == ::mqtt::token::Type::UNSUBSCRIBE)
    events_.on_unsubscribed((*token.get_topics())[0], refusal != 0 ? refusal_text(refusal) : "no answer");
}

}  // namespace fieldcast::mqtt

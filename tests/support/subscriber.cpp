#include "tests/support/subscriber.hpp"

#include <mosquitto.h>
#include <mqtt_protocol.h>

#include <stdexcept>
#include <utility>

namespace fieldcast::test {
namespace {

void must(int result, const char* what) {
  if (result != MOSQ_ERR_SUCCESS) throw std::runtime_error(std::string(what) + ": " + mosquitto_strerror(result));
}

}  // namespace

Subscriber::Subscriber(std::uint16_t broker_port, const std::string& filter) : filter_(filter) {
  static const int initialised = mosquitto_lib_init();
  must(initialised, "mosquitto_lib_init");
  client_ = mosquitto_new(nullptr, true, this);
  if (!client_) throw std::runtime_error("mosquitto_new");
  must(mosquitto_int_option(client_, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5), "protocol version");
  mosquitto_connect_callback_set(client_, [](mosquitto* client, void* self, int) {
    mosquitto_subscribe(client, nullptr, static_cast<Subscriber*>(self)->filter_.c_str(), 2);
  });
  mosquitto_subscribe_callback_set(client_, [](mosquitto*, void* self, int, int, const int*) {
    auto& subscriber = *static_cast<Subscriber*>(self);
    const std::lock_guard lock(subscriber.mutex_);
    subscriber.subscribed_ = true;
    subscriber.changed_.notify_all();
  });
  mosquitto_message_callback_set(client_, [](mosquitto*, void* self, const mosquitto_message* message) {
    auto& subscriber = *static_cast<Subscriber*>(self);
    const std::lock_guard lock(subscriber.mutex_);
    std::string payload(static_cast<const char*>(message->payload), static_cast<std::size_t>(message->payloadlen));
    subscriber.messages_.push_back({message->topic, std::move(payload), message->qos, message->retain});
    subscriber.changed_.notify_all();
  });
  must(mosquitto_connect(client_, "127.0.0.1", broker_port, 60), "connect");
  must(mosquitto_loop_start(client_), "loop");
  std::unique_lock lock(mutex_);
  if (!changed_.wait_until(lock, Deadline().at(), [this] { return subscribed_; })) throw TimedOut("no SUBACK");
}

Subscriber::~Subscriber() {
  mosquitto_disconnect(client_);
  mosquitto_loop_stop(client_, false);
  mosquitto_destroy(client_);
}

Message Subscriber::next(Deadline deadline) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_until(lock, deadline.at(), [this] { return !messages_.empty(); }))
    throw TimedOut("no message came on " + filter_);
  auto first = std::move(messages_.front());
  messages_.pop_front();
  return first;
}

}  // namespace fieldcast::test

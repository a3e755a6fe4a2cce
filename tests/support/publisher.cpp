#include "tests/support/publisher.hpp"

#include <mosquitto.h>
#include <mqtt_protocol.h>

#include <stdexcept>

namespace fieldcast::test {
namespace {

void check(int result, const char* what) {
  if (result != MOSQ_ERR_SUCCESS) throw std::runtime_error(std::string(what) + ": " + mosquitto_strerror(result));
}

}  // namespace

Publisher::Publisher(std::uint16_t broker_port, const std::string& client_id) {
  static const int initialised = mosquitto_lib_init();
  check(initialised, "mosquitto_lib_init");
  client_ = mosquitto_new(client_id.c_str(), false, this);
  if (!client_) throw std::runtime_error("mosquitto_new");
  check(mosquitto_int_option(client_, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5), "protocol version");
  check(mosquitto_int_option(client_, MOSQ_OPT_TCP_NODELAY, 1), "no delay");
  mosquitto_connect_callback_set(client_, on_connect);
  mosquitto_publish_callback_set(client_, on_publish);
  mosquitto_reconnect_delay_set(client_, 1, 1, false);
  check(mosquitto_connect(client_, "127.0.0.1", broker_port, 60), "connect");
  check(mosquitto_loop_start(client_), "loop");
  std::unique_lock lock(mutex_);
  if (!changed_.wait_until(lock, Deadline().at(), [this] { return connected_; })) throw TimedOut("no CONNACK");
}

Publisher::~Publisher() {
  mosquitto_disconnect(client_);
  mosquitto_loop_stop(client_, false);
  mosquitto_destroy(client_);
}

void Publisher::on_connect(mosquitto*, void* self, int reason) {
  auto& publisher = *static_cast<Publisher*>(self);
  const std::lock_guard lock(publisher.mutex_);
  publisher.connected_ = reason == 0;
  publisher.changed_.notify_all();
}

void Publisher::on_publish(mosquitto*, void* self, int message_id) {
  auto& publisher = *static_cast<Publisher*>(self);
  const std::lock_guard lock(publisher.mutex_);
  if (publisher.outstanding_.erase(message_id) == 0) publisher.acknowledged_.insert(message_id);
  publisher.changed_.notify_all();
}

void Publisher::wait_for_window(std::size_t size, Deadline deadline) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_until(lock, deadline.at(), [&] { return outstanding_.size() <= size; }))
    throw TimedOut("the broker did not acknowledge");
}

void Publisher::send(const Message& message) {
  wait_for_window(kWindow - 1, Deadline());
  int id = 0;
  const int result = mosquitto_publish(client_, &id, message.topic.c_str(), static_cast<int>(message.payload.size()),
                                       message.payload.data(), message.qos, message.retain);
  // Without a connection a QoS 1 or 2 message waits in the library, which sends it when it is back.
  if (result != MOSQ_ERR_NO_CONN || message.qos == 0) check(result, "publish");
  const std::lock_guard lock(mutex_);
  if (acknowledged_.erase(id) == 0) outstanding_.insert(id);
}

void Publisher::flush(Deadline deadline) {
  wait_for_window(0, deadline);
}

}  // namespace fieldcast::test

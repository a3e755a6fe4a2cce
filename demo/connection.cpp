#include "demo/connection.hpp"

#include <iostream>
#include <utility>

namespace fieldcast::demo {
namespace {

using namespace std::chrono_literals;

// Readings in flight: Paho searches its list of them for every acknowledgement.
constexpr int kUnacknowledged = 1'000;
// Commands that wait for the main thread, which takes them at once: more can only be a flood.
constexpr std::size_t kCommands = 100;
constexpr auto kRetry = 1s;
constexpr int kQos = 1;

mqtt::create_options bounded() {
  return mqtt::create_options_builder().mqtt_version(MQTTVERSION_5).max_buffered_messages(kUnacknowledged).finalize();
}

}  // namespace

Connection::Connection(const std::string& url) : url_(url), client_(url, "", bounded()) {  // the broker names us
  const auto wake = [this](const std::string&) { pthread_kill(main_thread_, kWake); };
  client_.set_connected_handler(wake);
  client_.set_connection_lost_handler(wake);
  client_.set_message_callback([this](const mqtt::const_message_ptr& message) { on_command(*message); });
}

bool Connection::keep_up(Clock::time_point now) {
  if (client_.is_connected()) {
    if (!std::exchange(up_, true)) greet();
    return true;
  }
  if (std::exchange(up_, false)) std::cerr << "lost " << url_ << std::endl;
  if (now >= retry_at_) {
    retry_at_ = now + kRetry;
    attempt();
  }
  return false;
}

void Connection::greet() {
  ++generation_;
  complained_ = false;
  std::cerr << "connected to " << url_ << std::endl;
  try {
    client_.subscribe(std::string(kValveCommand), kQos);
  } catch (const mqtt::exception&) {
    // gone again: the next connection subscribes
  }
}

void Connection::attempt() {
  try {
    if (attempt_ && !attempt_->try_wait()) return;  // still under way
  } catch (const mqtt::exception& error) {
    if (!std::exchange(complained_, true)) std::cerr << url_ << ": " << error.what() << "; trying on" << std::endl;
  }
  attempt_ = client_.connect(mqtt::connect_options_builder()
                                 .mqtt_version(MQTTVERSION_5)
                                 .clean_start(true)
                                 .connect_timeout(5s)
                                 .keep_alive_interval(20s)
                                 .finalize());
}

bool Connection::publish(const Message& message) {
  try {
    client_.publish(message.topic, message.payload, kQos, message.retained);
    return true;
  } catch (const mqtt::exception&) {
    return false;
  }
}

std::optional<std::string> Connection::take_command() {
  const std::lock_guard lock(mutex_);
  if (commands_.empty()) return std::nullopt;
  std::string command = std::move(commands_.front());
  commands_.pop_front();
  return command;
}

void Connection::on_command(const mqtt::message& message) noexcept {
  const std::lock_guard lock(mutex_);
  if (commands_.size() == kCommands) return;
  commands_.push_back(message.get_payload());
  pthread_kill(main_thread_, kWake);
}

void Connection::close() {
  try {
    if (client_.is_connected()) client_.disconnect(500ms)->wait_for(500ms);
  } catch (const mqtt::exception&) {
    // it was gone already
  }
}

}  // namespace fieldcast::demo

#include "demo/hall.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace fieldcast::demo {
namespace {

constexpr std::string_view kValveState = "hall/valve-1/state";
constexpr std::string_view kOven = "hall/oven-1/temperature";
constexpr std::string_view kVibration = "hall/press-1/vibration";

std::string number(double value, int decimals) {
  std::array<char, 64> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, decimals).ptr;
  return {text.data(), end};
}

std::string with_unit(double value, std::string_view unit) {
  return R"({"value":)" + number(value, 1) + R"(,"unit":")" + std::string(unit) + R"("})";
}

}  // namespace

Hall::Hall(std::uint64_t seed) : random_(seed), presses_(6), rooms_(6), meters_(5) {
  for (std::size_t i = 0; i < presses_.size(); ++i) add_press(i + 1, presses_[i]);

  constexpr std::array kRooms{"hall", "office", "store", "paint-shop", "test-bench", "server-room"};
  for (std::size_t i = 0; i < rooms_.size(); ++i) {
    rooms_[i] = {.temperature = uniform(17, 26), .humidity = uniform(35, 60)};
    add_room(kRooms[i], rooms_[i]);
  }

  constexpr std::array kMeters{"main", "presses", "oven", "compressor", "solar"};
  for (std::size_t i = 0; i < meters_.size(); ++i) {
    meters_[i] = {.watt_hours = static_cast<std::uint64_t>(uniform(5e9, 9e10)), .watts = uniform(2'000, 90'000)};
    add_meter(kMeters[i], meters_[i]);
  }

  doors_ = {{.topic = "hall/door-1/state"}, {.topic = "hall/door-2/state"}};
  for (Door& door : doors_) {
    const auto turn = [&door] {
      door.open = !door.open;
      return std::string(door.open ? "open" : "closed");
    };
    add(door.topic, 1, turn, true);
  }

  const auto flow = [this] { return number(valve_open_ ? uniform(11.5, 12.5) : 0.0, 2); };
  add("hall/valve-1/flow", 8, flow);
  const auto bake = [this] { return number(oven_temperature_ = drift(oven_temperature_, 210, 1.5), 1); };
  add(std::string(kOven), 12, bake);
  // What a tag reader sends is no text: bytes that no UTF-8 decoder takes.
  const auto tag = [this] {
    std::string bytes = "\xff";
    for (int i = 0; i < 7; ++i) bytes += static_cast<char>(random_());
    return bytes;
  };
  add("hall/gate-1/tag", 2, tag);
}

void Hall::add_press(std::size_t number_of, Press& press) {
  press.cycles = static_cast<std::uint64_t>(uniform(1e6, 9e6));
  const std::string topic = "hall/press-" + std::to_string(number_of) + "/";
  const auto temperature = [this, &press] {
    press.temperature = drift(press.temperature, press.state == "running" ? 62 : 35, 0.6);
    return number(press.temperature, 1);
  };
  const auto pressure = [this, &press] {
    press.pressure = drift(press.pressure, press.state == "running" ? 182 : 4, 5);
    return number(std::max(press.pressure, 0.0), 1);
  };
  const auto cycles = [&press] {
    if (press.state == "running") ++press.cycles;
    return std::to_string(press.cycles);
  };
  const auto state = [this, &press] {
    const double dice = uniform(0, 1);
    press.state = dice < 0.8 ? "running" : dice < 0.95 ? "idle" : "fault";
    return press.state;
  };
  const auto job = [this, &press] {
    if (press.done == press.wanted) {
      press.order = static_cast<unsigned>(uniform(1'000, 9'999));
      press.done = 0;
      press.wanted = static_cast<unsigned>(uniform(20, 60));
    }
    ++press.done;
    return R"({"order":"A-)" + std::to_string(press.order) + R"(","part":"bracket","done":)" +
           std::to_string(press.done) + R"(,"of":)" + std::to_string(press.wanted) + "}";
  };
  add(topic + "temperature", 10, temperature);
  add(topic + "pressure", 10, pressure);
  add(topic + "cycles", 8, cycles);
  add(topic + "state", 2, state);
  add(topic + "job", 4, job);
}

void Hall::add_room(std::string_view name, Room& room) {
  const std::string topic = "climate/" + std::string(name) + "/";
  const auto temperature = [this, &room] {
    return with_unit(room.temperature = drift(room.temperature, 21.5, 0.1), "°C");
  };
  const auto humidity = [this, &room] { return with_unit(room.humidity = drift(room.humidity, 45, 0.4), "%"); };
  add(topic + "temperature", 4, temperature);
  add(topic + "humidity", 4, humidity);
}

void Hall::add_meter(std::string_view name, Meter& meter) {
  const std::string topic = "energy/" + std::string(name) + "/";
  const auto power = [this, &meter] { return number(meter.watts = drift(meter.watts, 30'000, 900), 0); };
  const auto total = [&meter] {
    meter.watt_hours += static_cast<std::uint64_t>(std::max(meter.watts, 0.0) / 3'600);
    return std::to_string(meter.watt_hours);
  };
  add(topic + "power", 5, power);
  add(topic + "total", 5, total);
}

void Hall::add(std::string topic, unsigned weight, std::function<std::string()> read, bool retained) {
  total_weight_ += weight;
  sensors_.push_back({.topic = std::move(topic), .weight = weight, .read = std::move(read), .retained = retained});
}

std::vector<Message> Hall::retained() const {
  std::vector<Message> messages{{"hall/shift", R"({"shift":"early","people":14})", true},
                                {std::string(kValveState), valve_state(), true}};
  for (const Door& door : doors_) messages.push_back({door.topic, door.open ? "open" : "closed", true});
  return messages;
}

std::vector<Message> Hall::next() {
  if (++step_ % kRoundSteps == 0) return burst();
  const Sensor& sensor = speaker();
  return {{sensor.topic, sensor.read(), sensor.retained}};
}

std::optional<Message> Hall::obey(std::string_view command) {
  if (command != "open" && command != "closed") return std::nullopt;
  valve_open_ = command == "open";
  return Message{std::string(kValveState), valve_state(), true};
}

const Hall::Sensor& Hall::speaker() {
  for (;;) {
    auto ticket = static_cast<unsigned>(uniform(0, total_weight_));
    auto sensor = sensors_.begin();
    while (ticket >= sensor->weight) ticket -= (sensor++)->weight;
    if (sensor->topic != kOven || !oven_sensor_dead()) return *sensor;
  }
}

/// A knock on the press, ringing out.
std::vector<Message> Hall::burst() {
  std::vector<Message> messages;
  const double strength = uniform(2, 6);  // mm/s
  for (std::size_t i = 0; i < kBurstReadings; ++i) {
    const double t = static_cast<double>(i);
    messages.push_back({std::string(kVibration), number(strength * std::exp(-t / 15) * std::sin(0.9 * t), 3)});
  }
  return messages;
}

/// Two rounds alive, one silent: at 20 readings a second it is gone for 25 s.
bool Hall::oven_sensor_dead() const {
  return step_ / kRoundSteps % 3 == 2;
}

// The distributions of the standard library may differ from one library to the next; this does not.
double Hall::uniform(double low, double high) {
  return low + (high - low) * (static_cast<double>(random_() >> 11) * 0x1p-53);
}

double Hall::drift(double value, double target, double noise) {
  return value + 0.1 * (target - value) + uniform(-noise, noise);
}

}  // namespace fieldcast::demo

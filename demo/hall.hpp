// A production hall without a broker: some 60 topics of presses, rooms, meters, doors, a valve, and sensors
// that burst or fall silent. The seed and the commands decide every reading and their order; no clock is
// asked. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace fieldcast::demo {

struct Message {
  std::string topic;
  std::string payload;
  bool retained = false;  // to be stored by the broker
};

/// Takes `open` and `closed` (text).
inline constexpr std::string_view kValveCommand = "hall/valve-1/set";

// One round of the hall: single readings, and at its end one burst. At 20 readings a second a burst comes
// every 25 s: often enough to be seen, seldom enough that the hall still flows between.
inline constexpr std::size_t kBurstReadings = 50;
inline constexpr std::size_t kRoundReadings = 500;
inline constexpr std::size_t kRoundSteps = kRoundReadings - kBurstReadings + 1;

class Hall {
 public:
  explicit Hall(std::uint64_t seed);
  Hall(const Hall&) = delete;  // the sensors hold references to the hall
  Hall& operator=(const Hall&) = delete;

  /// What devices tell when they are switched on: everything that is retained, as it is now.
  std::vector<Message> retained() const;

  /// The next step: one reading, or at the end of a round a burst of kBurstReadings.
  std::vector<Message> next();

  /// The valve obeys and tells its new state; nothing where it does not know the command.
  std::optional<Message> obey(std::string_view command);

 private:
  struct Press {
    std::string state = "running";
    double temperature = 60.0;  // °C
    double pressure = 180.0;    // bar
    std::uint64_t cycles = 0;   // since the press was built
    unsigned order = 0, done = 0, wanted = 0;
  };
  struct Room {
    double temperature, humidity;  // °C, % relative
  };
  struct Meter {
    std::uint64_t watt_hours;
    double watts;
  };
  struct Door {
    std::string topic;
    bool open = false;
  };
  struct Sensor {
    std::string topic;
    unsigned weight;  // how often it speaks, compared with the others
    std::function<std::string()> read;
    bool retained = false;
  };

  void add_press(std::size_t number, Press& press);
  void add_room(std::string_view name, Room& room);
  void add_meter(std::string_view name, Meter& meter);
  void add(std::string topic, unsigned weight, std::function<std::string()> read, bool retained = false);
  const Sensor& speaker();
  std::vector<Message> burst();
  bool oven_sensor_dead() const;
  std::string valve_state() const { return valve_open_ ? "open" : "closed"; }

  double uniform(double low, double high);
  bool chance(double probability) { return uniform(0, 1) < probability; }
  double drift(double value, double target, double noise);

  std::mt19937_64 random_;
  std::vector<Press> presses_;
  std::vector<Room> rooms_;
  std::vector<Meter> meters_;
  std::vector<Door> doors_;
  double oven_temperature_ = 210.0;
  bool valve_open_ = true;
  std::vector<Sensor> sensors_;
  unsigned total_weight_ = 0;
  std::uint64_t step_ = 0;
};

}  // namespace fieldcast::demo

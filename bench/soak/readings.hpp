// What is published in a soak: reading 0, 1, 2, … each with a topic and a payload that follow from its number, of the
// kinds that a hall has, and what each client must therefore see, byte for byte. Plain values, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fieldcast::soak {

struct Reading {
  std::string topic;
  std::string payload;  // as it is published
  std::string wire;     // from "topic" on, as clients get it
};

/// Topics in halls of 25 machines with four sensors each: `hall-3/machine-7/temperature` and so on. They speak in turn,
/// in an order that mixes them.
class Readings {
 public:
  explicit Readings(std::uint32_t topics) : topics_(topics) {}

  std::uint32_t topics() const { return topics_; }
  std::uint32_t halls() const;
  Reading at(std::uint32_t n) const;
  std::string topic_at(std::uint32_t n) const;

 private:
  std::uint32_t topics_;
};

/// Which readings match a set of filters.
class Part {
 public:
  Part(const Readings& readings, std::vector<std::string> filters);

  const std::vector<std::string>& filters() const { return filters_; }
  /// The first reading from n on that matches.
  std::uint32_t next(std::uint32_t n) const;

 private:
  std::vector<std::string> filters_;
  std::vector<std::uint32_t> steps_;  // by number modulo topics: how far the next is that matches
};

}  // namespace fieldcast::soak

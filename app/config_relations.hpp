// What must hold between several keys of the configuration. Run after all keys were read, on the main thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "app/config.hpp"

namespace fieldcast::config {

struct Place {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

using Problems = std::vector<ConfigProblem>;

void add(Problems& problems, Place place, std::string text, bool warning = false);

/// Where each value stood, by "section.key", and which were faulty: a check that compares a faulty one has
/// nothing to say. Of a list the elements without fault are checked all the same. Every [[mqtt]] has its own, in which
/// "mqtt" is the table itself; the sections that are there once share one.
struct Places {
  std::map<std::string, Place> values;
  std::map<std::string, std::vector<Place>> elements;  // of lists, only those without fault
  std::set<std::string> faulty;

  /// Of the first of these keys that is in the file.
  Place of(std::initializer_list<const char*> keys) const;
  bool sound(std::initializer_list<const char*> keys) const;
};

/// Appends what is wrong. `brokers` are the places of config.mqtt.
void check_relations(const Config& config, const Places& places, const std::vector<Places>& brokers,
                     Problems& problems);

}  // namespace fieldcast::config

// What must hold between several keys of the configuration, or between a key and the machine's files. Run
// after all keys were read, on the main thread.
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

/// Where a file of secrets is: a relative name among systemd's credentials, else in `directory`.
std::string find_file(const std::string& file, const std::string& directory);

/// Appends what is wrong. `brokers` are the places of config.mqtt.
void check_relations(const Config& config, const Places& places, const std::vector<Places>& brokers,
                     std::vector<ConfigProblem>& problems);

/// Makes the names in [storage] absolute, and finds the journal's directory where none is given.
void find_storage(Config::Storage& storage, const std::string& directory, const Places& places,
                  std::vector<ConfigProblem>& problems);

/// Reads the broker's password_file, if there is one, into its password, as parse_config says.
void read_password(Config::Mqtt& broker, const std::string& directory, const Places& places,
                   std::vector<ConfigProblem>& problems);

}  // namespace fieldcast::config

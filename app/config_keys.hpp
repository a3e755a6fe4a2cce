// The table of configuration keys: the one place that says what a key is called, takes, costs and defaults
// to. Reading, the check for unknown keys, docs/configuration.md and config/fieldcast.toml come from it or
// are tested against it. Constant, any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "app/config.hpp"

namespace fieldcast::config {

// Where a value goes; the type says how it is written.
struct Name {  // text that can be a level of a topic and part of a line in the log
  std::string* at;
};
struct Text {  // any text without control characters
  std::string* at;
};
struct Prefix {  // text that topics may begin with
  std::string* at;
};
struct File {
  std::string* at;
};
struct Directory {
  std::string* at;
};
struct Count {
  std::size_t* at;
};
struct Bytes {
  std::size_t* at;
};
struct Url {
  BrokerUrl* at;
};
struct Addresses {
  std::vector<ListenAddress>* at;
};
struct Hosts {
  std::vector<std::string>* at;
};
struct Origins {
  std::vector<std::string>* at;
};
struct Filters {
  std::vector<std::string>* at;
};
using Target =
    std::variant<Name, Text, Prefix, File, Directory, Count, Bytes, std::chrono::milliseconds*, std::chrono::seconds*,
                 Url, Addresses, Hosts, Origins, Filters, Anonymous*, Probe*, SlowClient*, logging::Level*>;

struct Key {
  std::string_view section;
  std::string_view name;
  Target (*target)(Config&);  // of a broker's key: the last broker's
  // In the value's own unit: the number, bytes, milliseconds, bytes of a text, elements of a list.
  std::uint64_t min;
  std::uint64_t max;
  std::string_view doc;      // what it does, and what more of it costs
  std::string_view derived;  // what holds where the key is absent, if that cannot be written as a value
  std::string_view example;  // with `derived`: a value, as TOML
};

inline constexpr std::string_view kMqttSection = "mqtt";  // the one that is an array of tables

std::span<const Key> config_keys();
/// In the order of the table.
std::span<const std::string_view> config_sections();
/// Null where there is none.
const Key* find_key(std::string_view section, std::string_view name);

/// The words of a choice, in the order of its enumerators.
std::span<const std::string_view> words(Anonymous);
std::span<const std::string_view> words(Probe);
std::span<const std::string_view> words(SlowClient);
std::span<const std::string_view> words(logging::Level);

/// The default as TOML; empty where it is `derived`.
std::string default_text(const Key& key);
/// A value to show, as TOML: the example, or else the default.
std::string example_text(const Key& key);
/// "size", "list of topic filters", `"auto", "on" or "off"`.
std::string type_text(const Key& key);
/// "64KiB to 1GiB"; empty for a choice, a URL or a file.
std::string range_text(const Key& key);

/// "section.name" of the nearest key, by letters typed wrong; another section counts as one more.
std::string nearest_key(std::string_view section, std::string_view name);
std::string_view nearest_section(std::string_view name);

}  // namespace fieldcast::config

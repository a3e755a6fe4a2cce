#include "app/config.hpp"

#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <tuple>

#include "app/config_files.hpp"
#include "app/config_keys.hpp"
#include "app/config_relations.hpp"
#include "app/config_tls.hpp"
#include "app/config_values.hpp"
#include "gateway/topic_filter.hpp"

namespace fieldcast {
namespace {

using namespace config;

Place place_of(const toml::source_region& source) {
  return {source.begin.line, source.begin.column};
}

std::string in_quotes(std::string_view text) {
  return '"' + std::string(text) + '"';
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::string_view name_of(toml::node_type type) {
  switch (type) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::string:
      return "text";
    case toml::node_type::integer:
      return "a number";
    case toml::node_type::floating_point:
      return "a number with a fraction";
    case toml::node_type::boolean:
      return "true or false";
    default:
      return "a date or time";
  }
}

std::optional<std::string> name_fault(std::string_view name) {
  if (has_control(name)) return "holds a control character: take it out";
  if (name.find_first_of("+#") != std::string_view::npos) return "holds + or #, MQTT's wildcards: write another name";
  return std::nullopt;
}

std::optional<std::string> text_fault(std::string_view text) {
  if (has_control(text)) return "holds a control character: take it out";
  return std::nullopt;
}

/// Puts one value where its key says, or says what is wrong with it.
class ValueReader {
 public:
  ValueReader(const Key& key, const toml::node& node, Places& places, std::vector<ConfigProblem>& problems)
      : key_(key),
        node_(node),
        path_(std::string(key.section) + '.' + std::string(key.name)),
        places_(places),
        problems_(problems) {
    places_.values[path_] = place_of(node.source());
  }

  void operator()(Name name) { read_text(*name.at, name_fault); }
  void operator()(Text text) { read_text(*text.at, text_fault); }
  void operator()(File file) { read_text(*file.at, text_fault); }
  void operator()(Directory directory) { read_text(*directory.at, text_fault); }
  void operator()(Prefix prefix) {
    read_text(*prefix.at, [](std::string_view text) -> std::optional<std::string> {
      if (text.empty()) return std::nullopt;
      if (const auto fault = topic_fault(text)) return "cannot begin a topic, since " + fault->text;
      return text_fault(text);
    });
  }

  void operator()(Count count) {
    const auto* const number = node_.as_integer();
    if (number == nullptr) return wrong_type();
    if (const auto amount = in_range(number->get())) *count.at = *amount;
  }

  void operator()(Bytes bytes) {
    std::int64_t amount = 0;
    if (const auto* const number = node_.as_integer()) {
      amount = number->get();
    } else if (const auto* const text = node_.as_string()) {
      const auto size = accept(parse_size(text->get()), node_);
      if (!size) return;
      amount = static_cast<std::int64_t>(*size);
    } else {
      return wrong_type();
    }
    if (const auto size = in_range(amount)) *bytes.at = *size;
  }

  template <class Rep, class Period>
  void operator()(std::chrono::duration<Rep, Period>* duration) {
    const auto* const text = node_.as_string();
    if (text == nullptr) return wrong_type();
    const auto parsed = accept(parse_duration(text->get()), node_);
    if (!parsed || !in_range(parsed->count())) return;
    *duration = std::chrono::duration_cast<std::chrono::duration<Rep, Period>>(*parsed);
    if (*duration != *parsed) problem(node_, path_ + " is " + in_quotes(text->get()) + ": it takes whole seconds");
  }

  void operator()(Url url) {
    const auto* const text = node_.as_string();
    if (text == nullptr) return wrong_type();
    if (auto parsed = accept(parse_broker_url(text->get()), node_)) *url.at = std::move(*parsed);
  }

  void operator()(Addresses list) { read_list(*list.at, parse_listen); }
  void operator()(Hosts list) { read_list(*list.at, parse_host); }
  void operator()(Origins list) { read_list(*list.at, parse_origin); }
  void operator()(Filters list) {
    read_list(*list.at, [](std::string_view text) -> Parsed<std::string> {
      if (const auto fault = filter_fault(text)) return Fault{"is no topic filter, since " + fault->text};
      if (has_control(text)) return Fault{"holds a control character: take it out"};
      if (text.starts_with("$share/")) {
        return Fault{
            "is a shared subscription, of which this gateway gets only a part: write the filter without $share/"};
      }
      return std::string(text);
    });
  }

  template <class Choice>
  requires std::is_enum_v<Choice>
  void operator()(Choice* choice) {
    const auto* const text = node_.as_string();
    if (text == nullptr) return wrong_type();
    const auto choices = words(*choice);
    const auto found = std::find(choices.begin(), choices.end(), text->get());
    if (found == choices.end()) {
      return problem(node_, path_ + " is " + in_quotes(text->get()) + ": write " + type_text(key_));
    }
    *choice = static_cast<Choice>(found - choices.begin());
  }

 private:
  void problem(const toml::node& node, std::string text) {
    places_.faulty.insert(path_);
    const Place place = place_of(node.source());
    problems_.push_back({place.line, place.column, false, std::move(text)});
  }

  void wrong_type() {
    problem(node_, path_ + " is " + std::string(name_of(node_.type())) + ", not " + type_text(key_) +
                       ": write it like " + std::string(key_.name) + " = " + example_text(key_));
  }

  std::optional<std::uint64_t> in_range(std::int64_t amount) {
    if (amount >= 0 && static_cast<std::uint64_t>(amount) >= key_.min &&
        static_cast<std::uint64_t>(amount) <= key_.max) {
      return static_cast<std::uint64_t>(amount);
    }
    problem(node_, path_ + " is out of range: it takes " + range_text(key_));
    return std::nullopt;
  }

  template <class T>
  std::optional<T> accept(Parsed<T> parsed, const toml::node& node) {
    if (auto* const value = std::get_if<T>(&parsed)) return std::move(*value);
    problem(node, path_ + ": " + in_quotes(node.as_string()->get()) + ' ' + std::get<Fault>(parsed).text);
    return std::nullopt;
  }

  template <class Check>
  void read_text(std::string& at, Check check) {
    const auto* const text = node_.as_string();
    if (text == nullptr) return wrong_type();
    if (text->get().empty() && key_.min > 0) {
      return problem(node_, path_ + " is empty: write it like " + std::string(key_.name) + " = " + example_text(key_) +
                                (key_.derived.empty() ? "" : ", or leave it out for " + std::string(key_.derived)));
    }
    if (!in_range(static_cast<std::int64_t>(text->get().size()))) return;
    if (const auto fault = check(text->get()))
      return problem(node_, path_ + ": " + in_quotes(text->get()) + ' ' + *fault);
    at = text->get();
  }

  template <class List, class Parse>
  void read_list(List& at, Parse parse) {
    const auto* const array = node_.as_array();
    if (array == nullptr) return wrong_type();
    if (!in_range(static_cast<std::int64_t>(array->size()))) return;
    at.clear();
    auto& elements = places_.elements[path_];
    for (const toml::node& element : *array) {
      const auto* const text = element.as_string();
      if (text == nullptr) {
        problem(element, path_ + " holds " + std::string(name_of(element.type())) + ": write it like " +
                             std::string(key_.name) + " = " + example_text(key_));
        continue;
      }
      if (auto value = accept(parse(text->get()), element)) {
        at.push_back(std::move(*value));
        elements.push_back(place_of(element.source()));
      }
    }
  }

  const Key& key_;
  const toml::node& node_;
  const std::string path_;
  Places& places_;
  std::vector<ConfigProblem>& problems_;
};

class Reader {
 public:
  Reader(Config& config, Places& places, std::vector<Places>& brokers, std::vector<ConfigProblem>& problems)
      : config_(config), places_(places), brokers_(brokers), problems_(problems) {}

  void read(const toml::table& root) {
    for (const auto& [key, node] : root) {
      const std::string_view name = key.str();
      const auto sections = config_sections();
      if (std::find(sections.begin(), sections.end(), name) == sections.end()) {
        unknown_section(key, node);
      } else if (name == kMqttSection) {
        read_mqtt(node);
      } else if (const auto* const table = node.as_table()) {
        read_section(name, *table);
      } else {
        no_table(key.source(), std::string(name), node);
      }
    }
  }

 private:
  /// `group`: "tls." for the table `tls` in a section.
  void read_section(std::string_view section, const toml::table& table, const std::string& group = "") {
    Places& places = section == kMqttSection ? brokers_.back() : places_;
    for (const auto& [key, node] : table) {
      const std::string name = group + std::string(key.str());
      if (const Key* const known = find_key(section, name)) {
        std::visit(ValueReader(*known, node, places, problems_), known->target(config_));
      } else if (begins_keys(section, name + '.')) {
        if (const auto* const inner = node.as_table()) {
          read_section(section, *inner, name + '.');
        } else {
          no_table(key.source(), std::string(section) + '.' + name, node);
        }
      } else {
        problem(key.source(), "unknown key " + std::string(section) + '.' + name + ": did you mean " +
                                  nearest_key(section, name) + "?");
      }
    }
  }

  static bool begins_keys(std::string_view section, std::string_view group) {
    const auto keys = config_keys();
    return std::any_of(keys.begin(), keys.end(),
                       [&](const Key& key) { return key.section == section && key.name.starts_with(group); });
  }

  void read_mqtt(const toml::node& node) {
    if (const auto* const table = node.as_table()) {
      problem(node.source(), "[mqtt] is one table: write [[mqtt]], a list of brokers");
      return read_section(kMqttSection, *table);
    }
    const auto* const array = node.as_array();
    if (array == nullptr || !std::all_of(array->begin(), array->end(), [](const auto& n) { return n.is_table(); })) {
      return problem(node.source(),
                     "mqtt is no list of tables: write [[mqtt]] on a line of its own, and its keys below");
    }
    if (array->empty()) return problem(node.source(), "mqtt is an empty list: write [[mqtt]], a table for each broker");
    for (std::size_t i = 0; i < array->size(); ++i) {
      const toml::node& broker = (*array)[i];
      if (i == kBrokers) {
        return problem(broker.source(), "more than " + std::to_string(kBrokers) +
                                            " brokers: take tables out, or run another gateway for them");
      }
      if (i > 0) {
        config_.mqtt.emplace_back();
        brokers_.emplace_back();
      }
      brokers_.back().values[std::string(kMqttSection)] = place_of(broker.source());
      read_section(kMqttSection, *broker.as_table());
    }
  }

  void unknown_section(const toml::key& key, const toml::node& node) {
    const std::string name(key.str());
    const auto keys = config_keys();
    const auto known = std::find_if(keys.begin(), keys.end(), [&](const Key& row) { return row.name == name; });
    if (node.is_table() || node.is_array_of_tables()) {
      problem(key.source(),
              "unknown section [" + name + "]: did you mean [" + std::string(nearest_section(name)) + "]?");
    } else if (known != keys.end()) {
      problem(key.source(), name + " stands above the sections: write it below [" + std::string(known->section) + "]");
    } else {
      problem(key.source(), "unknown key " + name + ": did you mean " + nearest_key("", name) + "?");
    }
  }

  void no_table(const toml::source_region& source, const std::string& name, const toml::node& node) {
    problem(source, name + " is " + std::string(name_of(node.type())) + ": write [" + name +
                        "] on a line of its own, and its keys below");
  }

  void problem(const toml::source_region& source, std::string text) {
    problems_.push_back({source.begin.line, source.begin.column, false, std::move(text)});
  }

  Config& config_;
  Places& places_;
  std::vector<Places>& brokers_;  // as many as config_.mqtt
  std::vector<ConfigProblem>& problems_;
};

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0' || name_fault(name.data())) return "fieldcast";
  return name.data();
}

// The same after every start, another one on every machine, and not the machine's id itself, which machine-id(5) wants
// kept private.
std::string default_client_id() {
  std::ifstream file("/etc/machine-id");
  std::string id;
  if (!std::getline(file, id) || id.empty()) id = host_name();
  std::uint32_t hash = 2166136261u;  // FNV-1a
  for (const char c : id) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  std::array<char, 9> digits{};
  std::snprintf(digits.data(), digits.size(), "%08x", hash);
  return std::string("fieldcast-") + digits.data();
}

}  // namespace

bool LoadedConfig::failed() const {
  return std::any_of(problems.begin(), problems.end(), [](const ConfigProblem& p) { return !p.warning; });
}

LoadedConfig parse_config(std::string_view text, const std::string& directory, ConfigFiles use) {
  LoadedConfig out;
  toml::table root;
  try {
    root = toml::parse(text);
  } catch (const toml::parse_error& error) {
    // The parser stops at what is no TOML: what follows is checked when that is mended.
    const Place place = place_of(error.source());
    out.problems.push_back(
        {place.line, place.column, false,
         "no TOML: " + std::string(error.description()) + ": mend this, and check again for what follows"});
    return out;
  }
  Places places;
  std::vector<Places> brokers(out.config.mqtt.size());
  Reader(out.config, places, brokers, out.problems).read(root);
  if (out.config.server.name.empty()) out.config.server.name = host_name();
  for (Config::Mqtt& broker : out.config.mqtt) {
    if (broker.client_id.empty()) broker.client_id = default_client_id();
  }
  find_storage(out.config.storage, directory, places, out.problems);
  check_relations(out.config, places, brokers, out.problems);
  check_server_tls(out.config.server, directory, places, use, out.problems);
  for (std::size_t i = 0; use == ConfigFiles::read && i < brokers.size(); ++i) {
    read_password(out.config.mqtt[i], directory, brokers[i], out.problems);
    check_broker_tls(out.config.mqtt[i], directory, brokers[i], out.problems);
  }
  std::stable_sort(out.problems.begin(), out.problems.end(), [](const ConfigProblem& a, const ConfigProblem& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
  return out;
}

LoadedConfig load_config(const std::string& file, ConfigFiles use) {
  const auto unreadable = [](const std::string& why) {
    LoadedConfig out;
    out.problems.push_back({0, 0, false, why});
    return out;
  };
  if (file.empty()) return unreadable("the name of the configuration file is empty: write --config FILE");
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored)) return unreadable("is a directory: name the file in it");
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  std::string text(kConfigBytes + 1, '\0');
  if (in) in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in.eof() && in.fail()) return unreadable("cannot be read: " + std::string(std::strerror(errno)));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kConfigBytes) return unreadable("is longer than 1 MiB: that is no configuration");
  return parse_config(text, std::filesystem::path(file).parent_path(), use);
}

std::string to_string(const ConfigProblem& problem, std::string_view file) {
  std::string out(file);
  if (problem.line != 0) out += ':' + std::to_string(problem.line) + ':' + std::to_string(problem.column);
  if (!out.empty()) out += ": ";
  return logging::escape(out + (problem.warning ? "warning: " : "") + problem.text);
}

}  // namespace fieldcast

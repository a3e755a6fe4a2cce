#include "app/config_relations.hpp"

#include <algorithm>

#include "adapters/mqtt/settings.hpp"
#include "app/config_values.hpp"
#include "gateway/topic_filter.hpp"
#include "storage/journal.hpp"

namespace fieldcast::config {
namespace {

// Room for a topic (65,535 bytes at most) and the numbers of an entry beside its payload.
constexpr std::size_t kBesidePayload = 64 * 1024;
// Memory that holds fewer of the largest readings than this is emptied by each of them: every client falls behind.
constexpr std::size_t kLargestHeld = 4;

void check_door(const Config::Server& server, const Places& places, Problems& problems) {
  const auto& listen = server.listen;
  const auto place = [&](std::size_t i) {
    const auto found = places.elements.find("server.listen");
    return found == places.elements.end() ? Place{} : found->second[i];
  };
  for (std::size_t i = 0; i < listen.size(); ++i) {
    if (listen[i].port != 0 && std::find(listen.begin(), listen.begin() + i, listen[i]) != listen.begin() + i) {
      add(problems, place(i), "server.listen names \"" + format_listen(listen[i]) + "\" twice: take one out");
    }
    const auto is_any = [](const ListenAddress& address) { return address.host == "0.0.0.0" || address.host == "::"; };
    const auto covers = [&](const ListenAddress& other) {
      const bool same_kind =
          (other.host.find(':') == std::string::npos) == (listen[i].host.find(':') == std::string::npos);
      return other.port == listen[i].port && other.port != 0 && same_kind && other.host != listen[i].host &&
             (is_any(other) || is_any(listen[i]));
    };
    const auto covering = std::find_if(listen.begin(), listen.begin() + i, covers);
    if (covering != listen.begin() + i) {
      add(problems, place(i),
          "server.listen has \"" + format_listen(listen[i]) + "\" and \"" + format_listen(*covering) +
              "\", of which one is every address with that port: take the other one out");
    }
    if (!listen[i].loopback && server.anonymous == Anonymous::loopback && places.sound({"server.anonymous"})) {
      add(problems, place(i),
          "server.listen has \"" + format_listen(listen[i]) +
              "\", which other machines reach, but server.anonymous is \"loopback\": write anonymous = \"read\" to let "
              "everyone who reaches the port read, or listen = [\"127.0.0.1:" +
              std::to_string(listen[i].port) + "\"] to serve this machine only");
    }
  }
}

void check_topics(const Config::Mqtt& mqtt, const Places& places, Problems& problems) {
  const auto found = places.elements.find("mqtt.topics");
  if (found == places.elements.end()) return;
  for (std::size_t i = 0; i < mqtt.topics.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (!overlap(mqtt.topics[j], mqtt.topics[i])) continue;
      add(problems, found->second[i],
          "mqtt.topics: \"" + mqtt.topics[i] + "\" and \"" + mqtt.topics[j] +
              "\" both match some topics, whose messages a broker may send twice: take one out, or make them narrower");
    }
  }
}

void check_keep(const Config::Storage& storage, const Places& places, Problems& problems) {
  if (!places.sound({"storage.commit_interval", "storage.keep_for"})) return;
  if (storage.commit_interval <= storage.keep_for) return;
  add(problems, places.of({"storage.commit_interval", "storage.keep_for"}),
      "storage.commit_interval is \"" + format_duration(storage.commit_interval) + "\", longer than keep_for = \"" +
          format_duration(storage.keep_for) +
          "\", so that readings expire before they are written: write a shorter "
          "commit_interval, or a longer keep_for");
}

void check_user(const Config::Mqtt& mqtt, const Places& places, Problems& problems) {
  if (!places.sound({"mqtt.user", "mqtt.password_file"})) return;
  if (mqtt.user.empty() && !mqtt.password_file.empty()) {
    add(problems, places.of({"mqtt.password_file"}),
        "mqtt.password_file is given without mqtt.user: write user = \"…\" too, or take password_file out");
  }
}

/// What two brokers must not share.
void check_brokers(const std::vector<Config::Mqtt>& brokers, const std::vector<Places>& places, Problems& problems) {
  const auto line = [&](std::size_t i) { return "line " + std::to_string(places[i].of({"mqtt"}).line); };
  for (std::size_t i = 1; i < brokers.size(); ++i) {
    if (!places[i].values.contains("mqtt.name")) {
      add(problems, places[i].of({"mqtt"}),
          "mqtt.name is missing: each broker behind the first needs one of its own: write name = \"…\"");
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (places[i].values.contains("mqtt.name") && brokers[i].name == brokers[j].name &&
          places[i].sound({"mqtt.name"}) && places[j].sound({"mqtt.name"})) {
        add(problems, places[i].of({"mqtt.name"}),
            "mqtt.name: \"" + brokers[i].name + "\" is the name of the broker in " + line(j) +
                " too: give each one of its own");
      }
      if (brokers[i].url != brokers[j].url || !places[i].sound({"mqtt.url", "mqtt.client_id"}) ||
          !places[j].sound({"mqtt.url", "mqtt.client_id"}))
        continue;
      const Place place = places[i].of({"mqtt.client_id", "mqtt.url", "mqtt"});
      const std::string &id = brokers[i].client_id, &other = brokers[j].client_id;
      if (id == other) {
        add(problems, place,
            "mqtt.client_id: \"" + id + "\" is at " + format_broker_url(brokers[i].url) + " already, in the table in " +
                line(j) + ", and each connection would end the other: write another client_id, or join the two tables");
      } else if (id == mqtt::commands_client_id(other) || other == mqtt::commands_client_id(id)) {
        add(problems, place,
            "mqtt.client_id: \"" + std::max(id, other) + "\" is the name under which the broker \"" +
                brokers[id.size() < other.size() ? i : j].name +
                "\" publishes commands, and each connection would end the other: write another client_id in the table "
                "in " +
                line(id.size() < other.size() ? j : i));
      }
    }
  }
}

/// Each thread divides limits.view_bytes with the others. With less than `least` it serves all the same, from the log.
void check_shares(const Config& config, std::size_t least, const Places& places, Problems& problems) {
  const std::size_t threads = config.server.threads, bytes = config.limits.view_bytes;
  if (bytes < least || bytes >= least * threads || !places.sound({"limits.view_bytes", "server.threads"})) return;
  add(problems, places.of({"server.threads"}),
      "server.threads: " + std::to_string(threads) + " threads divide limits.view_bytes = \"" + format_size(bytes) +
          "\", too little for " + std::to_string(kLargestHeld) +
          " of the largest readings each, so that clients are served from the log: write view_bytes = \"" +
          format_size((least * threads + 1023) / 1024 * 1024) + "\" or more, or fewer threads",
      true);
}

/// Each of these must hold the largest readings that limits.payload lets in.
void check_memory(const Config& config, const Places& places, const std::vector<Places>& brokers, Problems& problems) {
  if (!places.sound({"limits.payload"})) return;
  const std::size_t largest = config.limits.payload + kBesidePayload;
  const auto need_in = [&](const Places& own, const char* key, std::size_t bytes, std::size_t least,
                           const std::string& what) {
    if (bytes >= least || !own.sound({key})) return;
    const std::string name = key;
    const Place place = own.of({key});
    add(problems, place.line != 0 ? place : places.of({"limits.payload"}),
        name + " is \"" + format_size(bytes) + "\", too little for " + what + " with limits.payload = \"" +
            format_size(config.limits.payload) + "\": write " + name.substr(name.find('.') + 1) + " = \"" +
            format_size((least + 1023) / 1024 * 1024) + "\" or more, or a smaller payload");
  };
  const auto need = [&](const char* key, std::size_t bytes, std::size_t least, const std::string& what) {
    need_in(places, key, bytes, least, what);
  };
  const std::string held = std::to_string(kLargestHeld) + " of the largest readings";
  need("storage.memory_bytes", config.storage.memory_bytes,
       std::max(kLargestHeld * largest, Journal::smallest(config.limits)), held);
  need("storage.keep_bytes", config.storage.keep_bytes, kLargestHeld * largest, held);
  need("limits.latest_bytes", config.limits.latest_bytes, kLargestHeld * largest, held);
  need("limits.view_bytes", config.limits.view_bytes, kLargestHeld * largest, held);
  check_shares(config, kLargestHeld * largest, places, problems);
  for (std::size_t i = 0; i < brokers.size(); ++i) {
    need_in(brokers[i], "mqtt.maximum_packet_size", config.mqtt[i].maximum_packet_size, largest, "the largest reading");
  }
}

}  // namespace

void add(Problems& problems, Place place, std::string text, bool warning) {
  problems.push_back({place.line, place.column, warning, std::move(text)});
}

Place Places::of(std::initializer_list<const char*> keys) const {
  for (const char* const key : keys) {
    if (const auto found = values.find(key); found != values.end()) return found->second;
  }
  return {};
}

bool Places::sound(std::initializer_list<const char*> keys) const {
  return std::none_of(keys.begin(), keys.end(), [&](const char* key) { return faulty.contains(key); });
}

void check_relations(const Config& config, const Places& places, const std::vector<Places>& brokers,
                     Problems& problems) {
  check_door(config.server, places, problems);
  for (std::size_t i = 0; i < brokers.size(); ++i) {
    check_topics(config.mqtt[i], brokers[i], problems);
    check_user(config.mqtt[i], brokers[i], problems);
  }
  check_brokers(config.mqtt, brokers, problems);
  check_keep(config.storage, places, problems);
  check_memory(config, places, brokers, problems);
}

}  // namespace fieldcast::config

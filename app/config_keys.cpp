#include "app/config_keys.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <type_traits>

#include "app/config_values.hpp"
#include "gateway/entry.hpp"
#include "storage/store.hpp"

namespace fieldcast::config {
namespace {

constexpr std::uint64_t kKiB = 1u << 10, kMiB = 1u << 20, kGiB = 1u << 30;
constexpr std::uint64_t kSecond = 1000, kMinute = 60 * kSecond, kHour = 60 * kMinute, kDay = 24 * kHour;

constexpr std::array kKeys{
    Key{"server", "name", [](Config& c) -> Target { return Name{&c.server.name}; }, 1, 64,
        "Name of this gateway, in link entries and log lines.", "the host name", R"("hall-3")"},
    Key{"server", "listen", [](Config& c) -> Target { return Addresses{&c.server.listen}; }, 1, 16,
        "IP addresses and ports to serve on, IPv6 as \"[::1]:8080\". Port 0 takes a free one, named in a log line. "
        "Each costs a socket.",
        "", ""},
    Key{"server", "anonymous", [](Config& c) -> Target { return &c.server.anonymous; }, 0, 0,
        "What anyone may do who reaches the port: everything, but from this machine only (\"loopback\"); or what the "
        "other words say.",
        "", ""},
    Key{"server", "hosts", [](Config& c) -> Target { return Hosts{&c.server.hosts}; }, 0, 64,
        "Names under which clients reach this gateway, besides IP addresses, localhost and this machine's own name "
        "(also with .local). A request for another one is refused, which stops DNS rebinding.",
        "", ""},
    Key{"server", "origins", [](Config& c) -> Target { return Origins{&c.server.origins}; }, 0, 64,
        "Origins of web pages from elsewhere that may use this gateway, like \"https://panel.example\". Every page of "
        "such an origin reads with the rights of its visitor.",
        "", ""},
    Key{"server", "threads", [](Config& c) -> Target { return Count{&c.server.threads}; }, 0, 64,
        "Threads that serve clients; 0: one per core. Each client belongs to one of them. Each thread reads the whole "
        "log itself, encodes for its own clients, and has its share of limits.views, limits.view_bytes and "
        "limits.polls: "
        "more than the "
        "clients need only cost.",
        "", ""},
    Key{"server", "tls.certificate", [](Config& c) -> Target { return File{&c.server.tls.certificate}; }, 1, 4096,
        "PEM file with the certificate and, behind it, those between it and the authority. Given with tls.key, "
        "everything is served over TLS 1.2 or later (https://, wss://), and nothing without. Looked at again every "
        "minute, so that a renewed one is used without a restart. A relative name is looked for among systemd's "
        "credentials, then beside this file. Each client costs more memory.",
        "none: no TLS", R"("fieldcast.crt")"},
    Key{"server", "tls.key", [](Config& c) -> Target { return File{&c.server.tls.key}; }, 1, 4096,
        "PEM file with the certificate's private key, without passphrase; found in the same places.", "none",
        R"("fieldcast.key")"},

    Key{"mqtt", "name", [](Config& c) -> Target { return Name{&c.mqtt.back().name}; }, 1, kBrokerNameBytes,
        "Name of this broker, in link entries, metrics and log lines, and where there are several in every reading. No "
        "two have the same; only the first may go without one.",
        "", ""},
    Key{"mqtt", "url", [](Config& c) -> Target { return Url{&c.mqtt.back().url}; }, 0, 0,
        "Where the broker is: `mqtt://host` or `mqtt://host:port`; with TLS `mqtts://host`, whose port is 8883 unless "
        "given. Without TLS what passes can be read on the way, the password too.",
        "", ""},
    Key{"mqtt", "client_id", [](Config& c) -> Target { return Name{&c.mqtt.back().client_id}; }, 1, 128,
        "Client identifier, the key of the session at the broker: two clients with the same one throw each other out, "
        "and another one begins a session without what was kept.",
        "\"fieldcast-\" and 8 hex digits derived from the machine id", R"("fieldcast-hall-3")"},
    Key{"mqtt", "topics", [](Config& c) -> Target { return Filters{&c.mqtt.back().topics}; }, 1, 256,
        "Topic filters to subscribe to; `#` is every topic that does not begin with `$`. No two may match the same "
        "topic, since a broker may then send a message twice. Every message costs its place in the log.",
        "", ""},
    Key{"mqtt", "qos", [](Config& c) -> Target { return Count{&c.mqtt.back().qos}; }, 0, 2,
        "Highest quality of service. 0 loses what is sent while the connection is down; 1 costs an acknowledgement a "
        "message, and the broker keeps what it could not deliver; 2 costs two round trips.",
        "", ""},
    Key{"mqtt", "prefix", [](Config& c) -> Target { return Prefix{&c.mqtt.back().prefix}; }, 0, 256,
        "Put before this broker's topics in the log, like \"hall-3/\". Costs its length in every reading.", "", ""},
    Key{"mqtt", "session_expiry", [](Config& c) -> Target { return &c.mqtt.back().session_expiry; }, 0, 365 * kDay,
        "How long the broker keeps the session and its messages while the gateway is away. Costs the broker's memory; "
        "it may allow less.",
        "", ""},
    Key{"mqtt", "keep_alive", [](Config& c) -> Target { return &c.mqtt.back().keep_alive; }, 5 * kSecond, kHour,
        "Longest silence on the connection. A dead link is noticed after one and a half of it at the latest; shorter "
        "costs a packet each way in so much time.",
        "", ""},
    Key{"mqtt", "receive_maximum", [](Config& c) -> Target { return Count{&c.mqtt.back().receive_maximum}; }, 1, 65'535,
        "Messages of QoS 1 and 2 that the broker may send ahead of their acknowledgement. More is faster over a slow "
        "network, and costs as many that come again after a crash.",
        "", ""},
    Key{"mqtt", "maximum_packet_size", [](Config& c) -> Target { return Bytes{&c.mqtt.back().maximum_packet_size}; },
        64 * kKiB, 255 * kMiB,
        "Largest packet that the broker may send; it drops a larger one without a word. One such packet of each "
        "broker is held in memory at a time.",
        "", ""},
    Key{"mqtt", "user", [](Config& c) -> Target { return Text{&c.mqtt.back().user}; }, 1, 256,
        "User name at the broker.", "none", R"("fieldcast")"},
    Key{"mqtt", "password_file", [](Config& c) -> Target { return File{&c.mqtt.back().password_file}; }, 1, 4096,
        "File that holds the password and nothing else. A relative name is looked for among systemd's credentials, "
        "then beside this file.",
        "none", R"("mqtt-password")"},
    Key{"mqtt", "probe", [](Config& c) -> Target { return &c.mqtt.back().probe; }, 0, 0,
        "Whether the gateway sends itself two small messages a second through the broker, on the topic "
        "`fieldcast/probe/` and its client_id. They keep readings from waiting up to 0.1 s, and show soon that a link "
        "is dead; \"auto\": where the broker is on this machine. Nothing on a topic that begins with "
        "`fieldcast/probe/` is ever a reading, whichever gateway sent it.",
        "", ""},
    Key{"mqtt", "tls.ca", [](Config& c) -> Target { return File{&c.mqtt.back().tls_ca}; }, 1, 4096,
        "PEM file with the certificates of the authorities that the broker's certificate may come from; only with "
        "mqtts://. A relative name is looked for among systemd's credentials, then beside this file.",
        "those that the system trusts", R"("ca.crt")"},
    Key{"mqtt", "tls.certificate", [](Config& c) -> Target { return File{&c.mqtt.back().tls.certificate}; }, 1, 4096,
        "PEM file with the certificate that is shown to a broker which asks for one; found in the same places.", "none",
        R"("client.crt")"},
    Key{"mqtt", "tls.key", [](Config& c) -> Target { return File{&c.mqtt.back().tls.key}; }, 1, 4096,
        "PEM file with that certificate's private key, without passphrase; found in the same places.", "none",
        R"("client.key")"},

    Key{"storage", "path", [](Config& c) -> Target { return File{&c.storage.path}; }, 1, 4096,
        "The database: one SQLite file, with two more beside it while the gateway runs. Its directory must be there "
        "and belong to the gateway's user; a relative name is beside this file. Where it cannot be written, live "
        "delivery goes on without it.",
        "", ""},
    Key{"storage", "journal", [](Config& c) -> Target { return Directory{&c.storage.journal}; }, 1, 4096,
        "Directory, made where it is missing, for what is not in the database yet. On tmpfs it outlives the gateway, "
        "even where that is killed, but no power cut, and spares the disk; elsewhere every reading is written to that "
        "disk too. A relative name is beside this file.",
        "`$RUNTIME_DIRECTORY`, else `/dev/shm/fieldcast-` and the user's number", R"("/run/fieldcast")"},
    Key{"storage", "commit_interval", [](Config& c) -> Target { return &c.storage.commit_interval; }, 0, kHour,
        "How long readings wait at most until they are written to the disk: what a power cut may cost. Each time costs "
        "a sync of the disk, so longer spares it. \"0s\": each message waits for the disk before it is acknowledged to "
        "the broker. Then no more come in a second, from all brokers together, than the disk does syncs, and flash "
        "wears "
        "sooner.",
        "", ""},
    Key{"storage", "keep_for", [](Config& c) -> Target { return &c.storage.keep_for; }, kMinute, 3'650 * kDay,
        "How long readings are kept on disk, but for keep_bytes. They are deleted in blocks of some thousand, so up to "
        "an "
        "eighth later; the latest of each topic stays in any case.",
        "", ""},
    Key{"storage", "keep_bytes", [](Config& c) -> Target { return Bytes{&c.storage.keep_bytes}; }, kSmallestKeep,
        16'384 * kGiB,
        "What the database may take on the disk, the write-ahead log beside it included. Past it the oldest readings "
        "go, however young they are.",
        "", ""},
    Key{"storage", "memory_bytes", [](Config& c) -> Target { return Bytes{&c.storage.memory_bytes}; }, 64 * kKiB,
        64 * kGiB,
        "Size of the journal, which is also the memory for recent readings. Taken in full at the start, in tmpfs and "
        "so of the machine's memory. While the disk is away it holds so much, then the oldest readings are lost.",
        "", ""},
    Key{"storage", "memory_readings", [](Config& c) -> Target { return Count{&c.storage.memory_readings}; }, 1,
        100'000'000,
        "Most entries kept in memory that are on disk too: clients that come back go on from them without reading the "
        "disk. Each costs about 16 bytes besides those.",
        "", ""},

    Key{"limits", "payload", [](Config& c) -> Target { return Bytes{&c.limits.payload}; }, 1, 64 * kMiB,
        "Longest payload kept. Of a longer one only the size is, marked `omitted`.", "", ""},
    Key{"limits", "batch_bytes", [](Config& c) -> Target { return Bytes{&c.limits.batch_bytes}; }, kKiB, 16 * kMiB,
        "Most bytes of readings in one batch, or one reading. Costs so much memory a client that is catching up.", "",
        ""},
    Key{"limits", "topics", [](Config& c) -> Target { return Count{&c.limits.topics}; }, 1, 10'000'000,
        "Topics whose latest reading is remembered, also past storage.keep_for and over restarts. Past this number the "
        "one silent longest is forgotten.",
        "", ""},
    Key{"limits", "latest_bytes", [](Config& c) -> Target { return Bytes{&c.limits.latest_bytes}; }, 64 * kKiB,
        64 * kGiB, "Memory for those latest readings. Taken as it fills.", "", ""},
    Key{"limits", "filters", [](Config& c) -> Target { return Count{&c.limits.filters}; }, 1, 10'000,
        "Topic filters of one stream. Each costs time for every reading that it matches.", "", ""},
    Key{"limits", "views", [](Config& c) -> Target { return Count{&c.limits.views}; }, 1, 1'000'000,
        "Different sets of topic filters in use at once; clients with the same set share one, and each set encodes its "
        "readings once. Past it a new set is refused. Divided among the threads of the server.",
        "", ""},
    Key{"limits", "view_bytes", [](Config& c) -> Target { return Bytes{&c.limits.view_bytes}; }, 64 * kKiB, 64 * kGiB,
        "Memory for encoded readings, all sets together, divided among the threads of the server. A client that falls "
        "behind it is served from the log, which costs an encoding of its own.",
        "", ""},
    Key{"limits", "connections", [](Config& c) -> Target { return Count{&c.limits.connections}; }, 1, 1'000'000,
        "Clients connected at once; each costs a file descriptor. Past it a new one is told to come back later.", "",
        ""},
    Key{"limits", "connections_per_address",
        [](Config& c) -> Target { return Count{&c.limits.connections_per_address}; }, 0, 1'000'000,
        "Clients connected at once from one address, of IPv6 from one /64 network; 0: no limit of its own. Past it a "
        "new "
        "one is told to come back later. A proxy, and all behind one router, are one address.",
        "", ""},
    Key{"limits", "polls", [](Config& c) -> Target { return Count{&c.limits.polls}; }, 1, 1'000'000,
        "Long polls that wait at once. Past it a new one that would have to wait is told to come back later. Divided "
        "among the threads of the server.",
        "", ""},
    Key{"limits", "client_lag", [](Config& c) -> Target { return &c.limits.client_lag; }, kSecond, kHour,
        "How long a reading may wait for a client that reads too slowly. Up to then the client gets everything, from "
        "the "
        "log where need be; past it comes what slow_client says. The replay with which a stream begins is never too "
        "slow, "
        "nor is a poll. Longer spares clients on bad networks their gaps, and costs encodings of their own, and reads "
        "from the disk, while they catch up.",
        "", ""},
    Key{"limits", "slow_client", [](Config& c) -> Target { return &c.limits.slow_client; }, 0, 0,
        "What becomes of a client past client_lag. \"gap\": it is told of one gap, and goes on with the next reading. "
        "\"disconnect\": it is told `slow`, and its connection ends. Its cursor stays good, so where it comes back "
        "with "
        "it, it misses nothing that is kept; that costs a replay.",
        "", ""},
    Key{"limits", "stalled", [](Config& c) -> Target { return &c.stalled; }, kSecond, kDay,
        "How long a client's socket may take no byte until it is closed.", "", ""},

    Key{"log", "level", [](Config& c) -> Target { return &c.log_level; }, 0, 0,
        "Least severe line that is written. \"debug\" costs a line or more for every client that comes and goes.", "",
        ""},
};

constexpr std::array<std::string_view, 5> kSections{"server", kMqttSection, "storage", "limits", "log"};
constexpr std::array<std::string_view, 3> kAnonymousWords{"loopback", "read", "read and publish"};
constexpr std::array<std::string_view, 3> kProbeWords{"auto", "on", "off"};
constexpr std::array<std::string_view, 2> kSlowClientWords{"gap", "disconnect"};
constexpr std::array<std::string_view, 4> kLevelWords{"debug", "info", "warning", "error"};

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;  // clang 14 cannot do without

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  out += text;
  return out + '"';
}

template <class List, class Format>
std::string list_text(const List& list, Format format) {
  std::string out = "[";
  for (const auto& element : list) {
    if (out.size() > 1) out += ", ";
    out += in_quotes(format(element));
  }
  return out + ']';
}

/// Edit distance with transpositions (optimal string alignment).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before, previous(b.size() + 1), row(b.size() + 1);
  std::iota(previous.begin(), previous.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = previous;
    std::swap(previous, row);
  }
  return previous[b.size()];
}

// A name longer than any key by this much is nearest to nothing; cut, so that a long one costs no time.
constexpr std::size_t kLongestCompared = 64;

}  // namespace

std::span<const Key> config_keys() {
  return kKeys;
}
std::span<const std::string_view> config_sections() {
  return kSections;
}

const Key* find_key(std::string_view section, std::string_view name) {
  const auto found = std::find_if(kKeys.begin(), kKeys.end(),
                                  [&](const Key& key) { return key.section == section && key.name == name; });
  return found == kKeys.end() ? nullptr : &*found;
}

std::span<const std::string_view> words(Anonymous) {
  return kAnonymousWords;
}
std::span<const std::string_view> words(Probe) {
  return kProbeWords;
}
std::span<const std::string_view> words(SlowClient) {
  return kSlowClientWords;
}
std::span<const std::string_view> words(logging::Level) {
  return kLevelWords;
}

std::string default_text(const Key& key) {
  if (!key.derived.empty()) return {};
  Config defaults;
  const auto same = [](const std::string& text) { return text; };
  return std::visit(Overloaded{[](Count count) { return std::to_string(*count.at); },
                               [](Bytes bytes) { return in_quotes(format_size(*bytes.at)); },
                               [](Url url) { return in_quotes(format_broker_url(*url.at)); },
                               [](Addresses list) { return list_text(*list.at, format_listen); },
                               [&](auto value) {
                                 if constexpr (requires { value.at->push_back(std::string{}); }) {
                                   return list_text(*value.at, same);
                                 } else if constexpr (requires { value.at->c_str(); }) {
                                   return in_quotes(*value.at);
                                 } else if constexpr (requires { words(*value); }) {
                                   return in_quotes(words(*value)[static_cast<std::size_t>(*value)]);
                                 } else {
                                   return in_quotes(format_duration(*value));
                                 }
                               }},
                    key.target(defaults));
}

std::string example_text(const Key& key) {
  return key.derived.empty() ? default_text(key) : std::string(key.example);
}

std::string type_text(const Key& key) {
  Config unused;
  using namespace std::string_literals;
  return std::visit(
      Overloaded{[](Count) { return "number"s; }, [](Bytes) { return "size"s; }, [](Url) { return "broker's URL"s; },
                 [](Addresses) { return "list of addresses"s; }, [](Hosts) { return "list of host names"s; },
                 [](Origins) { return "list of origins"s; }, [](Filters) { return "list of topic filters"s; },
                 [](File) { return "file name"s; }, [](Directory) { return "directory name"s; },
                 [](std::chrono::milliseconds*) { return "duration"s; },
                 [](std::chrono::seconds*) { return "duration in whole seconds"s; },
                 [](auto value) {
                   if constexpr (requires { words(*value); }) {
                     const auto choices = words(*value);
                     std::string out = in_quotes(choices.front());
                     for (std::size_t i = 1; i < choices.size(); ++i)
                       out += (i + 1 < choices.size() ? ", " : " or ") + in_quotes(choices[i]);
                     return out;
                   } else {
                     return "text"s;
                   }
                 }},
      key.target(unused));
}

std::string range_text(const Key& key) {
  if (key.max == 0) return {};
  Config unused;
  const auto both = [&](auto format, const std::string& unit) {
    return format(key.min) + " to " + format(key.max) + unit;
  };
  const auto number = [](std::uint64_t n) { return std::to_string(n); };
  const auto span = [](std::uint64_t ms) {
    return format_duration(std::chrono::milliseconds(static_cast<std::int64_t>(ms)));
  };
  return std::visit(Overloaded{[&](Count) { return both(number, ""); }, [&](Bytes) { return both(format_size, ""); },
                               [&](std::chrono::milliseconds*) { return both(span, ""); },
                               [&](std::chrono::seconds*) { return both(span, ""); },
                               [&](auto value) {
                                 return both(
                                     number, requires { value.at->c_str(); } ? " bytes" : " entries");
                               }},
                    key.target(unused));
}

std::string nearest_key(std::string_view section, std::string_view name) {
  const auto cost = [&](const Key& key) {
    return distance(key.name, name.substr(0, kLongestCompared)) + (key.section == section ? 0 : 1);
  };
  const auto nearest =
      std::min_element(kKeys.begin(), kKeys.end(), [&](const Key& a, const Key& b) { return cost(a) < cost(b); });
  return std::string(nearest->section) + '.' + std::string(nearest->name);
}

std::string_view nearest_section(std::string_view name) {
  const auto cost = [&](std::string_view section) { return distance(section, name.substr(0, kLongestCompared)); };
  return *std::min_element(kSections.begin(), kSections.end(),
                           [&](std::string_view a, std::string_view b) { return cost(a) < cost(b); });
}

}  // namespace fieldcast::config

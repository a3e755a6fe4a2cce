// The configuration as the operator wrote it, checked: plain values that app/ hands to the rooms. Read once,
// at the start, on the main thread; the values are copied, so nobody owns it longer than main does.
//
// Nothing here throws for what the file holds: every problem is collected with its place and a remedy, so
// that an operator mends a file once and not key by key. The table of keys is app/config_keys.cpp.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/logging/logging.hpp"
#include "gateway/limits.hpp"

namespace fieldcast {

/// What a client may do that does not say who it is.
enum class Anonymous : std::uint8_t { loopback, read, read_and_publish };

/// Whether a broker connection sends itself messages to find out early that the link is dead; `automatic`:
/// where the broker is on this machine.
enum class Probe : std::uint8_t { automatic, on, off };

struct ListenAddress {
  std::string host;        // an IP address in its shortest form, without brackets
  std::uint16_t port = 0;  // 0: any that is free
  bool loopback = false;   // reached from this machine only

  bool operator==(const ListenAddress&) const = default;
};

struct BrokerUrl {
  std::string host;  // a name or an IP address, without brackets
  std::uint16_t port = 1883;
  bool tls = false;

  bool operator==(const BrokerUrl&) const = default;
};

/// A certificate and its key: after reading the files as they are found. Both are empty, or none.
struct TlsFiles {
  std::string certificate;
  std::string key;

  bool given() const { return !certificate.empty(); }
};

/// The initial values are the defaults of the keys.
struct Config {
  struct Server {
    std::string name;  // never empty after reading: the host name where none is given
    std::vector<ListenAddress> listen{{"127.0.0.1", 8080, true}};
    Anonymous anonymous = Anonymous::loopback;
    std::vector<std::string> hosts;    // lower case, without port
    std::vector<std::string> origins;  // as browsers write them: lower case, without the scheme's own port
    std::size_t threads = 0;           // that serve clients; 0: one per core
    TlsFiles tls;                      // given: all is served over TLS
  };

  /// One broker.
  struct Mqtt {
    std::string name = "local";  // no two have the same
    BrokerUrl url{"127.0.0.1", 1883};
    std::string client_id;                 // never empty after reading: made from the machine's id
    std::vector<std::string> topics{"#"};  // without fault, no two of them overlap
    std::size_t qos = 1;
    std::string prefix;
    std::chrono::seconds session_expiry{std::chrono::hours{1}};
    std::chrono::seconds keep_alive{15};
    std::size_t receive_maximum = 500;
    std::size_t maximum_packet_size = 16u << 20;
    std::string user;           // empty: none
    std::string password_file;  // empty: none; as written
    std::string password;       // what the file holds, without the newline at its end: never print it
    Probe probe = Probe::automatic;
    std::string tls_ca;  // of a broker by mqtts://; empty: the system's authorities
    TlsFiles tls;        // given: what we show to the broker
  };

  struct Storage {
    std::string path = "/var/lib/fieldcast/fieldcast.db";  // absolute after reading
    std::string journal;  // a directory; never empty after reading, and absolute: the user's own in memory by default
    std::chrono::milliseconds commit_interval{std::chrono::seconds{1}};
    std::chrono::milliseconds keep_for{std::chrono::hours{7 * 24}};
    std::size_t keep_bytes = 1u << 30;
    std::size_t memory_bytes = 16u << 20;
    std::size_t memory_readings = 100'000;
  };

  Server server;
  std::vector<Mqtt> mqtt = std::vector<Mqtt>(1);  // at least one, at most kBrokers
  Storage storage;
  Limits limits;
  std::chrono::milliseconds stalled{std::chrono::minutes{5}};
  logging::Level log_level = logging::Level::info;
};

/// One thing wrong with the file, and what to write instead. It may quote the file.
struct ConfigProblem {
  std::uint32_t line = 0;    // from 1; 0: the file as a whole
  std::uint32_t column = 0;  // from 1, in code points
  bool warning = false;      // the gateway starts nevertheless
  std::string text;
};

struct LoadedConfig {
  Config config;                        // of no use where failed()
  std::vector<ConfigProblem> problems;  // in the order of the file

  bool failed() const;
};

/// Whether the files with secrets and certificates that it names are read and judged: a tool does without, since
/// whoever uses one need not be allowed to read them.
enum class ConfigFiles : bool { leave, read };

/// `text` is TOML 1.0. Relative files named in it are in `directory`, those of passwords and for TLS
/// first in systemd's $CREDENTIALS_DIRECTORY. Reads the host name, the environment and those files.
LoadedConfig parse_config(std::string_view text, const std::string& directory, ConfigFiles use = ConfigFiles::read);

/// Reads a file of at most kConfigBytes; one that cannot be read is a problem too.
LoadedConfig load_config(const std::string& file, ConfigFiles use = ConfigFiles::read);

// A configuration is written by hand: a longer file is not one, or comes out of a pipe without end.
inline constexpr std::size_t kConfigBytes = 1u << 20;
// Brokers of one gateway: each has a thread, and may hold one packet of its maximum_packet_size (256 MiB together by
// default). A hall has a few; a site with more has a gateway in each hall.
inline constexpr std::size_t kBrokers = 16;
// MQTT's own bound on a password (a length in two bytes).
inline constexpr std::size_t kPasswordBytes = 65'535;

/// `FILE:LINE:COLUMN: text`, control characters made visible.
std::string to_string(const ConfigProblem& problem, std::string_view file);

}  // namespace fieldcast

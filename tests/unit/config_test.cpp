#include "app/config.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "app/config_keys.hpp"
#include "app/config_values.hpp"
#include "storage/journal.hpp"

namespace fieldcast {
namespace {

using namespace std::chrono_literals;

const std::string kBroker = "[[mqtt]]\n";

/// `file:LINE:COLUMN: text` of each problem.
std::vector<std::string> problems(const std::string& text, const std::string& directory = "/nonexistent") {
  std::vector<std::string> out;
  for (const auto& problem : parse_config(text, directory).problems) out.push_back(to_string(problem, "f"));
  return out;
}

/// The one problem of `text`, or all of them in a line that no test expects.
std::string problem(const std::string& text) {
  const auto all = problems(text);
  if (all.size() == 1) return all[0];
  std::string out = std::to_string(all.size()) + " problems:";
  for (const auto& one : all) out += '\n' + one;
  return out;
}

Config sound(const std::string& text) {
  const auto loaded = parse_config(text, "/nonexistent");
  for (const auto& problem : loaded.problems) ADD_FAILURE() << to_string(problem, "f");
  return loaded.config;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

#define EXPECT_PROBLEM(text, begin, part)                      \
  do {                                                         \
    const std::string found_ = problem(text);                  \
    EXPECT_TRUE(found_.starts_with(begin)) << found_;          \
    EXPECT_NE(found_.find(part), std::string::npos) << found_; \
  } while (false)

TEST(Config, EveryKeyHasADefault) {
  const Config config = sound(kBroker);
  EXPECT_FALSE(config.server.name.empty());
  ASSERT_EQ(config.mqtt[0].client_id.size(), std::string("fieldcast-").size() + 8) << config.mqtt[0].client_id;
  EXPECT_TRUE(config.mqtt[0].client_id.starts_with("fieldcast-")) << config.mqtt[0].client_id;
  EXPECT_EQ(config.mqtt[0].client_id.find_first_not_of("0123456789abcdef", std::string("fieldcast-").size()),
            std::string::npos)
      << config.mqtt[0].client_id;
  EXPECT_EQ(config.server.listen, (std::vector<ListenAddress>{{"127.0.0.1", 8080, true}}));
  EXPECT_EQ(config.server.anonymous, Anonymous::loopback);
  EXPECT_EQ(config.mqtt[0].url, (BrokerUrl{"127.0.0.1", 1883}));
  EXPECT_EQ(config.mqtt[0].session_expiry, 1h);
  EXPECT_EQ(config.storage.path, "/var/lib/fieldcast/fieldcast.db");
  EXPECT_EQ(config.storage.commit_interval, 1s);
  EXPECT_EQ(config.storage.keep_for, 168h);
  EXPECT_EQ(config.storage.keep_bytes, 1u << 30);
  EXPECT_EQ(config.storage.memory_bytes, 16u << 20);
  EXPECT_EQ(config.storage.memory_readings, 100'000u);
  EXPECT_EQ(config.limits.payload, 256u << 10);
  EXPECT_EQ(config.stalled, 5min);
  EXPECT_EQ(config.server.threads, 0u);
  EXPECT_EQ(config.limits.client_lag, 60s);
  EXPECT_EQ(config.limits.slow_client, SlowClient::gap);
}

TEST(Config, TheSettledExampleIsAccepted) {
  const auto loaded = parse_config(R"([server]
    name = "hall-3"                      # default: the host name
    listen = ["127.0.0.1:8080"]
    anonymous = "loopback"               # read and publish, from this machine only; or what anyone who reaches the port may do: "read", "read and publish"
    threads = 0                          # 0: one per core

    [[mqtt]]
    name = "local"
    url = "mqtt://127.0.0.1:1883"        # mqtts:// for TLS
    client_id = "fieldcast-hall-3"
    topics = ["factory/#"]
    qos = 1
    prefix = ""                          # put before this broker's topics in the log, taken off when publishing
    session_expiry = "1h"                # outlives a stop of the gateway: what is published meanwhile comes when it is back

    [storage]
    path = "/var/lib/fieldcast/fieldcast.db"
    commit_interval = "1s"
    keep_for = "7d"
    keep_bytes = "1GiB"

    [limits]
    client_lag = "60s"
    slow_client = "gap"
    payload = "256KiB"                   # sizes: bytes, or a string with KiB, MiB, GiB
)",
                                   "/nonexistent");
  // The database's directory need not be there.
  for (const auto& problem : loaded.problems) EXPECT_TRUE(problem.warning) << to_string(problem, "f");
  const Config& config = loaded.config;
  EXPECT_EQ(config.server.name, "hall-3");
  EXPECT_EQ(config.server.threads, 0u);
  ASSERT_EQ(config.mqtt.size(), 1u);
  EXPECT_EQ(config.mqtt[0].client_id, "fieldcast-hall-3");
  EXPECT_EQ(config.limits.client_lag, 60s);
  EXPECT_EQ(config.limits.slow_client, SlowClient::gap);
}

TEST(Config, ReadsEveryKey) {
  const Config config = sound(R"(
[server]
name = "hall-3"
listen = ["0.0.0.0:80", "[::1]:0"]
anonymous = "read and publish"
hosts = ["Gateway.Example"]
origins = ["https://panel.example", "HTTPS://Panel.Example:443", "http://[0::1]:3000"]
threads = 3
[[mqtt]]
name = "press"
url = "mqtt://Broker.example:1884"
client_id = "me"
topics = ["a/+/c", "b/#"]
qos = 2
prefix = "hall-3/"
session_expiry = "0s"
keep_alive = "60s"
receive_maximum = 20
maximum_packet_size = "1MiB"
user = "u"
probe = "off"
[storage]
path = "/tmp/history.db"
journal = "/dev/shm/journal"
commit_interval = "0s"
keep_for = "1m"
keep_bytes = "16MiB"
memory_bytes = 33554432
memory_readings = 10
[limits]
payload = "128KiB"
batch_bytes = "1MiB"
topics = 5
latest_bytes = "2MiB"
filters = 6
views = 7
view_bytes = "3MiB"
connections = 8
client_lag = "1h"
slow_client = "disconnect"
stalled = "1500ms"
[log]
level = "debug"
)");
  EXPECT_EQ(config.server.name, "hall-3");
  EXPECT_EQ(config.server.listen, (std::vector<ListenAddress>{{"0.0.0.0", 80, false}, {"::1", 0, true}}));
  EXPECT_EQ(config.server.anonymous, Anonymous::read_and_publish);
  EXPECT_EQ(config.server.hosts, (std::vector<std::string>{"gateway.example"}));
  EXPECT_EQ(config.server.origins,
            (std::vector<std::string>{"https://panel.example", "https://panel.example", "http://[::1]:3000"}));
  EXPECT_EQ(config.server.threads, 3u);
  EXPECT_EQ(config.mqtt[0].name, "press");
  EXPECT_EQ(config.mqtt[0].url, (BrokerUrl{"broker.example", 1884}));
  EXPECT_EQ(config.mqtt[0].client_id, "me");
  EXPECT_EQ(config.mqtt[0].topics, (std::vector<std::string>{"a/+/c", "b/#"}));
  EXPECT_EQ(config.mqtt[0].qos, 2u);
  EXPECT_EQ(config.mqtt[0].prefix, "hall-3/");
  EXPECT_EQ(config.mqtt[0].session_expiry, 0s);
  EXPECT_EQ(config.mqtt[0].keep_alive, 60s);
  EXPECT_EQ(config.mqtt[0].receive_maximum, 20u);
  EXPECT_EQ(config.mqtt[0].maximum_packet_size, 1u << 20);
  EXPECT_EQ(config.mqtt[0].user, "u");
  EXPECT_EQ(config.mqtt[0].probe, Probe::off);
  EXPECT_EQ(config.storage.path, "/tmp/history.db");
  EXPECT_EQ(config.storage.journal, "/dev/shm/journal");
  EXPECT_EQ(config.storage.commit_interval, 0s);
  EXPECT_EQ(config.storage.keep_for, 1min);
  EXPECT_EQ(config.storage.keep_bytes, 16u << 20);
  EXPECT_EQ(config.storage.memory_bytes, 32u << 20);
  EXPECT_EQ(config.storage.memory_readings, 10u);
  EXPECT_EQ(config.limits.payload, 128u << 10);
  EXPECT_EQ(config.limits.batch_bytes, 1u << 20);
  EXPECT_EQ(config.limits.topics, 5u);
  EXPECT_EQ(config.limits.latest_bytes, 2u << 20);
  EXPECT_EQ(config.limits.filters, 6u);
  EXPECT_EQ(config.limits.views, 7u);
  EXPECT_EQ(config.limits.view_bytes, 3u << 20);
  EXPECT_EQ(config.limits.connections, 8u);
  EXPECT_EQ(config.limits.client_lag, 1h);
  EXPECT_EQ(config.limits.slow_client, SlowClient::disconnect);
  EXPECT_EQ(config.stalled, 1500ms);
  EXPECT_EQ(config.log_level, logging::Level::debug);
}

TEST(Config, PrintsEveryProblemInTheOrderOfTheFile) {
  const auto all = problems("[log]\nlevel = \"loud\"\n[limits]\npaylod = 3\ntopics = 0\n[[mqtt]]\nqos = \"1\"\n");
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0], "f:2:9: log.level is \"loud\": write \"debug\", \"info\", \"warning\" or \"error\"");
  EXPECT_EQ(all[1], "f:4:1: unknown key limits.paylod: did you mean limits.payload?");
  EXPECT_EQ(all[2], "f:5:10: limits.topics is out of range: it takes 1 to 10000000");
  EXPECT_EQ(all[3], "f:7:7: mqtt.qos is text, not number: write it like qos = 1");
}

TEST(Config, NamesTheNearestKnownKeyOrSection) {
  EXPECT_PROBLEM(kBroker + "[server]\nlsiten = 1\n", "f:3:1:", "did you mean server.listen?");
  EXPECT_PROBLEM(kBroker + "[server]\npayload = 1\n", "f:3:1:", "did you mean limits.payload?");
  EXPECT_PROBLEM(kBroker + "[sever]\nlisten = 1\n", "f:2:2:", "did you mean [server]?");
  EXPECT_PROBLEM("listen = 1\n" + kBroker, "f:1:1:", "below [server]");
  EXPECT_PROBLEM("lisen = 1\n" + kBroker, "f:1:1:", "did you mean server.listen?");
  EXPECT_PROBLEM("server = 1\n" + kBroker, "f:1:1:", "write [server] on a line of its own");
  EXPECT_PROBLEM(kBroker + "\"" + std::string(100'000, 'x') + "\" = 1\n", "f:2:1:", "did you mean mqtt.");
}

TEST(Config, BrokersAreAListOfTables) {
  EXPECT_PROBLEM("mqtt = []", "f:1:8: ", "write [[mqtt]]");
  EXPECT_PROBLEM("[mqtt]\nqos = 1\n", "f:1:1: ", "write [[mqtt]]");
  EXPECT_PROBLEM("mqtt = 1\n", "f:1:8: ", "write [[mqtt]]");
  EXPECT_PROBLEM("mqtt = [{}, 1]\n", "f:1:8: ", "write [[mqtt]]");
}

TEST(Config, SaysWhereItIsNoToml) {
  EXPECT_PROBLEM("[server]\nname = \n", "f:2:", "no TOML: ");
  EXPECT_PROBLEM("[server\n", "f:1:", "no TOML: ");
  EXPECT_PROBLEM("\xff", "f:1:1: ", "no TOML: ");
}

TEST(Config, ChecksTheBrokersUrl) {
  const auto with = [](const std::string& url) { return kBroker + "url = \"" + url + "\""; };
  EXPECT_PROBLEM(with("mqtts://broker:0"), "f:2:7: ", "no port from 1 to 65535");
  EXPECT_EQ(sound(with("MQTTS://broker")).mqtt.at(0).url, (BrokerUrl{"broker", 8883, true}));
  EXPECT_EQ(sound(with("mqtts://[::1]:1883")).mqtt.at(0).url, (BrokerUrl{"::1", 1883, true}));
  EXPECT_PROBLEM(with("http://broker"), "f:2:7: ", "no broker's URL");
  EXPECT_PROBLEM(with("mqtt://u:p@broker"), "f:2:7: ", "password_file");
  EXPECT_PROBLEM(with("mqtt://broker/a"), "f:2:7: ", "topics");
  for (const char* url : {"mqtt://", "mqtt://:1883", "mqtt://::1", "mqtt://[::1", "mqtt://[broker]", "mqtt://a b",
                          "mqtt://[::1]x", "mqtt://-a", "mqtt://\xc3\xbc"}) {
    EXPECT_PROBLEM(with(url), "f:2:7: ", "has no host");
  }
  for (const char* url : {"mqtt://a:", "mqtt://a:0", "mqtt://a:65536", "mqtt://a:x", "mqtt://[::1]:-1"}) {
    EXPECT_PROBLEM(with(url), "f:2:7: ", "no port");
  }
  EXPECT_EQ(sound(with("mqtt://[FE80::0:1]")).mqtt[0].url, (BrokerUrl{"fe80::1", 1883}));
}

TEST(Config, ChecksAddresses) {
  const auto with = [](const std::string& address) { return kBroker + "[server]\nlisten = [\"" + address + "\"]"; };
  for (const char* address : {"::1:8080", "[::1:8080", "[::1]8080"}) {
    EXPECT_PROBLEM(with(address), "f:3:11: ", "in brackets");
  }
  for (const char* address : {"127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "[::1]", "8080"}) {
    EXPECT_PROBLEM(with(address), "f:3:11: ", "no port");
  }
  for (const char* address : {"localhost:1", ":8080", "*:8080", "[127.0.0.1]:1", "127.1:1", "[]:1"}) {
    EXPECT_PROBLEM(with(address), "f:3:11: ", "0.0.0.0:8080");
  }
  EXPECT_PROBLEM(kBroker + "[server]\nlisten = []", "f:3:10: ", "1 to 16");
  EXPECT_PROBLEM(kBroker + "[server]\nlisten = \"127.0.0.1:1\"", "f:3:10: ", "list of addresses");
  EXPECT_PROBLEM(kBroker + "[server]\nlisten = [1]", "f:3:11: ", "holds a number");
  EXPECT_PROBLEM(kBroker + "[server]\nlisten = [\"127.0.0.1:1\", \"[::1]:1\", \"127.0.0.1:1\"]", "f:3:37: ", "twice");
  EXPECT_EQ(sound(kBroker + "[server]\nlisten = [\"127.0.0.1:0\", \"127.0.0.1:0\"]").server.listen.size(), 2u);
}

TEST(Config, AddressesThatCoverEachOtherAreRefused) {
  const auto with = [](const std::string& list) {
    return kBroker + "[server]\nanonymous = \"read\"\nlisten = [" + list + "]";
  };
  EXPECT_PROBLEM(with("\"127.0.0.1:80\", \"0.0.0.0:80\""), "f:4:27: server.listen has ", "take the other one out");
  EXPECT_PROBLEM(with("\"[::]:80\", \"[::1]:80\""), "f:4:23: server.listen has ", "take the other one out");
  sound(with("\"127.0.0.1:80\", \"0.0.0.0:81\", \"[::]:80\""));
  sound(with("\"127.0.0.1:0\", \"0.0.0.0:0\""));
}

TEST(Config, ReadingsAreKeptForLongerThanTheyWait) {
  EXPECT_PROBLEM(kBroker + "[storage]\nkeep_for = \"1m\"\ncommit_interval = \"61s\"\n",
                 "f:4:19: storage.commit_interval is ", "write a shorter commit_interval");
  sound(kBroker + "[storage]\nkeep_for = \"1m\"\ncommit_interval = \"1m\"\n");
}

TEST(Config, IsOpenToOthersOnlyInWords) {
  for (const char* address : {"0.0.0.0:8080", "[::]:8080", "192.168.1.2:8080", "[::ffff:10.0.0.1]:8080"}) {
    const std::string server = std::string("[server]\nlisten = [\"127.0.0.1:1\", \"") + address + "\"]\n";
    const std::string found = problem(kBroker + server);
    EXPECT_TRUE(found.starts_with("f:3:26: server.listen has ")) << found;
    EXPECT_TRUE(has(found, "server.anonymous") && has(found, "write anonymous = \"read\"")) << found;
    EXPECT_EQ(sound(kBroker + server + "anonymous = \"read\"").server.anonymous, Anonymous::read);
    // What else is wrong is said once.
    EXPECT_PROBLEM(kBroker + server + "anonymous = \"all\"", "f:4:13: ", "server.anonymous");
  }
  for (const char* address : {"127.3.2.1:8080", "[::1]:8080", "[::ffff:127.0.0.1]:8080"}) {
    EXPECT_TRUE(sound(kBroker + "[server]\nlisten = [\"" + address + "\"]").server.listen[0].loopback) << address;
  }
}

TEST(Config, ChecksTopicFilters) {
  EXPECT_PROBLEM(kBroker + "topics = [\"a/#\", \"a#\"]", "f:2:18: ", "no topic filter");
  EXPECT_PROBLEM(kBroker + "topics = [\"\"]", "f:2:11: ", "empty");
  EXPECT_PROBLEM(kBroker + "topics = [\"$share/g/a\"]", "f:2:11: ", "shared subscription");
  EXPECT_PROBLEM(kBroker + "topics = []", "f:2:10: ", "1 to 256");

  const std::string found = problem(kBroker + "topics = [\"b\",\n  \"a/+\",\n  \"a/b\"]");
  EXPECT_TRUE(found.starts_with("f:4:3: ")) << found;
  EXPECT_TRUE(has(found, "\"a/b\" and \"a/+\"")) << found;
  EXPECT_PROBLEM(kBroker + "topics = [\"a\", \"a\"]", "f:2:16: ", "both match");
  // A faulty filter does not hide what is wrong with the others.
  EXPECT_EQ(problems(kBroker + "topics = [\"a#\", \"b\", \"b/#\"]").size(), 2u);
}

TEST(Config, ChecksNamesAndPrefix) {
  EXPECT_PROBLEM(kBroker + "name = \"\"", "f:2:8: ", "empty");
  EXPECT_PROBLEM(kBroker + "name = \"" + std::string(65, 'x') + "\"", "f:2:8: ", "1 to 64 bytes");
  EXPECT_PROBLEM(kBroker + "name = \"a\\nb\"", "f:2:8: mqtt.name: \"a\\x0ab\"", "control character");
  EXPECT_PROBLEM(kBroker + "client_id = \"a/+\"", "f:2:13: ", "wildcards");
  EXPECT_PROBLEM(kBroker + "prefix = \"a/+/\"", "f:2:10: ", "cannot begin a topic");
  EXPECT_PROBLEM(kBroker + "user = \"\"", "f:2:8: ", "leave it out");
  EXPECT_PROBLEM(kBroker + "user = \"a\\u0000\"", "f:2:8: ", "control character");
  EXPECT_PROBLEM(kBroker + "[server]\nhosts = [\"a:1\"]", "f:3:10: ", "no host name");
  for (const char* origin :
       {"*", "null", "panel.example", "https://", "://a", "1a://b", "https://a:x", "https://a:0"}) {
    EXPECT_PROBLEM(kBroker + "[server]\norigins = [\"" + origin + "\"]", "f:3:12: ", "no origin");
  }
  EXPECT_PROBLEM(kBroker + "[server]\norigins = [\"https://a/\"]", "f:3:12: ", "path");
}

TEST(Config, ChecksSizesAndDurations) {
  const auto payload = [](const std::string& value) { return kBroker + "[limits]\npayload = " + value; };
  for (const char* value : {"\"16MB\"", "\"16\"", "\"\"", "\"KiB\"", "\"-1KiB\"", "\"1 KiB\"", "\"1.5MiB\""}) {
    EXPECT_PROBLEM(payload(value), "f:3:11: ", "is no size");
  }
  EXPECT_PROBLEM(payload("\"99999999999GiB\""), "f:3:11: ", "too large");
  EXPECT_PROBLEM(payload("\"99999999999999999999B\""), "f:3:11: ", "too large");
  for (const char* value : {"0", "-1", "\"65MiB\"", "\"0B\""})
    EXPECT_PROBLEM(payload(value), "f:3:11: ", "1B to 64MiB");
  EXPECT_PROBLEM(payload("1.5"), "f:3:11: ", "a number with a fraction");
  EXPECT_PROBLEM(payload("true"), "f:3:11: ", "true or false");

  const auto stalled = [](const std::string& value) { return kBroker + "[limits]\nstalled = " + value; };
  for (const char* value : {"\"5\"", "\"5min\"", "\"-5s\""})
    EXPECT_PROBLEM(stalled(value), "f:3:11: ", "is no duration");
  for (const char* value : {"\"999ms\"", "\"25h\""}) EXPECT_PROBLEM(stalled(value), "f:3:11: ", "1s to 1d");
  EXPECT_PROBLEM(stalled("300"), "f:3:11: ", "write it like stalled = \"5m\"");
  EXPECT_PROBLEM(kBroker + "keep_alive = \"5500ms\"", "f:2:14: ", "whole seconds");

  const auto lag = [](const std::string& value) { return kBroker + "[limits]\nclient_lag = " + value; };
  EXPECT_EQ(sound(lag("\"1s\"")).limits.client_lag, 1s);
  for (const char* value : {"\"999ms\"", "\"61m\""}) EXPECT_PROBLEM(lag(value), "f:3:14: ", "1s to 1h");
  EXPECT_PROBLEM(kBroker + "[limits]\nslow_client = \"drop\"", "f:3:15: ", "write \"gap\" or \"disconnect\"");
  EXPECT_EQ(sound(kBroker + "[server]\nthreads = 64\n[limits]\nview_bytes = \"1GiB\"").server.threads, 64u);
  EXPECT_PROBLEM(kBroker + "[server]\nthreads = 65", "f:3:11: ", "0 to 64");
}

TEST(Config, ChecksTheStoragesTimesAndSizes) {
  const auto storage = [](const std::string& line) { return kBroker + "[storage]\n" + line; };
  EXPECT_EQ(sound(storage("commit_interval = \"1h\"")).storage.commit_interval, 1h);
  EXPECT_PROBLEM(storage("commit_interval = \"2h\""), "f:3:19: ", "0s to 1h");
  EXPECT_PROBLEM(storage("commit_interval = 0"), "f:3:19: ", "not duration");
  EXPECT_PROBLEM(storage("keep_for = \"59s\""), "f:3:12: ", "1m to 3650d");
  EXPECT_PROBLEM(storage("keep_bytes = \"15MiB\""), "f:3:14: ", "16MiB to ");
}

// The journal does not check it.
TEST(Config, MemoryIsEnoughForTheJournal) {
  for (const char* payload : {"1B", "64KiB", "64MiB"}) {
    const std::string text = kBroker + "maximum_packet_size = \"128MiB\"\n[limits]\nlatest_bytes = \"1GiB\"\n" +
                             "view_bytes = \"1GiB\"\npayload = \"" + payload + "\"\n[storage]\nmemory_bytes = ";
    const auto limits = sound(text + "\"1GiB\"").limits;
    EXPECT_TRUE(has(problem(text + std::to_string(Journal::smallest(limits) - 1)), "storage.memory_bytes")) << payload;
  }
}

TEST(Config, MemoryHoldsTheLargestReadings) {
  // 4 * (64 KiB + 64 KiB) fits exactly, a byte less does not.
  const std::string limits = "[limits]\npayload = \"64KiB\"\n";
  sound(kBroker + limits + "latest_bytes = 524288");
  EXPECT_PROBLEM(kBroker + limits + "latest_bytes = 524287", "f:4:16: ", "write latest_bytes = \"512KiB\"");
  EXPECT_PROBLEM(kBroker + limits + "view_bytes = 524287", "f:4:14: ", "limits.view_bytes");
  EXPECT_PROBLEM(kBroker + limits + "[storage]\nmemory_bytes = 524287", "f:5:16: ", "storage.memory_bytes");
  EXPECT_PROBLEM(kBroker +
                     "maximum_packet_size = \"64MiB\"\n[storage]\nmemory_bytes = \"1GiB\"\nkeep_bytes = \"16MiB\"\n" +
                     "[limits]\npayload = \"8MiB\"\nview_bytes = \"1GiB\"\n",
                 "f:5:14: ", "storage.keep_bytes");
  EXPECT_PROBLEM(kBroker + "maximum_packet_size = 131071\n" + limits, "f:2:23: ", "\"128KiB\"");
  // A default that no longer fits is shown at the key that made it so.
  EXPECT_PROBLEM(kBroker + "maximum_packet_size = \"16MiB\"\n[limits]\npayload = \"4MiB\"\nview_bytes = \"1GiB\"\n",
                 "f:4:11: ", "storage.memory_bytes");
  // Nor is a broker's, at whichever table it is missing.
  EXPECT_PROBLEM(kBroker + "[[mqtt]]\nname = \"b\"\nurl = \"mqtt://b\"\nmaximum_packet_size = 131071\n" + limits,
                 "f:5:23: ", "\"128KiB\"");
  // Each thread has its share of the views' memory; with less than it takes, the gateway starts all the same.
  const auto shared = [&](const std::string& threads, const std::string& bytes) {
    return kBroker + "[server]\nthreads = " + threads + "\n" + limits + "view_bytes = " + bytes;
  };
  sound(shared("4", "2097152"));
  sound(shared("0", "524288"));
  EXPECT_PROBLEM(shared("4", "2097151"), "f:3:11: warning: server.threads", "write view_bytes = \"2MiB\"");
  EXPECT_FALSE(parse_config(shared("4", "2097151"), "/nonexistent").failed());
  // Nothing is said about a payload that could not be read.
  EXPECT_PROBLEM(kBroker + "[limits]\npayload = \"x\"\nview_bytes = 65536", "f:3:11: ", "is no size");
}

TEST(ConfigKeys, NamesAreUniqueAndDefaultsAreInRange) {
  for (const config::Key& key : config::config_keys()) {
    EXPECT_EQ(config::find_key(key.section, key.name), &key) << key.name;
    EXPECT_EQ(key.derived.empty(), key.example.empty()) << key.name;
    const std::string section = key.section == config::kMqttSection ? "" : "[" + std::string(key.section) + "]\n";
    std::string text = kBroker + section + std::string(key.name) + " = " + config::example_text(key) + "\n";
    for (const auto& found : problems(text)) {
      // Files that are not here, which is a warning only of the database.
      EXPECT_TRUE(key.name == "password_file" || key.name.starts_with("tls.") ||
                  (key.name == "path" && has(found, ": warning: ")))
          << found;
    }
  }
}

}  // namespace
}  // namespace fieldcast

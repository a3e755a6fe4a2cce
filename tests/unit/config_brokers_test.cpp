// Several [[mqtt]] in one configuration: each table has its own values, places and problems.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "app/config.hpp"
#include "tests/support/temp_dir.hpp"

namespace fieldcast {
namespace {

std::vector<std::string> problems(const std::string& text) {
  std::vector<std::string> out;
  for (const auto& problem : parse_config(text, "/nonexistent").problems) out.push_back(to_string(problem, "f"));
  return out;
}

std::vector<Config::Mqtt> sound(const std::string& text) {
  const auto loaded = parse_config(text, "/nonexistent");
  for (const auto& problem : loaded.problems) ADD_FAILURE() << to_string(problem, "f");
  return loaded.config.mqtt;
}

/// A table, four lines long.
std::string table(const std::string& name, const std::string& host, const std::string& client_id) {
  return "[[mqtt]]\nname = \"" + name + "\"\nurl = \"mqtt://" + host + "\"\nclient_id = \"" + client_id + "\"\n";
}

TEST(ConfigBrokers, WithoutATableThereIsTheDefaultOne) {
  for (const char* text : {"", "[server]\nname = \"hall-3\"\n"}) {
    const auto brokers = sound(text);
    ASSERT_EQ(brokers.size(), 1u);
    EXPECT_EQ(brokers[0].name, "local");
    EXPECT_EQ(brokers[0].url, (BrokerUrl{"127.0.0.1", 1883}));
    EXPECT_FALSE(brokers[0].client_id.empty());
  }
}

TEST(ConfigBrokers, EachTableHasItsOwnValues) {
  const auto brokers = sound(R"([[mqtt]]
topics = ["a/#"]
qos = 0
[[mqtt]]
name = "press"
url = "mqtt://press.example:1884"
prefix = "press/"
[limits]
payload = 1
[[mqtt]]
name = "oven"
url = "mqtt://oven.example"
client_id = "me"
topics = ["a/#", "b"]
maximum_packet_size = "128KiB"
)");
  ASSERT_EQ(brokers.size(), 3u);
  EXPECT_EQ(brokers[0].name, "local");
  EXPECT_EQ(brokers[0].topics, (std::vector<std::string>{"a/#"}));
  EXPECT_EQ(brokers[0].qos, 0u);
  EXPECT_EQ(brokers[1].name, "press");
  EXPECT_EQ(brokers[1].url, (BrokerUrl{"press.example", 1884}));
  EXPECT_EQ(brokers[1].prefix, "press/");
  EXPECT_EQ(brokers[1].topics, (std::vector<std::string>{"#"}));
  EXPECT_EQ(brokers[1].qos, 1u);
  EXPECT_EQ(brokers[1].client_id, brokers[0].client_id);  // of two sessions, at two brokers
  EXPECT_EQ(brokers[2].name, "oven");
  EXPECT_EQ(brokers[2].client_id, "me");
  EXPECT_EQ(brokers[2].topics, (std::vector<std::string>{"a/#", "b"}));
  EXPECT_EQ(brokers[2].prefix, "");
  EXPECT_EQ(brokers[2].maximum_packet_size, 128u << 10);
}

TEST(ConfigBrokers, ProblemsStandAtTheirOwnTable) {
  const auto all = problems(table("a", "a", "x") + "qos = 3\ntopics = [\"b\", \"b\"]\n" + table("b", "b", "x") +
                            "password_file = \"p\"\ntopics = [\"c#\"]\n" + table("c", "c", "x") +
                            "qsos = 1\nmaximum_packet_size = \"64KiB\"\ntopics = [\"d\",\n  \"+\"]\n");
  ASSERT_EQ(all.size(), 8u);
  EXPECT_TRUE(all[0].starts_with("f:5:7: mqtt.qos is out of range")) << all[0];
  EXPECT_TRUE(all[1].starts_with("f:6:16: mqtt.topics: \"b\" and \"b\" both match")) << all[1];
  EXPECT_TRUE(all[2].starts_with("f:11:17: mqtt.password_file is given without mqtt.user")) << all[2];
  EXPECT_TRUE(all[3].starts_with("f:11:17: mqtt.password_file: ")) << all[3];
  EXPECT_TRUE(all[4].starts_with("f:12:11: mqtt.topics: \"c#\" is no topic filter")) << all[4];
  EXPECT_TRUE(all[5].starts_with("f:17:1: unknown key mqtt.qsos: did you mean mqtt.qos?")) << all[5];
  EXPECT_TRUE(all[6].starts_with("f:18:23: mqtt.maximum_packet_size is \"64KiB\"")) << all[6];
  EXPECT_TRUE(all[7].starts_with("f:20:3: mqtt.topics: \"+\" and \"d\" both match")) << all[7];
}

TEST(ConfigBrokers, OnlyTheFirstMayGoWithoutAName) {
  sound("[[mqtt]]\n" + table("b", "b", "x"));
  for (const std::string first : {"[[mqtt]]\n\n\n\n", "[[mqtt]]\nname = \"press\"\n\n\n"}) {
    const auto all = problems(first + "[[mqtt]]\nurl = \"mqtt://b\"\n");
    ASSERT_EQ(all.size(), 1u) << first;
    EXPECT_EQ(all[0],
              "f:5:1: mqtt.name is missing: each broker behind the first needs one of its own: write name = \"…\"");
  }
}

TEST(ConfigBrokers, NoTwoHaveTheSameName) {
  for (const auto& [first, name] : {std::pair{table("press", "a", "x"), "press"}, {"[[mqtt]]\n\n\n\n", "local"}}) {
    const auto all = problems("\n" + first + table(name, "b", "x"));
    ASSERT_EQ(all.size(), 1u) << name;
    EXPECT_EQ(all[0], "f:7:8: mqtt.name: \"" + std::string(name) +
                          "\" is the name of the broker in line 2 too: give each one of its own");
  }
  // Of a name that could not be read nothing more is said.
  EXPECT_EQ(problems(table("a", "a", "x") + table("b+", "b", "x") + table("b+", "c", "x")).size(), 2u);
}

TEST(ConfigBrokers, NoTwoAreOneSessionOfABroker) {
  const auto all = problems(table("a", "a:1884", "x") + table("b", "b", "x") + table("c", "A:1884", "x"));
  ASSERT_EQ(all.size(), 1u);
  EXPECT_TRUE(all[0].starts_with("f:12:13: mqtt.client_id: \"x\" is at mqtt://a:1884 already, in the table in line 1"))
      << all[0];
  // The default identifiers are the same, and so are the default brokers.
  const auto defaults = problems("[[mqtt]]\n[[mqtt]]\nname = \"b\"\nurl = \"mqtt://127.0.0.1\"\n");
  ASSERT_EQ(defaults.size(), 1u);
  EXPECT_TRUE(defaults[0].starts_with("f:4:7: mqtt.client_id: \"fieldcast-")) << defaults[0];
  EXPECT_EQ(problems("[[mqtt]]\n[[mqtt]]\nname = \"b\"\n").at(0).substr(0, 21), "f:2:1: mqtt.client_id");
  // Nor is it the one under which the other's commands are published.
  for (const auto& [first, second] : {std::pair{"x", "x-commands"}, {"x-commands", "x"}}) {
    const auto commands = problems(table("a", "a", first) + table("b", "a", second));
    ASSERT_EQ(commands.size(), 1u);
    EXPECT_TRUE(commands[0].starts_with("f:8:13: mqtt.client_id: \"x-commands\" is the name under which the broker \"" +
                                        std::string(first == std::string("x") ? "a" : "b")))
        << commands[0];
  }
  sound(table("a", "a", "x") + table("b", "b", "x-commands"));
  // Two sessions of one broker, whatever their filters.
  sound(table("a", "a", "x") + "topics = [\"f/#\"]\n" + table("b", "a", "y") + "topics = [\"f/+\"]\n");
}

TEST(ConfigBrokers, AreBounded) {
  std::string text;
  for (std::size_t i = 0; i < kBrokers; ++i) text += table("b" + std::to_string(i), "b", std::to_string(i));
  EXPECT_EQ(sound(text).size(), kBrokers);
  const auto all = problems(text + table("more", "b", "x") + table("more", "b", "x"));
  ASSERT_EQ(all.size(), 1u);
  EXPECT_TRUE(all[0].starts_with("f:65:1: more than 16 brokers")) << all[0];
}

TEST(ConfigBrokers, EachHasItsOwnPassword) {
  const test::TempDir dir;
  for (const auto& file : {dir.write("first", "one\n"), dir.write("second", "two\n")})
    std::filesystem::permissions(file, std::filesystem::perms{0600});
  const auto loaded =
      parse_config(table("a", "a", "x") + "user = \"u\"\npassword_file = \"first\"\n" + table("b", "b", "x") +
                       table("c", "c", "x") + "user = \"u\"\npassword_file = \"second\"\n",
                   dir.path());
  EXPECT_FALSE(loaded.failed());
  ASSERT_EQ(loaded.config.mqtt.size(), 3u);
  EXPECT_EQ(loaded.config.mqtt[0].password, "one");
  EXPECT_EQ(loaded.config.mqtt[1].password, "");
  EXPECT_EQ(loaded.config.mqtt[2].password, "two");
}

}  // namespace
}  // namespace fieldcast

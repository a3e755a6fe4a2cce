#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "adapters/mqtt/intake.hpp"

namespace fieldcast::mqtt {
namespace {

struct Appended {
  Kind kind;
  std::string topic, payload;
  bool retained, redelivered;
  std::uint64_t size;
  std::uint8_t qos = 0;
  std::uint16_t packet_id = 0;
  bool operator==(const Appended&) const = default;
};

class FakeLog final : public LogWriter {
 public:
  bool append(const NewEntry& e) noexcept override {
    entries.push_back(
        {e.kind, std::string(e.topic), std::string(e.payload), e.retained, e.redelivered, e.size, e.qos, e.packet_id});
    brokers.emplace_back(e.broker);
    return true;
  }
  std::vector<Appended> entries;
  std::vector<std::string> brokers;  // theirs
};

struct Door {
  explicit Door(std::string prefix = "") {
    settings.client_id = "gw";
    settings.topics = {"factory/#", "hall/+"};
    settings.prefix = std::move(prefix);
    limits.payload = 8;
  }
  Outcome take(const Message& message) {
    // Says json for what begins with a digit, and hands back a payload of its own, as the real one does.
    Intake intake(settings, limits, log, [this](std::string_view payload) -> Classified {
      ++classified;
      kept = "<" + std::string(payload) + ">";
      return {payload.starts_with('1') ? Kind::json : Kind::binary, kept};
    });
    return intake.take(message);
  }
  Settings settings;
  Limits limits;
  FakeLog log;
  std::string kept;
  int classified = 0;
};

using Entries = std::vector<Appended>;

TEST(MqttIntake, AppendsWhatTheClassifierSays) {
  Door s;
  EXPECT_EQ(s.take({"factory/a", "1"}), Outcome::appended);
  EXPECT_EQ(s.take({"hall/b", "x"}), Outcome::appended);
  EXPECT_EQ(s.log.entries, (Entries{{Kind::json, "factory/a", "<1>", false, false, 0},
                                    {Kind::binary, "hall/b", "<x>", false, false, 0}}));
}

TEST(MqttIntake, NamesTheBroker) {
  Door s;
  s.settings.name = "press";
  s.take({"factory/a", "1"});
  s.take({"factory/a", "123456789"});
  EXPECT_EQ(s.log.brokers, (std::vector<std::string>{"press", "press"}));
}

TEST(MqttIntake, KeepsTheFlags) {
  Door s;
  s.take({"factory/a", "1", true, false});
  s.take({"factory/a", "1", false, true});
  EXPECT_EQ(s.log.entries, (Entries{{Kind::json, "factory/a", "<1>", true, false, 0},
                                    {Kind::json, "factory/a", "<1>", false, true, 0}}));
}

TEST(MqttIntake, TellsTheLogQosAndPacketId) {
  Door s;
  s.take({"factory/a", "1", false, false, 1, 65'535});
  s.take({"factory/a", "123456789", false, false, 2, 7});
  EXPECT_EQ(s.log.entries, (Entries{{Kind::json, "factory/a", "<1>", false, false, 0, 1, 65'535},
                                    {Kind::omitted, "factory/a", "", false, false, 9, 2, 7}}));
}

TEST(MqttIntake, PutsThePrefixBeforeTheTopic) {
  Door s("line-7/");
  EXPECT_EQ(s.take({"factory/a", "1"}), Outcome::appended);
  EXPECT_EQ(s.log.entries, (Entries{{Kind::json, "line-7/factory/a", "<1>", false, false, 0}}));
}

TEST(MqttIntake, LeavesOutPayloadsOverTheLimit) {
  Door s;
  s.take({"factory/a", "12345678"});
  s.take({"factory/a", "123456789", true, true});
  EXPECT_EQ(s.log.entries, (Entries{{Kind::json, "factory/a", "<12345678>", false, false, 0},
                                    {Kind::omitted, "factory/a", "", true, true, 9}}));
  EXPECT_EQ(s.classified, 1);
}

TEST(MqttIntake, DropsEveryProbeAndKnowsItsOwnByTheExactName) {
  Door s("p/");
  s.settings.topics = {"#"};
  EXPECT_EQ(s.take({"fieldcast/probe/gw", ""}), Outcome::own_probe);
  for (const char* topic : {"fieldcast/probe/gw2", "fieldcast/probe/g", "fieldcast/probe/gw/x", "fieldcast/probe/"})
    EXPECT_EQ(s.take({topic, "1"}), Outcome::other_probe) << topic;
  EXPECT_TRUE(s.log.entries.empty());
  for (const char* topic : {"fieldcast/probe", "fieldcast/probes/gw", "x/fieldcast/probe/gw"})
    EXPECT_EQ(s.take({topic, "1"}), Outcome::appended) << topic;
  EXPECT_EQ(s.log.entries.size(), 3u);
}

TEST(MqttIntake, DropsFaultyTopics) {
  using namespace std::string_view_literals;
  Door s("p/");
  s.settings.topics = {"#"};
  for (const std::string_view topic : {""sv, "a\0b"sv, "a\xFF"sv, "a/+"sv, "a/#"sv, "\x80"sv})
    EXPECT_EQ(s.take({topic, "1"}), Outcome::faulty_topic) << topic;
  EXPECT_EQ(s.take({std::string(65'534, 'a'), "1"}), Outcome::faulty_topic);  // with the prefix it is too long
  EXPECT_EQ(s.take({std::string(65'533, 'a'), "1"}), Outcome::appended);
  EXPECT_EQ(s.log.entries.size(), 1u);
}

TEST(MqttIntake, DropsWhatNoFilterAsksFor) {
  Door s;
  EXPECT_EQ(s.take({"hall/a/b", "1"}), Outcome::not_subscribed);
  EXPECT_EQ(s.take({"other", "1"}), Outcome::not_subscribed);
  EXPECT_TRUE(s.log.entries.empty());
}

// An exception must end the process: to return would acknowledge a message that is not in the log.
TEST(MqttIntakeDeathTest, AnExceptionEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Settings settings;
  const Limits limits;
  FakeLog log;
  Intake intake(settings, limits, log, [](std::string_view) -> Classified { throw std::bad_alloc(); });
  EXPECT_DEATH(intake.take({"a", "1"}), "");
}

}  // namespace
}  // namespace fieldcast::mqtt

// [C-2], [C-4], [D-1], [F-7] to [F-10], [L-3], [L-4], [L-6], [R-1], [R-9]: what a client sees of a restart of the
// gateway.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "tests/contract/transports.hpp"

namespace fieldcast::test {
namespace {

struct Restart {
  std::string name;
  bool killed = false;
  bool lost_memory = false;  // with the machine: after a clean stop that is no loss
};
const Restart kRestarts[] = {{"Stopped"}, {"StoppedWithTheMachine", false, true}, {"Killed", true}};

/// Ends the gateway so.
void end(Hall& hall, const Restart& how) {
  if (how.killed) {
    hall.settle();  // by then the broker has read the acknowledgement of what was published before
    hall.gateway().kill();
  } else {
    hall.gateway().terminate();
    EXPECT_EQ(hall.gateway().process().wait_for_exit(), 0);
  }
  if (how.lost_memory) hall.gateway().lose_journal();
}

void restart(Hall& hall, const Restart& how) {
  end(hall, how);
  hall.gateway().start();
}

class Restarted : public CasesOverTransports<Restart> {
 protected:
  static void SetUpTestSuite() { hall_ = std::make_unique<Hall>(); }
  static void TearDownTestSuite() { hall_.reset(); }
  Hall& hall() { return *hall_; }
  std::unique_ptr<StreamClient> open(const Query& query) { return hall().open(transport(), query); }

 private:
  static inline std::unique_ptr<Hall> hall_;
};

// [C-2], [C-4], [D-1], [R-1]
TEST_P(Restarted, ACursorGoesOnOnEveryTransport) {
  const auto topic = hall().topic();
  const auto before = open({{topic}, "", ""});
  before->batch();
  for (const std::string number : {"0", "1"}) hall().publish(topic, number);
  const auto first = before->readings(2);
  const auto cursor = before->cursor();
  hall().publish(topic, "2");
  restart(hall(), tested());
  hall().publish(topic, "3");
  for (const auto next : kTransports) {
    const auto stream = hall().open(next, {{topic}, cursor, ""});
    const auto readings = first_readings(*stream, 2);
    EXPECT_EQ(numbers(readings), (std::vector<int>{2, 3})) << to_string(next);
    EXPECT_GT(readings[0].seq, first[1].seq);
    EXPECT_GT(readings[1].seq, readings[0].seq);
  }
  const auto stream = open({{topic}, "oldest", ""});
  EXPECT_EQ(numbers(first_readings(*stream, 4)), (std::vector<int>{0, 1, 2, 3})) << "history is there, without a gap";
  hall().publish(topic, "4");
  EXPECT_EQ(numbers(first_readings(*stream, 1)), std::vector<int>{4}) << "live behind it";
}

// [F-10], [F-2]
TEST_P(Restarted, TheSnapshotIsTheSame) {
  const auto base = hall().topic("s");
  for (const std::string name : {"/a", "/b", "/c"}) hall().publish(base + name, "1");
  hall().publish(base + "/b", "2");
  hall().publish(base + "/text", "bare");
  hall().publish(base + "/binary", "\xff");
  const auto snapshot = [&] {
    const auto batch = open({{base + "/#"}, "latest", ""})->batch();
    EXPECT_TRUE(batch.snapshot) << batch.raw;
    EXPECT_FALSE(batch.gap) << batch.raw;
    return batch.raw.substr(batch.raw.find("\"readings\":["));  // behind the cursor, which is of this start
  };
  const auto before = snapshot();
  restart(hall(), tested());
  EXPECT_EQ(snapshot(), before);
}

// [C-4], [F-7], [F-8]
TEST_P(Restarted, ACursorInsideASnapshotGoesOn) {
  constexpr std::size_t kTopics = 1'200;  // more than two batches
  const auto base = hall().topic("s");
  for (std::size_t i = 0; i < kTopics; ++i) hall().publisher().send({base + "/" + std::to_string(i), "0"});
  hall().settle();
  const auto first = open({{base + "/#"}, "latest", ""})->batch();
  ASSERT_TRUE(first.snapshot);
  ASSERT_LT(first.readings.size(), kTopics);
  std::set<std::string> sent;
  for (const auto& reading : first.readings) sent.insert(reading.topic);
  restart(hall(), tested());
  const auto known = *sent.begin();
  hall().publish(known, "1");
  for (const auto next : kTransports) {
    const auto rest = hall().open(next, {{base + "/#"}, first.cursor, ""});
    auto topics = sent;
    for (bool ended = false; !ended;) {
      const auto batch = rest->batch();
      ASSERT_FALSE(batch.gap) << batch.raw.substr(0, 500);
      for (const auto& reading : batch.readings) {
        if (reading.redelivered) {  // it takes the place of the one that is in the snapshot
          topics.insert(reading.topic);
          continue;
        }
        ended = !batch.snapshot;
        EXPECT_EQ(reading.topic == known, ended) << "live is only what came since";
        EXPECT_EQ(topics.insert(reading.topic).second, !ended) << "again: " << reading.topic;
      }
    }
    EXPECT_EQ(topics.size(), kTopics) << to_string(next);
  }
}

// [L-4], [L-6]
TEST_P(Restarted, StandsInTheLogAsDownAndUp) {
  const auto topic = hall().topic();
  const auto cursor = open({{topic}, "", ""})->batch().cursor;
  hall().publish(topic, "1");
  restart(hall(), tested());
  hall().publish(topic, "2");
  const auto stream = open({{topic}, cursor, ""});
  std::vector<Link> links;
  std::vector<Reading> readings;
  while (readings.size() < 2) {
    auto batch = stream->batch();
    ASSERT_FALSE(batch.gap) << batch.raw;
    links.insert(links.end(), batch.links.begin(), batch.links.end());
    for (const auto& reading : batch.readings)
      if (!reading.redelivered) readings.push_back(reading);
  }
  ASSERT_EQ(links.size(), 2u);
  EXPECT_EQ(links[0].state, "down");
  EXPECT_EQ(links[1].state, "up");
  EXPECT_EQ(links[1].session_resumed, true);
  EXPECT_FALSE(links[0].snapshot);
  EXPECT_FALSE(links[1].snapshot);
  EXPECT_LT(readings[0].seq, links[0].seq);
  EXPECT_LT(links[0].seq, links[1].seq);
  EXPECT_LT(links[1].seq, readings[1].seq);
}

INSTANTIATE_TEST_SUITE_P(C4, Restarted, ::testing::Combine(::testing::ValuesIn(kRestarts), each_transport()),
                         case_name<Restart>);

// [L-3], [L-6]: the broker was up when the gateway ended, and is gone when it is back.
TEST(RestartedWithoutItsBroker, TellsSoFromTheFirstBatch) {
  for (const auto& how : kRestarts) {
    Hall own;
    end(own, how);
    own.broker().stop();
    own.gateway().start();
    for (const auto transport : kTransports) {
      const auto batch = own.open(transport, {{"nothing"}, "", ""})->batch();
      ASSERT_EQ(batch.links.size(), 1u) << batch.raw;
      EXPECT_EQ(batch.links[0].state, "down") << how.name;
      EXPECT_TRUE(batch.links[0].snapshot);
    }
  }
}

// [R-9]
TEST(RetainedAfterARestart, ARepeatIsLeftOut) {
  for (const auto& how : kRestarts) {
    Hall own;
    own.publish(Message{"state", "1", 1, true});
    end(own, how);
    // The broker forgets the session, so the gateway subscribes anew and is told the same again.
    own.broker().kill();
    own.broker().start();
    own.publisher().publish(Message{"state", "1", 1, true});
    own.gateway().start();
    own.settle();
    EXPECT_EQ(own.metric("fieldcast_retained_repeats_total"), 1) << how.name;
    own.publish("state", "2");
    for (const auto transport : kTransports)
      EXPECT_EQ(numbers(first_readings(*own.open(transport, {{"state"}, "oldest", ""}), 2)), (std::vector<int>{1, 2}))
          << how.name << " " << to_string(transport);
  }
}

// [F-10]
TEST(SnapshotThatForgotBeforeARestart, StatesAGap) {
  Hall own({.limits = "topics = 8\n"});
  for (int i = 0; i < 16; ++i) own.publish("many/" + std::to_string(i), "1");
  for (const auto& how : kRestarts) {
    restart(own, how);
    for (const auto transport : kTransports) {
      const auto batch = own.open(transport, {{"many/#"}, "latest", ""})->batch();
      ASSERT_TRUE(batch.gap) << how.name << batch.raw;
      EXPECT_EQ(batch.gap->reason, "expired");
      EXPECT_FALSE(batch.gap->missed);
      EXPECT_FALSE(batch.readings.empty());
    }
  }
}

}  // namespace
}  // namespace fieldcast::test

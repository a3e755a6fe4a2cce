// What the broker sends again after a restart: left out where it is in the log for certain, else marked.
#include "tests/unit/storage_durable_log_fixture.hpp"

namespace fieldcast {
namespace {

class DurableLogPacketsTest : public test::DurableLogTest {
 protected:
  bool append_packet(std::uint16_t id, const std::string& payload, std::uint8_t qos, bool dup,
                     const std::string& broker = "local") {
    NewEntry entry;
    entry.kind = Kind::json;
    entry.broker = broker;
    entry.topic = "a";
    entry.payload = payload;
    entry.qos = qos;
    entry.packet_id = id;
    entry.redelivered = dup;
    return log->append(entry);
  }

  bool newest_is_marked() const {
    Chunk chunk;
    log->read(log->head() - 1, log->head(), 1'000, chunk);
    return chunk.entries.at(0).redelivered;
  }
};

TEST_F(DurableLogPacketsTest, LeavesOutWhatComesAgainAndIsInTheLogForCertain) {
  options.brokers = {{"local", {"#"}, 10}};
  open();
  append_link("local", LinkState::up);
  for (std::uint16_t id = 1; id <= 20; ++id) append_packet(id, std::to_string(id), 1, false);
  kill();
  open();
  append_link("local", LinkState::up, true);
  EXPECT_FALSE(append_packet(18, "18", 1, true));
  EXPECT_FALSE(append_packet(19, "19", 2, false)) << "QoS 2: Paho does not say that it comes again";
  EXPECT_EQ(counters.redelivered_repeats.value(), 2u);
  EXPECT_TRUE(append_packet(20, "another one", 1, true)) << "of another content";
  EXPECT_TRUE(newest_is_marked());
  EXPECT_TRUE(append_packet(21, "21", 1, true)) << "was on its way when the gateway ended";
  EXPECT_TRUE(newest_is_marked()) << "as the broker says";
  EXPECT_TRUE(append_packet(22, "22", 1, false));
  EXPECT_FALSE(newest_is_marked());
  EXPECT_TRUE(append_packet(2, "2", 1, true)) << "too long ago to be sent again: an identifier that is used again";
  EXPECT_TRUE(newest_is_marked());

  // The same process, a new connection; then a new session.
  append_link("local", LinkState::down);
  append_link("local", LinkState::up, true);
  append_packet(30, "30", 1, false);
  append_packet(31, "31", 1, false);
  append_link("local", LinkState::down);
  append_link("local", LinkState::up, true);
  EXPECT_FALSE(append_packet(31, "31", 1, true));
  append_link("local", LinkState::down);
  append_link("local", LinkState::up, false);
  EXPECT_TRUE(append_packet(31, "31", 1, true)) << "of another session";
}

TEST_F(DurableLogPacketsTest, MarksAPacketIdFromBeforeTheRestart) {
  const auto marked = [&](std::uint8_t qos, std::uint16_t id) {
    append_packet(id, "1", qos, false);
    return newest_is_marked();
  };
  options.brokers = {{"local", {"#"}}};
  for (const bool resumed : {true, false}) {
    open();
    EXPECT_FALSE(marked(2, 7));
    EXPECT_FALSE(marked(2, 8));
    EXPECT_FALSE(marked(1, 9));
    EXPECT_FALSE(marked(2, 7)) << "used again by the same process";
    kill();
    open();
    append_link("local", LinkState::up, resumed);
    EXPECT_EQ(marked(2, 7), resumed);
    EXPECT_FALSE(marked(2, 7)) << "once";
    EXPECT_FALSE(marked(1, 8)) << "QoS 1 says so itself";
    EXPECT_FALSE(marked(2, 8)) << "and has used the id again";
    EXPECT_FALSE(marked(2, 10));
    stop();
    std::filesystem::remove_all(files.journal());
  }
}

// --- Several brokers -----------------------------------------------------------------------------------------------

class BrokersPacketsTest : public DurableLogPacketsTest {
 protected:
  BrokersPacketsTest() { options.brokers = {{"a", {"#"}, 10}, {"b", {"#"}, 10}}; }

  /// Messages with the identifiers 1 to `last`, each with its identifier for payload: they prove something.
  void append_packets(const std::string& broker, std::uint16_t last = 20) {
    append_link(broker, LinkState::up);
    for (std::uint16_t id = 1; id <= last; ++id) append_packet(id, std::to_string(id), 1, false, broker);
  }
  /// The broker sends this one again.
  bool append_again(const std::string& broker, std::uint16_t id, std::uint8_t qos = 1) {
    return append_packet(id, std::to_string(id), qos, qos == 1, broker);
  }
  void reconnect(const std::string& broker, bool resumed = true) {
    append_link(broker, LinkState::down);
    append_link(broker, LinkState::up, resumed);
  }
  void restart_with(const std::vector<std::string>& brokers) {
    kill();
    options.brokers.clear();
    for (const std::string& broker : brokers) options.brokers.push_back({broker, {"#"}, 10});
    open();
  }
};

TEST_F(BrokersPacketsTest, TheIdentifiersOfOneSayNothingOfTheOther) {
  open();
  append_packets("a");
  append_link("b", LinkState::up);
  kill();
  open();
  append_link("a", LinkState::up, true);
  append_link("b", LinkState::up, true);
  EXPECT_TRUE(append_again("b", 18)) << "the same identifier, topic and payload, but of another broker";
  EXPECT_TRUE(newest_is_marked()) << "as the broker says";
  EXPECT_TRUE(append_again("b", 19, 2));
  EXPECT_FALSE(newest_is_marked()) << "it never had this identifier";
  EXPECT_FALSE(append_again("a", 18)) << "and has not used up what is known of the other";
  EXPECT_FALSE(append_again("a", 19, 2));
  EXPECT_EQ(counters.redelivered_repeats.value(), 2u);
}

TEST_F(BrokersPacketsTest, EachCountsItsOwn) {
  open();
  append_link("a", LinkState::up);
  append_link("b", LinkState::up);
  // In turn: for each by itself they follow each other without a hole.
  for (std::uint16_t id = 11; id <= 20; ++id) {
    append_packet(id, std::to_string(id), 1, false, "a");
    append_packet(static_cast<std::uint16_t>(id + 1'000), std::to_string(id + 1'000), 1, false, "b");
  }
  kill();
  open();
  append_link("a", LinkState::up, true);
  append_link("b", LinkState::up, true);
  for (std::uint16_t id = 11; id <= 20; ++id) {
    EXPECT_FALSE(append_again("a", id)) << id;
    EXPECT_FALSE(append_again("b", static_cast<std::uint16_t>(id + 1'000))) << id;
  }
}

TEST_F(BrokersPacketsTest, EachHasItsOwnReceiveMaximum) {
  options.brokers[1].receive_maximum = 100;
  open();
  append_packets("a");
  append_packets("b");
  reconnect("a");
  reconnect("b");
  EXPECT_FALSE(append_again("a", 18));
  EXPECT_TRUE(append_again("b", 18)) << "it may be one that takes the lowest free identifier";
  EXPECT_TRUE(newest_is_marked());
}

TEST_F(BrokersPacketsTest, ALinkOfOneLeavesTheOthersAlone) {
  open();
  append_packets("a");
  append_packets("b");
  reconnect("a");
  reconnect("b", false);
  EXPECT_FALSE(append_again("a", 18)) << "the new session is the other's";
  EXPECT_TRUE(append_again("b", 18));
  reconnect("b");
  EXPECT_FALSE(append_again("a", 19)) << "of before its own last connection";

  append_packet(21, "21", 1, false, "a");
  reconnect("b");
  EXPECT_TRUE(append_again("a", 21)) << "of this connection: not one of before it";
  EXPECT_TRUE(newest_is_marked());
}

TEST_F(BrokersPacketsTest, AnotherSetOfBrokersAfterARestart) {
  open();
  append_packets("a");
  append_packets("b");
  restart_with({"b", "c"});
  append_link("b", LinkState::up, true);
  append_link("c", LinkState::up, true);
  EXPECT_FALSE(append_again("b", 18));
  EXPECT_TRUE(append_again("c", 18));
  EXPECT_TRUE(append_again("a", 18)) << "nothing is known any more of one that is not configured";
  EXPECT_TRUE(newest_is_marked());
  EXPECT_EQ(links(), (std::map<std::string, LinkState>{{"b", LinkState::up}, {"c", LinkState::up}}));

  restart_with({"a", "b"});
  append_link("b", LinkState::up, true);
  EXPECT_FALSE(append_again("b", 20));
  append_link("a", LinkState::up, false);
  EXPECT_TRUE(append_again("a", 20));
}

}  // namespace
}  // namespace fieldcast

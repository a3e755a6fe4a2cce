// What the broker sends again after a restart: left out where it is in the log for certain, else marked.
#include "tests/unit/storage_durable_log_fixture.hpp"

namespace fieldcast {
namespace {

class DurableLogPacketsTest : public test::DurableLogTest {
 protected:
  bool append_packet(std::uint16_t id, const std::string& payload, std::uint8_t qos, bool dup) {
    NewEntry entry;
    entry.kind = Kind::json;
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
  options.receive_maximum = 10;
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

}  // namespace
}  // namespace fieldcast

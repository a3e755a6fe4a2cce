// [W-11], [W-16], [W-17]: clients that send without end, or begin and stop, cost little and hold up nobody. One thread
// serves all of them here, so that a live client would feel it.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/contract/transports.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/websocket_client.hpp"
#include "tests/support/websocket_subscriber.hpp"

namespace fieldcast::test {
namespace {

/// What the address sanitizer keeps of freed memory would be taken for growth.
Hall& narrow_hall() {
  static Hall hall({.server = "threads = 1\n", .environment = {"ASAN_OPTIONS=quarantine_size_mb=1"}});
  return hall;
}

double resident_bytes() {
  return narrow_hall().metric("process_resident_memory_bytes");
}

double times_reached(const std::string& limit) {
  const auto page = http_get(narrow_hall().port(), "/metrics").body;
  const auto row = page.find("fieldcast_limits_reached_total{limit=\"" + limit + "\"} ");
  if (row == std::string::npos) throw std::runtime_error("no limit " + limit);
  return std::stod(page.substr(page.find("} ", row) + 2));
}

/// Reads to the end, whatever comes; what the gateway closed with.
int code_at_end(WebSocketClient& client, Deadline deadline = {}) {
  while (client.next(deadline)) continue;
  return client.close_code();
}

/// The frame again and again, until it is so many bytes.
std::string repeated(const Frame& frame, std::size_t bytes) {
  const std::string one = to_bytes(frame, 0);
  std::string many;
  while (many.size() < bytes) many += one;
  return many;
}

/// Whether a new client gets an answer to this message, which is no command.
bool served(const std::vector<Frame>& message) {
  WebSocketClient client(narrow_hall().port(), "/v1/ws");
  try {
    for (const auto& frame : message) client.send(frame);
    while (const auto text = client.next())
      if (text->find("bad_message") != std::string::npos) return true;
  } catch (const EndOfStream&) {
  }
  return false;
}

/// Publishes, and waits until a client that shares the flood's thread has it, until the flood is over.
int readings_during(const std::function<void()>& flood) {
  auto& hall = narrow_hall();
  const auto topic = hall.topic();
  const auto live = hall.open(Transport::websocket, {{topic}, "", ""});
  live->batch();
  std::atomic<bool> over = false;
  std::thread flooding([&] {
    flood();
    over = true;
  });
  int readings = 0;
  do {
    hall.publish(topic, std::to_string(readings));
    EXPECT_EQ(numbers(live->readings(1)).front(), readings);
    ++readings;
  } while (!over);
  flooding.join();
  return readings;
}

struct Flood {
  std::string name;
  Frame frame;
  bool inside = false;  // a message
};

class HostileFlood : public ::testing::TestWithParam<Flood> {};

// [W-13]: a million frames.
TEST_P(HostileFlood, GrowsNothingAndHoldsUpNobody) {
  const auto& [name, frame, inside] = GetParam();
  WebSocketClient client(narrow_hall().port(), "/v1/ws");
  ASSERT_TRUE(client.open());
  const std::string part = repeated(frame, 60'000);
  const auto before = resident_bytes();
  EXPECT_GT(readings_during([&, inside = inside] {
              if (inside) client.send({Opcode::text, "[", false});
              for (int i = 0; i < 100; ++i) client.send_raw(part);
              client.send({inside ? Opcode::continuation : Opcode::text, "]"});
              while (client.next().value().find("bad_message") == std::string::npos) continue;
            }),
            0);
  EXPECT_LT(resident_bytes(), before + 8e6);
  client.send({Opcode::close, close_payload(1000)});
  EXPECT_EQ(code_at_end(client), 1000);
}

INSTANTIATE_TEST_SUITE_P(W13, HostileFlood,
                         ::testing::Values(Flood{"Fragments", {Opcode::continuation, "", false}, true},
                                           Flood{"Pings", {Opcode::ping, ""}}, Flood{"Pongs", {Opcode::pong, ""}}),
                         [](const auto& instance) { return instance.param.name; });

// [W-11]: each empty message is an error, and its client reads none of them.
TEST(HostileMessages, OfAClientThatReadsNothingEndItsConnection) {
  WebSocketClient client(narrow_hall().port(), "/v1/ws", {}, 4'096);
  const std::string part = repeated({Opcode::text, ""}, 60'000);
  EXPECT_GT(
      readings_during([&] {
        try {
          for (int i = 0; i < 100; ++i) client.send_raw(part);
        } catch (
            const EndOfStream&) {  // the gateway waits for the end of what it does not read no longer than for 1 MiB
        }
      }),
      0);
  EXPECT_GE(times_reached("replies_bytes"), 1);
}

// [W-16]
TEST(HostileSilence, InsideAMessageIsClosed) {
  const std::string whole = to_bytes({Opcode::text, R"({"op":"unsubscribe","id":1,"topics":["a"]})"}, 0);
  const std::string starts[] = {whole.substr(0, 1), whole.substr(0, 5), whole.substr(0, 20),
                                to_bytes({Opcode::ping, "ping"}, 0).substr(0, 8),
                                to_bytes({Opcode::text, "", false}, 0)};
  const auto began = std::chrono::steady_clock::now();
  std::vector<std::unique_ptr<WebSocketClient>> clients;
  for (const auto& start : starts) {
    clients.push_back(std::make_unique<WebSocketClient>(narrow_hall().port(), "/v1/ws?heartbeat=60"));
    clients.back()->send_raw(start);
  }
  WebSocketClient silent(narrow_hall().port(), "/v1/ws?heartbeat=60");  // between messages one may be silent
  for (auto& client : clients) {
    EXPECT_EQ(code_at_end(*client, Deadline(std::chrono::seconds(100))), 1008);
    EXPECT_EQ(client->close_reason(), "timeout");
    EXPECT_TRUE(client->socket().ends());
  }
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::seconds(9));
  EXPECT_GE(times_reached("message_time"), std::size(starts));
  silent.send({Opcode::close, close_payload(1000)});
  EXPECT_EQ(code_at_end(silent), 1000);
}

// [W-17]: 40 clients with 600 KiB of a message each, where 16 MiB are the bound.
TEST(HostileMessages, ThatAreIncompleteAreBoundedTogether) {
  const auto before = resident_bytes();
  const Frame part{Opcode::text, std::string(600 * 1024, ' '), false};
  std::vector<std::unique_ptr<WebSocketClient>> clients;
  std::size_t open = 0, refused = 0;
  for (int i = 0; i < 40; ++i) {
    clients.push_back(std::make_unique<WebSocketClient>(narrow_hall().port(), "/v1/ws"));
    auto& client = *clients.back();
    try {
      client.send(part);
      client.send({Opcode::ping, "still there"});
    } catch (const EndOfStream&) {
    }
    for (;;) {
      const auto frame = client.next_frame();
      ASSERT_TRUE(frame);
      if (frame->opcode == Opcode::pong) ++open;
      if (frame->opcode == Opcode::close) {
        EXPECT_EQ(frame->payload, close_payload(1013, "too_many"));
        ++refused;
      }
      if (frame->opcode == Opcode::pong || frame->opcode == Opcode::close) break;
    }
  }
  EXPECT_GE(open, 10u);
  EXPECT_GE(refused, 10u);
  EXPECT_LT(resident_bytes(), before + 32e6);
  EXPECT_GE(times_reached("messages_bytes"), 10);
  // Who sends a whole message is served meanwhile.
  EXPECT_TRUE(served({{Opcode::text, "[]"}}));
  // And a place that gets free is there for the next.
  clients.clear();
  const Deadline deadline;
  while (!served({part, {Opcode::continuation, "[]"}})) ASSERT_GT(deadline.left_ms(), 0);
}

}  // namespace
}  // namespace fieldcast::test

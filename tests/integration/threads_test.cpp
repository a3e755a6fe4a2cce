// [S-1], [S-2]: clients on several threads: what the slow ones cost, and a stop.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "tests/integration/pouring.hpp"
#include "tests/support/event_reader.hpp"
#include "tests/support/hall.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/websocket_client.hpp"

namespace fieldcast::test {
namespace {

using namespace std::chrono_literals;

constexpr int kReceiveBuffer = 4'096;

/// A client that only looks at the numbers in what it gets: taking apart so much JSON would be most of the test.
class NumbersClient {
 public:
  NumbersClient(std::uint16_t port, Transport transport) {
    if (transport == Transport::websocket) {
      socket_ = std::make_unique<WebSocketClient>(port, "/v1/ws?topic=a", WebSocketClient::Headers{}, kReceiveBuffer);
    } else {
      events_ = std::make_unique<EventReader>(port, Request{"/v1/events?topic=a", {}}, kReceiveBuffer);
    }
    take();
  }

  /// Reads on until all below `end` have come; throws where one is missing or comes twice.
  void read_to(int end) {
    while (next_ < end) take();
  }

 private:
  void take() {
    const auto raw = socket_ ? socket_->next().value() : events_->next().value().data;
    if (raw.find("\"gap\"") != std::string::npos) throw std::runtime_error("a gap: " + raw.substr(0, 500));
    constexpr std::string_view kNumber = "\"payload\":[";
    for (auto at = raw.find(kNumber); at != std::string::npos; at = raw.find(kNumber, at)) {
      at += kNumber.size();
      if (std::stoi(raw.substr(at, 12)) != next_) throw std::runtime_error(std::to_string(next_) + " is missing");
      ++next_;
    }
  }

  std::unique_ptr<WebSocketClient> socket_;
  std::unique_ptr<EventReader> events_;
  int next_ = 0;
};

using Clients = std::vector<std::unique_ptr<NumbersClient>>;

/// Each reads up to `end` on a thread of its own, while `publish` runs.
void read_all(const Clients& clients, int end, const std::function<void()>& publish) {
  std::vector<std::unique_ptr<Client<int>>> readers;
  for (const auto& client : clients)
    readers.push_back(std::make_unique<Client<int>>([&client = *client, end] {
      client.read_to(end);
      return end;
    }));
  publish();
  for (const auto& reader : readers) reader->seen();
}

// [S-1]
TEST(SlowClients, CostNeitherMemoryNorTheOthersTime) {
  // Of 4 kB: what each of the two is behind is more than both may cost.
  constexpr int kWarmUp = 5'000, kEnd = 9'000;
  constexpr double kMost = 10e6;
  // What is kept for all is small, and full behind the warm-up. A sanitizer keeps what was freed unless it is told not
  // to.
  Hall hall({.server = "threads = 2\n",
             .storage = "memory_bytes = \"16MiB\"\ncommit_interval = \"20ms\"\n",
             .limits = "view_bytes = \"3MiB\"\n",
             .environment = {"ASAN_OPTIONS=quarantine_size_mb=1"}});
  const auto publish = [&](int begin, int end) {
    const std::string padding(4'000, 'x');
    for (int n = begin; n < end; ++n) hall.publisher().send({"a", "[" + std::to_string(n) + ",\"" + padding + "\"]"});
  };
  const auto resident = [&] {
    hall.settle();
    hall.wait_until_stored();
    return hall.metric("process_resident_memory_bytes");
  };
  Clients clients, slow;
  for (int i = 0; i < 10; ++i)
    clients.push_back(
        std::make_unique<NumbersClient>(hall.port(), i % 2 == 0 ? Transport::websocket : Transport::events));
  read_all(clients, kWarmUp, [&] { publish(0, kWarmUp); });
  for (int i = 0; i < 2; ++i) {
    slow.push_back(std::move(clients.back()));
    clients.pop_back();
  }
  const auto before = resident();
  read_all(clients, kEnd, [&] { publish(kWarmUp, kEnd); });
  const auto more = resident() - before;
  std::cout << "resident memory: " << before / 1e6 << " MB, and " << more / 1e6
            << " MB more while two clients are 16 MB behind\n";
  EXPECT_LT(more, kMost);
  read_all(slow, kEnd, [] {});
  EXPECT_EQ(hall.metric("fieldcast_gaps_total"), 0);
}

std::ptrdiff_t threads_of(Process& process) {
  const auto tasks = std::filesystem::directory_iterator("/proc/" + std::to_string(process.pid()) + "/task");
  return std::distance(begin(tasks), end(tasks));
}

// [S-2]
TEST(FourThreads, StopWithClientsOnAllOfThem) {
  constexpr std::size_t kEach = 8;
  Hall hall({.server = "threads = 4\n"});
  EXPECT_EQ(threads_of(hall.gateway().process()),
            threads_of(Hall({.server = "threads = 1\n"}).gateway().process()) + 3);
  std::vector<std::unique_ptr<StreamClient>> mute, events;
  std::vector<std::unique_ptr<WebSocketClient>> sockets;
  std::vector<HttpConnection> polls;
  const auto start = hall.open(Transport::poll, {{"a"}, "", ""})->batch().cursor;
  for (std::size_t i = 0; i < kEach; ++i) {
    mute.push_back(hall.open(kTransports[i % 2], {{"bulk"}, "", ""}, kReceiveBuffer));
    events.push_back(hall.open(Transport::events, {{"a"}, start, ""}));
    sockets.push_back(std::make_unique<WebSocketClient>(hall.port(), "/v1/ws?topic=a&from=" + start));
    polls.emplace_back(hall.port());
  }
  const std::string bulk(10'000, 'x');
  for (int i = 0; i < 500; ++i) hall.publisher().send({"bulk", bulk});
  hall.publish("a", "1");
  for (const auto& stream : events) EXPECT_EQ(stream->readings(1)[0].payload, 1);
  for (auto& poll : polls) poll.send(Request{"/v1/poll?topic=b&timeout=60&from=" + events[0]->cursor(), {}});
  const Deadline deadline;
  while (hall.metric("fieldcast_clients") < 4 * kEach) ASSERT_GT(deadline.left_ms(), 0);

  hall.gateway().terminate();
  const Deadline gone(5s);
  for (const auto& stream : events)
    while (const auto batch = stream->next(gone)) EXPECT_TRUE(batch->readings.empty()) << batch->raw;
  for (const auto& socket : sockets) {
    std::string all;
    while (const auto message = socket->next(gone)) all += *message;
    EXPECT_NE(all.find("\"payload\":1"), std::string::npos) << all;
    EXPECT_EQ(socket->close_code(), 1001);
  }
  for (auto& poll : polls) {
    const auto batch = parse_batch(poll.read(false, gone).body);
    EXPECT_TRUE(batch.readings.empty()) << batch.raw;
  }
  EXPECT_EQ(hall.gateway().process().wait_for_exit(gone), 0) << hall.gateway().process().output();
}

}  // namespace
}  // namespace fieldcast::test

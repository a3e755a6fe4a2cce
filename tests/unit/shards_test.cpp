// Several shards as the program runs them: their part of the limits, a stop, and a fault in one of them.
#include "app/shards.hpp"

#include <pthread.h>

#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <list>
#include <set>
#include <stdexcept>
#include <thread>

#include "tests/support/deadline.hpp"
#include "tests/unit/http_server_fixture.hpp"
#include "tests/unit/log_lines.hpp"

namespace fieldcast {
namespace {

using namespace std::chrono_literals;
using http::Client;

std::string thread_name() {
  char name[16];
  pthread_getname_np(pthread_self(), name, sizeof name);
  return name;
}

/// A log that throws once, on the thread of that name.
class FaultyLog final : public test::TestLog {
 public:
  using TestLog::TestLog;

  std::uint64_t read(std::uint64_t after, std::uint64_t until, std::size_t max_bytes, Chunk& chunk) const override {
    if (thread_name() == faulty && !thrown.exchange(true)) throw std::runtime_error("a fault in " + faulty);
    return TestLog::read(after, until, max_bytes, chunk);
  }

  std::string faulty;
  mutable std::atomic<bool> thrown{false};
};

class ShardsTest : public testing::Test {
 protected:
  void make(std::size_t threads, std::chrono::milliseconds patience) {
    http::Routes routes;
    routes["/name"] = {
        [](const http::Request&) { return http::make_response(200, "text/plain", std::string(thread_name())); }};
    shards_.emplace(log_, publisher_, clock_, Shards::Options{threads, {{"127.0.0.1", 0}}, {}, true, limits_, patience},
                    routes);
    port_ = shards_->endpoints().at(0).port();
  }

  void append_later() {
    asio::post(shards_->loop(), [this] {
      NewEntry entry;
      entry.broker = "local";
      entry.topic = "a";
      log_.append(entry);
    });
  }

  http::HandClock clock_;
  Limits limits_;
  Counters counters_;
  fieldcast::test::HoldingPublisher publisher_;
  FaultyLog log_{clock_, limits_, counters_};
  std::optional<Shards> shards_;
  std::uint16_t port_ = 0;
};

TEST_F(ShardsTest, EachHasAThreadAndItsClientsAndAllStopTogether) {
  make(3, 20s);
  std::thread outside([&] {
    std::list<Client> clients;
    std::map<std::string, int> served;
    for (int i = 0; i < 6; ++i) {
      Client& client = clients.emplace_back(port_);
      client.get("/name");
      ++served[read_answer(client).body];
      client.get("/v1/events?topic=a");
      EXPECT_EQ(read_head(client).status, 200);
    }
    EXPECT_EQ(served.size(), 3u);
    EXPECT_EQ(served["fieldcast/1"], 2);
    EXPECT_EQ(served["fieldcast/2"], 2);
    asio::post(shards_->loop(), [&] { shards_->stop(); });
    for (Client& client : clients) EXPECT_TRUE(client.read_to_end().ends_with("0\r\n\r\n"));
    EXPECT_THROW(Client{port_}, std::runtime_error);
  });
  shards_->run();
  outside.join();
  std::uint64_t streams = 0;
  for (const Counters* counters : shards_->counters()) {
    EXPECT_EQ(counters->connections.value(), 0u);
    streams += counters->transports[static_cast<std::size_t>(Transport::events)].streams.value();
  }
  EXPECT_EQ(shards_->counters().size(), 3u);
  EXPECT_EQ(streams, 6u);
}

TEST_F(ShardsTest, TurnTogetherOnlyAsFarAsTheSlowest) {
  make(2, 20s);
  EXPECT_EQ(shards_->turned(), clock_.now());
  clock_.forward(10s);
  EXPECT_EQ(shards_->turned(), clock_.now() - 10s) << "none has turned";
  std::thread outside([&] {
    // Each marks its turn four times a second.
    for (const test::Deadline deadline; shards_->turned() != clock_.now() && deadline.left_ms() > 0;)
      std::this_thread::yield();
    EXPECT_EQ(shards_->turned(), clock_.now());
    asio::post(shards_->loop(), [&] { shards_->stop(); });
  });
  shards_->run();
  outside.join();
}

TEST_F(ShardsTest, AClientThatStaysIsCutOffAfterAWhile) {
  make(2, 1ms);
  std::list<Client> clients;
  std::thread outside([&] {
    for (int i = 0; i < 2; ++i) {
      clients.emplace_back(port_).get("/v1/events?topic=a");
      EXPECT_EQ(read_head(clients.back()).status, 200);
    }
    asio::post(shards_->loop(), [&] { shards_->stop(); });
  });
  shards_->run();  // the clients do not leave
  outside.join();
}

TEST_F(ShardsTest, EachHasItsPartOfTheLimits) {
  limits_.views = 3;
  make(2, 20s);
  std::thread outside([&] {
    std::list<Client> clients;
    std::vector<int> statuses;
    for (int i = 0; i < 6; ++i) {  // one after the other: they go to the two in turn
      Client& client = clients.emplace_back(port_);
      client.get("/v1/events?topic=a/" + std::to_string(i));
      statuses.push_back(read_head(client).status);
    }
    EXPECT_EQ(statuses, (std::vector{200, 200, 200, 200, 503, 503}));
    asio::post(shards_->loop(), [&] { shards_->stop(); });
  });
  shards_->run();
  outside.join();
}

TEST_F(ShardsTest, TellsHowLongALoopWasHeldUp) {
  make(2, 20s);
  const fieldcast::test::LogLines lines;
  EXPECT_EQ(shards_->loop_lags(), (std::vector<double>{0, 0}));
  std::thread outside([&] {
    // What a loop that stood still sees: its next tick comes at a later time.
    const fieldcast::test::Deadline deadline;
    while (lines.of(Event::loop_held).size() < 2 && deadline.left_ms() > 0) {
      clock_.forward(2s);
      std::this_thread::yield();
    }
    asio::post(shards_->loop(), [&] { shards_->stop(); });
  });
  shards_->run();
  outside.join();
  std::set<std::string> threads;
  for (const auto& line : lines.of(Event::loop_held)) threads.insert(line.name);
  EXPECT_EQ(threads, (std::set<std::string>{thread_name(), "fieldcast/1"}));
  for (const double lag : shards_->loop_lags()) EXPECT_GE(lag, 1);
}

TEST_F(ShardsTest, ShowsWhatWaitsInItsCounters) {
  make(1, 20s);
  std::thread outside([&] {
    Client client(port_);
    const std::string body = R"({"topic":"a","payload":"12345","encoding":"text"})";
    client.send("POST /v1/publish HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
                std::to_string(body.size()) + "\r\n\r\n" + body);
    const fieldcast::test::Deadline deadline;
    const Counters& counters = *shards_->counters().front();
    while (counters.publishes_waiting.value() != 1 && deadline.left_ms() > 0) std::this_thread::yield();
    EXPECT_EQ(counters.publishes_waiting.value(), 1u);
    EXPECT_EQ(counters.publish_bytes.value(), 6u);  // topic and payload
    asio::post(shards_->loop(), [&] { shards_->stop(); });
  });
  shards_->run();
  outside.join();
}

void expect_fault(Shards& shards, const std::string& text) {
  try {
    shards.run();
    ADD_FAILURE() << "the fault is lost";
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(error.what(), text);
  }
}

TEST_F(ShardsTest, AFaultOnAnotherThreadStopsAllAndIsThrownHere) {
  make(3, 20s);
  log_.faulty = "fieldcast/2";
  append_later();
  expect_fault(*shards_, "a fault in fieldcast/2");
}

TEST_F(ShardsTest, AFaultOnThisThreadStopsTheOthers) {
  make(3, 20s);
  log_.faulty = thread_name();
  append_later();
  expect_fault(*shards_, "a fault in " + thread_name());
}

}  // namespace
}  // namespace fieldcast

// One acceptor before several servers, each on a thread of its own.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <list>
#include <map>
#include <system_error>
#include <vector>

#include "tests/unit/http_server_fixture.hpp"

namespace fieldcast::http {
namespace {

/// A server with its loop and its hub. Does not run before start().
class Shard {
 public:
  Shard(Log& log, const Clock& clock, const Limits& limits, const std::string& name)
      : hub_(log, clock, limits, counters, wakeup_),
        publications_(
            publisher_, [](std::string_view) { return Command{}; }, true, wakeup_),
        server_(std::make_unique<Server>(loop_, hub_, publications_, Settings{},
                                         Routes{{"/shard", {[name](const Request&) {
                                                   return make_response(200, "text/plain", std::string(name));
                                                 }}}},
                                         nullptr)) {}
  ~Shard() {
    halt();
    server_.reset();
  }
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  void start() {
    thread_ = std::thread([this] { loop_.run(); });
  }
  void stop() {
    asio::post(loop_, [this] { server_->stop([this] { loop_.stop(); }); });
  }
  void join() {
    if (thread_.joinable()) thread_.join();
  }
  void halt() {
    loop_.stop();
    join();
  }
  Server& server() { return *server_; }

  Counters counters;

 private:
  struct NoWakeup final : Wakeup {
    void wake() noexcept override {}
  };

  asio::io_context loop_{1};
  NoWakeup wakeup_;
  Hub hub_;
  fieldcast::test::HoldingPublisher publisher_;
  Publications publications_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
};

class HttpAcceptor : public testing::Test {
 protected:
  ~HttpAcceptor() override { close_door(); }

  void listen(std::size_t shards) {
    std::vector<Server*> servers;
    for (std::size_t i = 0; i < shards; ++i) {
      shards_.push_back(std::make_unique<Shard>(log_, clock_, limits_, std::to_string(i)));
      servers.push_back(&shards_.back()->server());
    }
    acceptor_ =
        std::make_unique<Acceptor>(loop_, std::vector<ListenAddress>{{"127.0.0.1", 0}}, servers, limits_, counters_);
    port_ = acceptor_->endpoints().at(0).port();
  }
  void start(std::size_t shards) {
    listen(shards);
    for (const auto& shard : shards_) shard->start();
    open_door();
  }
  void open_door() {
    thread_ = std::thread([this] { loop_.run(); });
  }
  /// The acceptor listens no more, and its thread has ended.
  void close_door() {
    if (!thread_.joinable()) return;
    asio::post(loop_, [this] { acceptor_->stop(); });
    thread_.join();
  }

  /// A new client of the shard that it was given to.
  void connect() {
    auto client = std::make_unique<Client>(port_);
    client->get("/shard");
    const auto shard = read_answer(*client).body;
    clients_[shard].push_back(std::move(client));
  }

  std::vector<std::size_t> spread() const {
    std::vector<std::size_t> out;
    for (const auto& shard : shards_) out.push_back(shard->server().clients());
    return out;
  }
  std::size_t all_extra() const {
    std::size_t out = 0;
    for (const auto& shard : shards_) out += shard->server().extra_clients();
    return out;
  }

  std::uint64_t reached(Limit limit) const { return fieldcast::test::reached(counters_, limit); }

  /// The bound only ends a test that fails.
  static bool until(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }

  HandClock clock_;
  Limits limits_;
  Counters counters_;
  fieldcast::test::TestLog log_{clock_, limits_, counters_};
  asio::io_context loop_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::unique_ptr<Acceptor> acceptor_;
  std::thread thread_;
  std::uint16_t port_ = 0;
  std::map<std::string, std::vector<std::unique_ptr<Client>>> clients_;  // by shard
};

using Spread = std::vector<std::size_t>;

TEST_F(HttpAcceptor, GivesEachClientToTheServerWithTheFewest) {
  start(3);
  for (int i = 0; i < 30; ++i) connect();
  EXPECT_EQ(spread(), (Spread{10, 10, 10}));
  EXPECT_EQ(clients_["1"].size(), 10u);
  EXPECT_EQ(shards_[1]->counters.connections.value(), 10u);

  clients_["1"].resize(4);
  ASSERT_TRUE(until([&] { return spread() == Spread{10, 4, 10}; }));
  for (int i = 0; i < 9; ++i) connect();
  EXPECT_EQ(spread(), (Spread{11, 11, 11}));
  EXPECT_EQ(clients_["1"].size(), 11u);
}

TEST_F(HttpAcceptor, SpreadsClientsThatCameTogether) {
  listen(3);
  std::list<Client> clients;
  for (int i = 0; i < 3 * 4 * kAcceptedAtOnce; ++i) clients.emplace_back(port_).get("/shard");
  open_door();
  for (const auto& shard : shards_) shard->start();
  std::map<std::string, int> served;
  for (auto& client : clients) ++served[read_answer(client).body];
  EXPECT_EQ(served.size(), 3u);
  for (const auto& [shard, count] : served) EXPECT_EQ(count, 4 * kAcceptedAtOnce) << shard;
}

TEST_F(HttpAcceptor, TheLimitOfConnectionsIsThatOfAllServers) {
  limits_.connections = 5;
  start(2);
  for (int i = 0; i < 5; ++i) connect();
  std::list<Client> extra;
  for (std::size_t i = 0; i < kExtraConnections; ++i) extra.emplace_back(port_);
  ASSERT_TRUE(until([&] { return all_extra() == kExtraConnections; }));
  Client closed(port_);
  EXPECT_EQ(closed.read_to_end(), "");
  extra.back().get("/v1/poll?topic=a");
  EXPECT_EQ(read_answer(extra.back()).json()["code"], "too_many");
  EXPECT_EQ(reached(Limit::connections), kExtraConnections + 1);
  EXPECT_EQ(reached(Limit::extra_connections), 1u);

  const auto of_all = [&] { return spread()[0] + spread()[1]; };
  EXPECT_EQ(of_all(), 5u);
  clients_["0"].clear();
  extra.clear();
  ASSERT_TRUE(until([&] { return of_all() == 2 && all_extra() == 0; }));
  for (int i = 0; i < 3; ++i) connect();
  EXPECT_EQ(of_all(), 5u);
  EXPECT_EQ(all_extra(), 0u);
}

TEST_F(HttpAcceptor, AnAddressHasItsPartOfAllServers) {
  limits_.connections_per_address = 3;
  start(2);
  for (int i = 0; i < 3; ++i) connect();
  Client over(port_);
  over.get("/v1/poll?topic=a");
  const auto answer = read_answer(over);
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.json()["code"], "too_many");
  EXPECT_NE(answer.body.find("from your address"), std::string::npos) << answer.body;
  EXPECT_EQ(over.read_to_end(), "");
  EXPECT_EQ(reached(Limit::connections_per_address), 1u);
  EXPECT_EQ(reached(Limit::connections), 0u);
  Client elsewhere(port_, INADDR_LOOPBACK + 1);
  elsewhere.get("/v1/poll?topic=a");
  EXPECT_EQ(read_answer(elsewhere).status, 200);

  clients_.begin()->second.pop_back();
  ASSERT_TRUE(until([&] { return spread()[0] + spread()[1] == 3; }));  // with the one from elsewhere
  connect();
  EXPECT_EQ(reached(Limit::connections_per_address), 1u);
}

TEST(HttpAddresses, CountAsOneClientHasThem) {
  Addresses addresses(1);
  const auto take = [&](const char* text) { return addresses.take(asio::ip::make_address(text)); };
  std::vector<std::optional<Addresses::Place>> held;
  for (const char* text : {"192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1", "fe80::1", "fe80::2", "::1"}) {
    held.push_back(take(text));
    EXPECT_TRUE(held.back()) << text;
  }
  for (const char* text : {"192.0.2.1", "::ffff:192.0.2.2", "2001:db8::2", "2001:db8:0:1:ffff::", "fe80::2", "::1"})
    EXPECT_FALSE(take(text)) << text;
  held.erase(held.begin());
  EXPECT_TRUE(take("::ffff:192.0.2.1"));
  EXPECT_TRUE(take("192.0.2.1")) << "the place was given back at once";
}

TEST(HttpAddresses, WithoutALimitAreNotCounted) {
  Addresses addresses(0);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(addresses.take(asio::ip::make_address("192.0.2.1")), Addresses::Place());
}

TEST(HttpAddresses, APlaceMayOutliveThem) {
  auto addresses = std::make_unique<Addresses>(1);
  const auto place = addresses->take(asio::ip::make_address("192.0.2.1"));
  addresses.reset();
  EXPECT_TRUE(place);
}

TEST_F(HttpAcceptor, AStopClosesWhatIsBeingHandedOver) {
  start(2);
  std::vector<std::thread> crowd;
  std::atomic<int> ended{0};
  for (int i = 0; i < 4; ++i) {
    crowd.emplace_back([&] {
      try {
        for (;;) {
          std::list<Client> clients;
          for (int n = 0; n < 8; ++n) clients.emplace_back(port_);
        }
      } catch (const std::runtime_error&) {  // nobody listens any more
        ++ended;
      }
    });
  }
  ASSERT_TRUE(until([&] { return shards_[0]->counters.connections_total.value() >= 50; }));
  shards_[1]->stop();  // while it is given more
  shards_[1]->join();
  ASSERT_TRUE(until([&] { return shards_[0]->counters.connections_total.value() >= 100; }));
  close_door();
  for (auto& each : crowd) each.join();
  EXPECT_EQ(ended, 4);
  shards_[0]->stop();
  shards_[0]->join();
  EXPECT_EQ(spread()[0], 0u);
  EXPECT_EQ(shards_[0]->counters.connections.value(), 0u);
  EXPECT_EQ(shards_[1]->counters.connections.value(), 0u);
}

TEST_F(HttpAcceptor, AClientOfALoopThatEndedIsClosedWithIt) {
  start(1);
  shards_[0]->halt();
  Client client(port_);
  ASSERT_TRUE(until([&] { return spread() == Spread{1}; }));
  close_door();
  shards_.clear();
  EXPECT_EQ(client.read_to_end(), "");
}

TEST_F(HttpAcceptor, AServerThatStoppedTakesNoMore) {
  listen(1);
  auto& server = shards_[0]->server();
  server.stop([] {});
  Client client(port_);
  ASSERT_TRUE(until([&] {
    loop_.poll();
    return server.clients() == 1;
  }));
  server.loop().poll();
  EXPECT_EQ(server.clients(), 0u);
  EXPECT_EQ(client.read_to_end(), "");
}

TEST_F(HttpAcceptor, WithoutDescriptorsItTriesAgainSoon) {
  listen(1);
  auto& server = shards_[0]->server();
  // One before: a sanitizer that meets a class for the first time opens a pipe to look at it, and takes one that it
  // cannot open for a fault.
  const Client first(port_);
  ASSERT_TRUE(until([&] {
    loop_.poll();
    return server.clients() == 1;
  }));
  Client client(port_);
  client.get("/shard");
  rlimit usual{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &usual), 0);
  const int next = dup(STDERR_FILENO);
  close(next);
  const rlimit full{static_cast<rlim_t>(next), usual.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &full), 0);
  const auto tries = loop_.poll();
  const auto while_full = server.clients();
  setrlimit(RLIMIT_NOFILE, &usual);
  EXPECT_GE(tries, 1u);
  EXPECT_EQ(while_full, 1u);
  ASSERT_TRUE(until([&] {
    loop_.run_one_for(1s);
    return server.clients() == 2;
  }));
  shards_[0]->start();
  EXPECT_EQ(read_answer(client).body, "0");
}

}  // namespace
}  // namespace fieldcast::http

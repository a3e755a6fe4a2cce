// A real server on a port of its own, with the real log and hub, and a client for it. The loop has a thread of its
// own, as in the gateway; the clock is set by hand, so that no deadline is waited for.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include "adapters/http/acceptor.hpp"
#include "adapters/http/certificate.hpp"
#include "adapters/http/server.hpp"
#include "gateway/publications.hpp"
#include "tests/unit/holding_publisher.hpp"
#include "tests/unit/reached.hpp"
#include "tests/unit/test_log.hpp"

namespace fieldcast::http {

using namespace std::chrono_literals;
using Json = nlohmann::json;

class HandClock final : public Clock {
 public:
  std::int64_t wall_ms() const noexcept override { return 1'764'000'000'000; }
  Instant now() const noexcept override { return Instant(now_.load()); }
  void forward(Instant by) { now_ += by.count(); }

 private:
  std::atomic<Instant::rep> now_{Instant(1h).count()};
};

/// A client that reads with a deadline, so that a test that fails does not hang.
class Client {
 public:
  /// From an address of this machine.
  explicit Client(std::uint16_t port, in_addr_t from = INADDR_LOOPBACK) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval deadline{20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(from);
    if (::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) throw std::runtime_error("bind");
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("connect");
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { leave(); }

  void send(std::string_view bytes) {
    if (::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size()))
      throw std::runtime_error("send");
  }
  void get(const std::string& target, const std::string& fields = "") {
    send("GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n");
  }
  void leave() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }
  /// Its own, in network byte order.
  in_port_t port() const {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    return address.sin_port;
  }
  void end_output() { ::shutdown(socket_, SHUT_WR); }

  std::string read(std::size_t size) {
    while (buffer_.size() < size)
      if (!fill()) throw std::runtime_error("the connection ended");
    const auto out = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return out;
  }
  std::string read_until(std::string_view end) {
    std::size_t at;
    while ((at = buffer_.find(end)) == std::string::npos)
      if (!fill()) throw std::runtime_error("the connection ended");
    return read(at + end.size());
  }
  std::string read_to_end() {
    while (fill()) {
    }
    return std::exchange(buffer_, {});
  }

 private:
  bool fill() {
    char bytes[65536];
    const auto size = ::recv(socket_, bytes, sizeof bytes, 0);
    if (size < 0) throw std::runtime_error("nothing came in time, or a reset");
    buffer_.append(bytes, static_cast<std::size_t>(size));
    return size != 0;
  }

  int socket_;
  std::string buffer_;
};

struct Answer {
  int status = 0;
  std::string head, body;

  std::optional<std::string> field(const std::string& name) const {
    const auto at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return std::nullopt;
    const auto from = at + name.size() + 4;
    return head.substr(from, head.find("\r\n", from) - from);
  }
  Json json() const { return Json::parse(body); }
};

inline Answer read_head(Client& client) {
  Answer answer;
  answer.head = client.read_until("\r\n\r\n");
  answer.status = std::stoi(answer.head.substr(9, 3));
  return answer;
}

inline Answer read_answer(Client& client) {
  auto answer = read_head(client);
  answer.body = client.read(std::stoul(answer.field("Content-Length").value_or("0")));
  return answer;
}

inline std::string read_chunk(Client& client) {
  const auto size = std::stoul(client.read_until("\r\n"), nullptr, 16);
  const auto chunk = client.read(size);
  EXPECT_EQ(client.read(2), "\r\n");
  return chunk;
}

struct Event {
  std::string id;
  Json data;
};

inline Event parse_event(const std::string& text) {
  const auto data = text.find("\ndata: ");
  EXPECT_TRUE(text.starts_with("id: ") && text.ends_with("\n\n") && data != std::string::npos) << text;
  return {text.substr(4, data - 4), Json::parse(text.substr(data + 7))};
}

/// Says back what it hears.
class EchoSession final : public Session {
 public:
  explicit EchoSession(Outlet& outlet) : outlet_(outlet) {}
  void on_input(std::string_view bytes) override { say(bytes); }
  void on_drained() override {}
  void on_tick(Instant) override {}
  void on_stop() override {
    say("stopped");
    outlet_.close();
  }
  void say(std::string_view bytes) {
    const Piece piece{bytes};
    outlet_.send({&piece, 1});
  }

 private:
  Outlet& outlet_;
};

class HttpServer : public testing::Test {
 protected:
  explicit HttpServer(DurableLog::Options log = {}) : log_(clock_, limits_, counters_, std::move(log)) {}
  ~HttpServer() override {
    // Sessions and connections end on their own thread, behind the last client that was accepted; then nothing runs
    // any more.
    run([this] { acceptor_->stop(); });
    run([this] { server_.reset(); });
    work_.reset();
    loop_.stop();
    thread_.join();
    acceptor_.reset();
    publications_.reset();
    hub_.reset();
  }

  std::uint16_t start(std::chrono::milliseconds stalled = 5min) {
    hub_ = std::make_unique<Hub>(log_, clock_, limits_, counters_, wakeup_);
    publications_ = std::make_unique<Publications>(publisher_, parse_command, may_publish_, wakeup_);
    wakeup_.shard = [this] {
      asio::post(loop_, [this] {
        hub_->run();
        publications_->run();
      });
    };
    log_.add_wakeup(wakeup_);
    Routes routes;
    routes["/healthz"] = {[](const Request&) { return make_response(200, "text/plain", "ok\n"); },
                          std::vector<std::string>{"strict"}};
    routes["/"] = static_file("text/html", "<p>");
    routes["/big"] = {
        [](const Request&) { return make_response(200, "text/plain", std::string(std::size_t{32} << 20, 'x')); }};
    Settings settings;
    settings.origins = {"https://page.example"};
    settings.stalled = stalled;
    settings.crowd = crowd_;
    settings.certificate = certificate_ ? &*certificate_ : nullptr;
    server_ = std::make_unique<Server>(
        loop_, *hub_, *publications_, settings, std::move(routes), [](UpgradeRequest&& request, Outlet& outlet) {
          auto session = std::make_unique<EchoSession>(outlet);
          session->say("topic " + (request.request.parameters.empty() ? "" : request.request.parameters[0].value) +
                       (request.refused ? " refused" : "") + "\n" + request.head);
          return session;
        });
    acceptor_ = std::make_unique<Acceptor>(loop_, std::vector<ListenAddress>{{"127.0.0.1", 0}},
                                           std::vector<Server*>{server_.get()}, limits_, counters_);
    port_ = acceptor_->endpoints().at(0).port();
    thread_ = std::thread([this] { loop_.run(); });
    return port_;
  }

  /// On the loop's thread, and waits for it.
  void run(std::function<void()> step) {
    std::promise<void> done;
    asio::post(loop_, [&] {
      step();
      done.set_value();
    });
    done.get_future().wait();
  }

  void append(std::string_view topic, std::string_view payload) {
    NewEntry entry;
    entry.kind = Kind::json;
    entry.topic = topic;
    entry.payload = payload;
    log_.append(entry);
  }

  Answer ask(const std::string& target, const std::string& fields = "") {
    Client client(port_);
    client.get(target, fields);
    return read_answer(client);
  }

  /// Turns the loop until the condition holds. Each turn waits for the loop, so this is no busy wait; the
  /// bound only ends a test that fails.
  bool until(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::promise<void> turned;
      asio::steady_timer timer(loop_, 5ms);
      timer.async_wait([&](std::error_code) { turned.set_value(); });
      turned.get_future().wait();
    }
    return true;
  }

  /// Sends a poll that has nothing to answer with yet, and comes back when it is parked.
  void park(Client& client, const std::string& target) {
    ASSERT_TRUE(until([&] { return transport(Transport::poll).clients.value() == 0; }));
    client.get(target);
    ASSERT_TRUE(until([&] { return transport(Transport::poll).clients.value() == 1; }));
  }

  TransportCounters& transport(Transport transport) {
    return counters_.transports[static_cast<std::size_t>(transport)];
  }

  std::uint64_t reached(Limit limit) const { return fieldcast::test::reached(counters_, limit); }

  /// All of the body is the payload, but for "bad".
  static Result<Command> parse_command(std::string_view body) {
    if (body == "bad") return Problem{Code::bad_message, "bad"};
    Command command;
    command.payload = body;
    return command;
  }

  struct ShardWakeup final : Wakeup {
    void wake() noexcept override { shard(); }
    std::function<void()> shard;
  };

  HandClock clock_;
  Limits limits_;
  Counters counters_;
  fieldcast::test::TestLog log_;
  std::size_t crowd_ = 1'000;               // set before start()
  std::optional<Certificate> certificate_;  // set before start(): TLS is spoken with it
  asio::io_context loop_;
  asio::executor_work_guard<asio::io_context::executor_type> work_ = asio::make_work_guard(loop_);
  ShardWakeup wakeup_;
  fieldcast::test::HoldingPublisher publisher_;
  bool may_publish_ = true;
  std::unique_ptr<Hub> hub_;
  std::unique_ptr<Publications> publications_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Acceptor> acceptor_;
  std::thread thread_;
  std::uint16_t port_ = 0;
};

}  // namespace fieldcast::http

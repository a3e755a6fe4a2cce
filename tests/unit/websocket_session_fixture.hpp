// What the tests of the WebSocket session stand on: the real log, hub and stream; the socket is an outlet that
// keeps what it is sent, the clock is set by hand. One thread; each test owns its own.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/websocket/session.hpp"
#include "gateway/counters.hpp"
#include "gateway/hub.hpp"
#include "gateway/publications.hpp"
#include "tests/unit/holding_publisher.hpp"
#include "tests/unit/reached.hpp"
#include "tests/unit/test_log.hpp"

namespace fieldcast::websocket::test {

using Json = nlohmann::json;
using namespace std::chrono_literals;

class HandClock final : public Clock {
 public:
  std::int64_t wall_ms() const noexcept override { return 1'764'000'000'000; }
  Instant now() const noexcept override { return now_; }
  void forward(Instant by) { now_ += by; }

 private:
  Instant now_ = 1h;
};

/// A socket that takes everything, or nothing.
class KeepingOutlet final : public Outlet {
 public:
  void send(std::span<const Piece> pieces) override {
    EXPECT_FALSE(closed_) << "sent after close()";
    for (const Piece& piece : pieces) sent_ += piece.bytes;
    ++sends_;
    if (const auto meanwhile = std::exchange(meanwhile_, nullptr)) meanwhile();
    drained_ = !full_;
    if (drained_ && eager_) eager_->on_drained();
  }
  bool drained() const override { return drained_; }
  void release() override { ADD_FAILURE() << "a WebSocket's connection serves no other request"; }
  void close() override {
    EXPECT_FALSE(closed_) << "closed twice";
    closed_ = true;
  }

  void fill() { full_ = true; }
  void drain() {
    full_ = false;
    drained_ = true;
  }
  /// Says within send() already that all is in the socket.
  void be_eager(fieldcast::Session& session) { eager_ = &session; }
  /// What happens while the next bytes are on their way.
  void meanwhile(std::function<void()> what) { meanwhile_ = std::move(what); }
  bool closed() const { return closed_; }
  int sends() const { return sends_; }
  std::string take() { return std::exchange(sent_, {}); }

 private:
  std::string sent_;
  int sends_ = 0;
  bool full_ = false, drained_ = true, closed_ = false;
  fieldcast::Session* eager_ = nullptr;
  std::function<void()> meanwhile_;
};

inline constexpr int kText = 0x81, kBinary = 0x82, kClose = 0x88, kPing = 0x89, kPong = 0x8A;

struct Frame {
  int first;
  std::string payload;
  bool operator==(const Frame&) const = default;
};

inline std::vector<Frame> read_frames(std::string_view bytes) {
  std::vector<Frame> frames;
  while (bytes.size() >= 2) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
    const int extra = byte(1) == 127 ? 8 : byte(1) == 126 ? 2 : 0;
    std::size_t size = extra == 0 ? byte(1) : 0;
    for (int i = 0; i < extra; ++i) size = size << 8 | byte(2 + static_cast<std::size_t>(i));
    const std::size_t header = 2 + static_cast<std::size_t>(extra);
    if (bytes.size() < header + size) break;
    frames.push_back({byte(0), std::string(bytes.substr(header, size))});
    bytes.remove_prefix(header + size);
  }
  EXPECT_TRUE(bytes.empty()) << "not whole frames";
  return frames;
}

inline Frame close_with(int code, std::string_view reason) {
  return {kClose, std::string{static_cast<char>(code >> 8), static_cast<char>(code)}.append(reason)};
}

/// A client's frame of a payload below 64 KiB, masked with zeroes.
inline std::string client_frame(int first, std::string_view payload) {
  std::string out(1, static_cast<char>(first));
  const std::size_t size = payload.size();
  if (size <= 125) {
    out += static_cast<char>(0x80 | size);
  } else {
    out += {'\xFE', static_cast<char>(size >> 8), static_cast<char>(size & 0xFF)};
  }
  return out.append(4, '\0').append(payload);
}

class WebsocketSession : public testing::Test {
 protected:
  using Query = std::vector<std::pair<std::string, std::string>>;

  /// Opens and returns the frames behind the 101.
  std::vector<Frame> open(const Query& query, std::optional<Problem> refused = {}) {
    std::vector<Parameter> parameters;
    for (const auto& [name, value] : query) parameters.push_back({name, value, false});
    session_ = websocket::open(
        "GET /v1/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        parameters, refused, hub_, publications_, incomplete_, outlet_);
    EXPECT_NE(session_, nullptr);
    const std::string sent = outlet_.take();
    const std::size_t head = sent.find("\r\n\r\n") + 4;
    EXPECT_EQ(sent.substr(0, 12), "HTTP/1.1 101");
    return read_frames(std::string_view(sent).substr(head));
  }

  std::vector<Frame> frames() { return read_frames(outlet_.take()); }

  /// What was sent since, all of it text messages.
  std::vector<Json> messages() { return parse(frames()); }

  static std::vector<Json> parse(const std::vector<Frame>& frames) {
    std::vector<Json> messages;
    for (const Frame& frame : frames) {
      EXPECT_EQ(frame.first, kText);
      messages.push_back(Json::parse(frame.payload));
    }
    return messages;
  }

  void receive(int first, std::string_view payload) { session_->on_input(client_frame(first, payload)); }
  void say(std::string_view text) {
    receive(kText, text);
    settle();
  }

  void publish(std::string_view topic, std::string_view payload) {
    NewEntry entry;
    entry.kind = fieldcast::Kind::json;
    entry.topic = topic;
    entry.payload = payload;
    ASSERT_TRUE(log_.append(entry));
  }

  void settle() {
    do {
      shard_.woken = false;
      hub_.run();
      publications_.run();
    } while (shard_.woken || hub_.position() != log_.head());
  }

  /// Lets time pass in ticks.
  void pass(Instant time) {
    for (const Instant end = clock_.now() + time; clock_.now() < end;) {
      clock_.forward(std::min<Instant>(kTick, end - clock_.now()));
      session_->on_tick(clock_.now());
    }
  }

  const TransportCounters& counted() const {
    return counters_.transports[static_cast<std::size_t>(Transport::websocket)];
  }
  std::uint64_t reached(Limit limit) const { return fieldcast::test::reached(counters_, limit); }
  std::uint64_t problems(Code code) const { return counters_.problems[static_cast<std::size_t>(code)].value(); }

  HandClock clock_;
  Limits limits_;
  Counters counters_;
  struct Shard final : Wakeup {
    void wake() noexcept override { woken = true; }
    bool woken = false;
  };

  fieldcast::test::TestLog log_{clock_, limits_, counters_};
  Shard shard_;
  Hub hub_{log_, clock_, limits_, counters_, shard_};
  /// All of the message is the payload, but where it says so.
  static Result<Command> parse_command(std::string_view message) {
    if (message.find("\"bad\"") != std::string_view::npos) return Problem{Code::bad_message, "bad"};
    Command command;
    command.payload = message;
    return command;
  }

  fieldcast::test::HoldingPublisher publisher_;
  Publications publications_{publisher_, parse_command, true, shard_};
  IncompleteMessages incomplete_{0, 1u << 20};
  KeepingOutlet outlet_;
  std::unique_ptr<fieldcast::Session> session_;
};

inline std::vector<int> values(const std::vector<Json>& messages) {
  std::vector<int> values;
  for (const Json& message : messages) {
    if (message["type"] != "readings") continue;
    for (const Json& reading : message["readings"]) values.push_back(reading["payload"]);
  }
  return values;
}

}  // namespace fieldcast::websocket::test

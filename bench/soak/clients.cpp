#include "bench/soak/clients.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "tests/support/cut.hpp"
#include "tests/support/http_client.hpp"

namespace fieldcast::soak {
namespace {

using bench::Wire;

// The most that one read takes: a batch of the gateway's default size with its framing.
constexpr std::size_t kReadBytes = 320 * 1024;
constexpr int kTurnMs = 20;
// A client has caught up where it is so many readings behind at most.
constexpr std::uint32_t kCaughtUp = 100;
// Of those that rest: so small that little of what they have not read is with them.
constexpr int kRestersBuffer = 4'096;

std::vector<std::string> filters_of(std::size_t client, std::uint32_t halls) {
  const auto hall = [&](std::size_t number) { return "hall-" + std::to_string(number % halls); };
  const std::size_t tens = client / 10;
  switch (client % 10) {
    case 0:
      return {"#"};
    case 1:
      return {"+/+/temperature"};
    case 2:
      return {hall(tens) + "/+/state", hall(tens + 1) + "/machine-7/#", hall(tens) + "/machine-7/#"};  // they overlap
    default:
      return {hall(client) + "/#"};
  }
}

}  // namespace

Clients::Clients(const Readings& readings, std::uint16_t port, std::size_t count)
    : readings_(readings), port_(port), epoll_(epoll_create1(EPOLL_CLOEXEC)), buffer_(kReadBytes), clients_(count) {
  if (epoll_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  wires_.fill({~0u, ""});
  const Time now = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < count; ++i) {
    Client& client = clients_[i];
    const auto filters = filters_of(i, readings.halls());
    client.part = &parts_.try_emplace(filters, readings, filters).first->second;
    client.next = client.part->next(0);
    const std::size_t kind = i / 10 % 10;
    client.wire = kind < 4 ? Wire::websocket : kind < 6 ? Wire::events : kind < 8 ? Wire::poll : Wire::websocket;
    client.habit = kind == 8 ? Habit::roams : kind == 9 ? Habit::rests : Habit::steady;
    client.change_at = now + between(1'000, 8'000);
    connect(i);
  }
  thread_ = std::jthread([this](std::stop_token stop) { run(stop); });
  std::unique_lock lock(mutex_);
  if (!changed_.wait_until(lock, test::Deadline().at(), [this] { return failed_ || all_have_begun(); }))
    throw test::TimedOut("not all clients have a stream");
  if (failed_) std::rethrow_exception(failed_);
}

Clients::~Clients() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  for (const auto& client : clients_)
    if (client.fd >= 0) close(client.fd);
  close(epoll_);
}

void Clients::check() const {
  const std::lock_guard lock(mutex_);
  if (failed_) std::rethrow_exception(failed_);
}

void Clients::finish(std::uint32_t total, test::Deadline deadline) {
  ended_ = true;
  std::unique_lock lock(mutex_);
  const bool done = changed_.wait_until(lock, deadline.at(), [&] { return failed_ || all_are_done(total); });
  if (failed_) std::rethrow_exception(failed_);
  for (std::size_t i = 0; !done && i < clients_.size(); ++i)
    if (clients_[i].next < total) fail(i, "has not got reading " + std::to_string(clients_[i].next));
}

Clients::Counts Clients::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

bool Clients::all_have_begun() const {
  return std::none_of(clients_.begin(), clients_.end(), [](const Client& client) { return client.cursor.empty(); });
}

bool Clients::all_are_done(std::uint32_t total) const {
  return std::all_of(clients_.begin(), clients_.end(), [&](const Client& client) { return client.next >= total; });
}

void Clients::run(std::stop_token stop) {
  try {
    while (!stop.stop_requested()) turn();
  } catch (...) {
    const std::lock_guard lock(mutex_);
    failed_ = std::current_exception();
  }
  changed_.notify_all();
}

void Clients::turn() {
  std::array<epoll_event, 512> events;
  const int ready = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), kTurnMs);
  if (ready < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "epoll_wait");
  const std::lock_guard lock(mutex_);
  for (int i = 0; i < ready; ++i) read(static_cast<std::size_t>(events[static_cast<std::size_t>(i)].data.u64));
  const Time now = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < clients_.size(); ++i)
    if (clients_[i].habit != Habit::steady && (clients_[i].change_at <= now || ended_)) change(i, now);
  changed_.notify_all();
}

void Clients::change(std::size_t index, Time now) {
  Client& client = clients_[index];
  if (client.habit == Habit::rests) {
    if (ended_ && !client.resting) return;
    // On a slow machine it takes a while to catch up, and one that never does is rightly told of a gap.
    if (!client.resting && client.next + kCaughtUp < newest_) return;
    client.resting = !client.resting;
    counts_.rests += client.resting ? 1 : 0;
    watch(client.resting ? EPOLL_CTL_DEL : EPOLL_CTL_ADD, index);
    client.change_at = now + (client.resting ? between(5'000, 20'000) : between(2'000, 8'000));
    return;
  }
  if (client.fd < 0) {
    client.wire = static_cast<Wire>((static_cast<int>(client.wire) + 1) % 3);
    connect(index);
    ++counts_.returns;
    client.change_at = now + between(500, 6'000);
  } else if (!ended_ && !client.cursor.empty()) {  // with a reset, whatever is under way
    const linger at_once{1, 0};
    setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(std::exchange(client.fd, -1));
    client.change_at = now + between(0, 3'000);
  }
}

void Clients::connect(std::size_t index) {
  Client& client = clients_[index];
  client.fd = bench::connect_to(port_, client.habit == Habit::rests ? kRestersBuffer : 0);
  client.head_read = client.wire == Wire::poll;
  client.rest.clear();
  ask(client);
  watch(EPOLL_CTL_ADD, index);
}

void Clients::ask(Client& client) const {
  std::string query;
  for (const auto& filter : client.part->filters()) query += "topic=" + test::percent_encoded(filter) + "&";
  query += "from=" + (client.cursor.empty() ? "now" : client.cursor);
  bench::send_all(client.fd, bench::stream_request(client.wire, query, port_));
}

void Clients::watch(int operation, std::size_t index) const {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = index;
  if (epoll_ctl(epoll_, operation, clients_[index].fd, &event) != 0)
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
}

void Clients::read(std::size_t index) {
  Client& client = clients_[index];
  if (client.fd < 0) return;
  const auto n = recv(client.fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) fail(index, "was cut off; it had still to say: " + client.rest.substr(0, 500));
  std::string_view bytes(buffer_.data(), static_cast<std::size_t>(n));
  if (!client.rest.empty()) bytes = client.rest.append(bytes);
  const std::size_t all = bytes.size();
  while (const std::size_t taken = take_frame(index, bytes)) bytes.remove_prefix(taken);
  if (client.rest.empty()) {
    client.rest = bytes;
  } else {
    client.rest.erase(0, all - bytes.size());
  }
}

std::size_t Clients::take_frame(std::size_t index, std::string_view bytes) {
  Client& client = clients_[index];
  if (!client.head_read) {
    const auto head = test::cut_head(bytes);
    if (head.size == 0) return 0;
    const std::string_view expected = client.wire == Wire::websocket ? "HTTP/1.1 101 " : "HTTP/1.1 200 ";
    if (!head.content.starts_with(expected)) fail(index, "got no stream: " + std::string(bytes));
    client.head_read = true;
    return head.size;
  }
  const auto [size, content] = client.wire == Wire::websocket ? test::cut_websocket(bytes)
                               : client.wire == Wire::events  ? test::cut_chunk(bytes)
                                                              : test::cut_answer(bytes);
  if (size == 0) return 0;
  if (client.wire == Wire::websocket) {
    if (bytes[0] == test::kCloseFrame) fail(index, "was closed: " + std::string(content.substr(2)));
    if (bytes[0] == test::kPingFrame) {
      bench::send_all(client.fd, std::string(test::kPong));
      return size;
    }
  }
  if (client.wire == Wire::poll && !bytes.starts_with("HTTP/1.1 200 ")) fail(index, "got " + std::string(bytes));
  take_batch(index, content);
  if (client.wire == Wire::poll) ask(client);
  return size;
}

void Clients::take_batch(std::size_t index, std::string_view batch) {
  Client& client = clients_[index];
  constexpr std::string_view kCursor = R"("cursor":")", kReadings = R"("readings":[)";
  if (batch.find(R"({"type":"readings",)") == batch.npos) return;  // the answer to the subscription, retry:
  const auto cursor = batch.find(kCursor);
  const auto readings = batch.find(kReadings, cursor);
  if (cursor == batch.npos || readings == batch.npos) fail(index, "got no batch: " + std::string(batch.substr(0, 500)));
  if (batch.substr(0, readings).find(R"("gap":)") != batch.npos)
    fail(index, "got a gap: " + std::string(batch.substr(0, readings)));
  take_readings(index, batch.substr(readings + kReadings.size()));
  const auto begin = cursor + kCursor.size();
  client.cursor = batch.substr(begin, batch.find('"', begin) - begin);
}

void Clients::take_readings(std::size_t index, std::string_view text) {
  constexpr std::string_view kSeq = R"({"seq":)", kTime = R"(,"time":)";
  Client& client = clients_[index];
  while (text.starts_with('{')) {
    const auto wrong = [&] {
      fail(index, "was to get reading " + std::to_string(client.next) + ", which is {" + wire_of(client.next) +
                      ", but got " + std::string(text.substr(0, 300)));
    };
    const auto time = text.find(kTime);
    if (!text.starts_with(kSeq) || time == text.npos) wrong();
    std::uint64_t seq = 0;
    std::from_chars(text.data() + kSeq.size(), text.data() + time, seq);
    const auto content = text.find(',', time + 1);
    const std::string& expected = wire_of(client.next);
    if (seq <= client.last_seq || content == text.npos || text.substr(content + 1, expected.size()) != expected)
      wrong();
    client.last_seq = seq;
    newest_ = std::max(newest_, client.next);
    client.next = client.part->next(client.next + 1);
    ++counts_.readings;
    text.remove_prefix(content + 1 + expected.size());
    if (text.starts_with(',')) text.remove_prefix(1);
  }
  if (!text.starts_with("]}")) fail(index, "got a batch that ends in " + std::string(text.substr(0, 300)));
}

const std::string& Clients::wire_of(std::uint32_t n) {
  auto& [number, wire] = wires_[n % wires_.size()];
  if (number != n) {
    number = n;
    wire = readings_.at(n).wire;
  }
  return wire;
}

std::chrono::milliseconds Clients::between(int from_ms, int to_ms) {
  return std::chrono::milliseconds(from_ms + static_cast<int>(random_() % static_cast<unsigned>(to_ms - from_ms)));
}

void Clients::fail(std::size_t index, const std::string& what) const {
  std::string filters;
  for (const auto& filter : clients_[index].part->filters()) filters += " " + filter;
  throw std::runtime_error("client " + std::to_string(index) + " of" + filters + " " + what);
}

}  // namespace fieldcast::soak

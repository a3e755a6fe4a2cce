#include "bench/clients.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "bench/load.hpp"
#include "tests/support/cut.hpp"
#include "tests/support/http_client.hpp"

namespace fieldcast::bench {
namespace {

// The most that one read takes: a batch of the gateway's default size with its framing.
constexpr std::size_t kReadBytes = 320 * 1024;
// How soon the reading thread looks at what the main thread wants where no bytes come.
constexpr int kLookMs = 10;
// In every batch.
constexpr std::string_view kReadings = R"("readings":[)";

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

Clients::Clients(Wire wire) : wire_(wire), epoll_(epoll_create1(EPOLL_CLOEXEC)), buffer_(kReadBytes) {
  if (epoll_ < 0) fail("epoll_create1");
}

Clients::~Clients() {
  stop_ = true;
  if (reader_.valid()) reader_.wait();
  for (const auto& client : clients_) close(client.fd);
  close(epoll_);
}

void Clients::open(std::uint16_t port, const std::string& filter, std::size_t count, int receive_buffer) {
  const auto request = stream_request(wire_, "topic=" + test::percent_encoded(filter), port);
  for (; count > 0; --count) {
    auto& client = clients_.emplace_back(Client{connect_to(port, receive_buffer)});
    send_all(client.fd, request);
    auto& answer = client.rest;
    while (answer.find(kReadings) == answer.npos) {
      const auto n = recv(client.fd, buffer_.data(), buffer_.size(), 0);
      if (n <= 0) throw std::runtime_error("no stream: " + answer);
      answer.append(buffer_.data(), static_cast<std::size_t>(n));
    }
    answer.erase(0, answer.find("\r\n\r\n") + 4);
    watch(EPOLL_CTL_ADD, clients_.size() - 1);
  }
}

void Clients::watch(int operation, std::size_t client) const {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = client;
  if (epoll_ctl(epoll_, operation, clients_[client].fd, &event) != 0) fail("epoll_ctl");
}

void Clients::start(std::uint32_t total, bool keep_frames) {
  total_ = total;
  keep_frames_ = keep_frames;
  unfinished_ = clients_.size();
  receipts_.reserve(std::size_t{total} * clients_.size());
  reader_ = std::async(std::launch::async, [this] { run(); });
}

void Clients::finish(test::Deadline deadline) {
  if (reader_.wait_until(deadline.at()) == std::future_status::ready) return reader_.get();
  stop_ = true;
  reader_.get();
  std::string missing;
  for (std::size_t i = 0; i < clients_.size(); ++i)
    if (clients_[i].next < total_) missing += " " + std::to_string(i) + ":" + std::to_string(clients_[i].next);
  throw test::TimedOut("of " + std::to_string(total_) + " readings some are missing; client:has" + missing);
}

void Clients::run() {
  std::array<epoll_event, 512> events;
  while (unfinished_ > 0 && !stop_) {
    const int ready = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), kLookMs);
    if (ready < 0 && errno != EINTR) fail("epoll_wait");
    for (int i = 0; i < ready; ++i) read(static_cast<std::size_t>(events[static_cast<std::size_t>(i)].data.u64));
    for (; paused_ < paused_wanted_; ++paused_) watch(EPOLL_CTL_DEL, paused_);
    if (paused_wanted_ == 0)
      for (; paused_ > 0; --paused_) watch(EPOLL_CTL_ADD, paused_ - 1);
  }
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  cpu_seconds_ = static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

void Clients::read(std::size_t index) {
  auto& client = clients_[index];
  const auto n = recv(client.fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0)
    throw std::runtime_error("the connection of client " + std::to_string(index) + " ended before reading " +
                             std::to_string(client.next));
  now_ = stamp();
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
  const auto [size, content] = wire_ == Wire::websocket ? test::cut_websocket(bytes) : test::cut_chunk(bytes);
  if (size == 0) return 0;
  if (wire_ == Wire::websocket && bytes[0] == test::kCloseFrame)
    throw std::runtime_error("client " + std::to_string(index) + " was closed: " + std::string(content.substr(2)));
  if (wire_ == Wire::websocket && bytes[0] == test::kPingFrame) {
    if (send(clients_[index].fd, test::kPong.data(), test::kPong.size(), MSG_NOSIGNAL) < 0) fail("send");
    return size;
  }
  const auto readings = take_batch(index, content);
  if (keep_frames_ && index == 0 && readings > 0) frames_.push_back({std::string(bytes.substr(0, size)), readings});
  return size;
}

std::uint32_t Clients::take_batch(std::size_t index, std::string_view batch) {
  auto& client = clients_[index];
  const auto begin = batch.find(kReadings);
  if (begin == batch.npos) return 0;
  if (batch.substr(0, begin).find(R"("gap":{)") != batch.npos) {
    client.gap = true;
    ++gaps_;
  }
  std::uint32_t readings = 0;
  for (auto at = batch.find(kPayloadMark, begin); at != batch.npos; at = batch.find(kPayloadMark, at + 1)) {
    const auto n = static_cast<std::uint32_t>(number_at(batch, at + kPayloadMark.size(), kNumberDigits) - kNumberBase);
    const auto published = number_at(batch, at + kTimeOffset, kTimeDigits);
    if (n != client.next && !(client.gap && n > client.next))
      throw std::runtime_error("client " + std::to_string(index) + " got reading " + std::to_string(n) +
                               " where it was to get " + std::to_string(client.next));
    client.gap = false;
    client.next = n + 1;
    receipts_.push_back({static_cast<std::uint32_t>(index), n,
                         static_cast<std::uint32_t>(now_ < published ? 0 : (now_ - published) / 1'000)});
    if (client.next == total_) --unfinished_;
    ++readings;
  }
  return readings;
}

}  // namespace fieldcast::bench

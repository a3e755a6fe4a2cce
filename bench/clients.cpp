#include "bench/clients.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <stdexcept>
#include <system_error>

#include "bench/load.hpp"
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

int connect_to(std::uint16_t port, int receive_buffer) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  if (receive_buffer > 0) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    close(fd);
    fail("connect");
  }
  return fd;
}

test::Request request_for(Wire wire, const std::string& filter) {
  const auto query = "?topic=" + test::percent_encoded(filter);
  if (wire == Wire::events) return {"/v1/events" + query, {{"Accept", "text/event-stream"}}};
  return {"/v1/ws" + query,
          {{"Upgrade", "websocket"},
           {"Connection", "Upgrade"},
           {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
           {"Sec-WebSocket-Version", "13"}}};
}

/// One frame: a WebSocket's without a mask (RFC 6455, 5.2), or a chunk (RFC 9112, 7.1). No size: it is not whole.
struct Cut {
  std::size_t size = 0;
  std::string_view content{};
};

Cut cut_websocket(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return std::size_t{static_cast<unsigned char>(bytes[i])}; };
  if (bytes.size() < 2) return {};
  std::size_t head = 2, length = byte(1) & 0x7f;
  if (length >= 126) {
    head += length == 126 ? 2 : 8;
    if (bytes.size() < head) return {};
    length = 0;
    for (std::size_t i = 2; i < head; ++i) length = length << 8 | byte(i);
  }
  if (bytes.size() < head + length) return {};
  return {head + length, bytes.substr(head, length)};
}

Cut cut_chunk(std::string_view bytes) {
  const auto line = bytes.find('\n');
  if (line == bytes.npos) return {};
  std::size_t length = 0;
  std::from_chars(bytes.data(), bytes.data() + line, length, 16);
  const std::size_t size = line + 1 + length + 2;
  if (bytes.size() < size) return {};
  return {size, bytes.substr(line + 1, length)};
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
  const auto request = test::to_text(request_for(wire_, filter), port);
  for (; count > 0; --count) {
    auto& client = clients_.emplace_back(Client{connect_to(port, receive_buffer)});
    if (send(client.fd, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
      fail("send");
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
  const auto [size, content] = wire_ == Wire::websocket ? cut_websocket(bytes) : cut_chunk(bytes);
  if (size == 0) return 0;
  constexpr char kClose = '\x88', kPing = '\x89';  // the gateway's: with a code and a reason, and with no payload
  constexpr std::string_view kPong("\x8a\x80\0\0\0\0", 6);
  if (wire_ == Wire::websocket && bytes[0] == kClose)
    throw std::runtime_error("client " + std::to_string(index) + " was closed: " + std::string(content.substr(2)));
  if (wire_ == Wire::websocket && bytes[0] == kPing) {
    if (send(clients_[index].fd, kPong.data(), kPong.size(), MSG_NOSIGNAL) < 0) fail("send");
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

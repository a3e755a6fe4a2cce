#include "adapters/mqtt/resolver.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace fieldcast::mqtt {
namespace {

std::string to_text(const sockaddr& address) {
  const socklen_t length = address.sa_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  std::array<char, NI_MAXHOST> text{};
  if (getnameinfo(&address, length, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0) return {};
  return text.data();
}

bool is_internet(const sockaddr* address) {
  return address && (address->sa_family == AF_INET || address->sa_family == AF_INET6);
}

}  // namespace

struct Resolver::Job {
  std::mutex mutex;
  std::condition_variable_any done;
  std::optional<Resolution> result;
};

Resolution look_up(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), nullptr, &hints, &found); error != 0)
    return {{}, gai_strerror(error)};
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
  Resolution resolution;
  for (const addrinfo* one = found; one && resolution.addresses.size() < kMaxAddresses; one = one->ai_next) {
    if (!is_internet(one->ai_addr)) continue;
    const std::string text = to_text(*one->ai_addr);
    if (!text.empty() && std::ranges::find(resolution.addresses, text) == resolution.addresses.end())
      resolution.addresses.push_back(text);
  }
  if (resolution.addresses.empty()) resolution.error = "it has no address";
  return resolution;
}

bool is_address(const std::string& host) {
  in6_addr parsed;
  return inet_pton(AF_INET, host.c_str(), &parsed) == 1 || inet_pton(AF_INET6, host.c_str(), &parsed) == 1;
}

bool on_this_machine(const std::string& address) {
  if (address.starts_with("127.") || address == "::1") return true;
  ifaddrs* interfaces = nullptr;
  if (getifaddrs(&interfaces) != 0) return false;
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(interfaces, freeifaddrs);
  for (const ifaddrs* one = interfaces; one; one = one->ifa_next)
    if (is_internet(one->ifa_addr) && to_text(*one->ifa_addr) == address) return true;
  return false;
}

Resolver::Resolver(std::string host, LookUp look_up) : host_(std::move(host)), look_up_(std::move(look_up)) {}

Resolution Resolver::resolve(std::chrono::milliseconds deadline, const std::stop_token& stop) {
  if (is_address(host_)) return {{host_}, {}};
  if (!job_) {
    auto job = std::make_shared<Job>();
    // Detached, since nothing can end a getaddrinfo that hangs and a stop must not wait for it. The thread owns all
    // that it touches, and hands on whatever is thrown as a result.
    std::thread([job, host = host_, look_up = look_up_]() noexcept {
      Resolution result;
      try {
        result = look_up(host);
      } catch (const std::exception& error) {
        result.error = error.what();
      }
      const std::lock_guard lock(job->mutex);
      job->result = std::move(result);
      job->done.notify_all();
    }).detach();
    job_ = std::move(job);
  }
  std::unique_lock lock(job_->mutex);
  if (!job_->done.wait_for(lock, stop, deadline, [this] { return job_->result.has_value(); }))
    return {{}, stop.stop_requested() ? "stopping" : "the name server does not answer"};
  Resolution result = std::move(*job_->result);
  lock.unlock();
  job_.reset();
  return result;
}

}  // namespace fieldcast::mqtt

// Name resolution with a deadline. Paho would call getaddrinfo under the lock that all its clients share, so it is only
// ever given addresses, or over TLS a name that was found just before; and getaddrinfo itself knows no deadline, so it
// runs on a thread of its own.
//
// Belongs to one broker's thread. At most one look-up is under way: one that hangs is waited for again at the next
// attempt instead of starting another, and is left behind when the resolver is destroyed.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace fieldcast::mqtt {

/// The addresses of a host, numeric, without brackets, in the order in which to try them; or why there are none.
struct Resolution {
  std::vector<std::string> addresses;
  std::string error;
};

// A name with more addresses is cut: each costs a connection attempt in turn.
inline constexpr std::size_t kMaxAddresses = 8;
// What a name server may take before the attempt counts as failed.
inline constexpr std::chrono::seconds kResolveDeadline{5};

/// getaddrinfo(3): blocks as long as the machine's resolver does.
Resolution look_up(const std::string& host);

bool is_address(const std::string& host);

/// True for a loopback address and for those of this machine's network interfaces.
bool on_this_machine(const std::string& address);

class Resolver {
 public:
  using LookUp = std::function<Resolution(const std::string& host)>;

  /// `look_up` may block and throw; it is called on another thread and may outlive the resolver.
  explicit Resolver(std::string host, LookUp look_up = mqtt::look_up);

  /// Returns an address as it is. Otherwise waits for the look-up: at most `deadline`, and not after a stop request.
  /// Throws std::system_error where no thread can be had.
  Resolution resolve(std::chrono::milliseconds deadline, const std::stop_token& stop);

 private:
  struct Job;

  std::string host_;
  LookUp look_up_;
  std::shared_ptr<Job> job_;  // the look-up under way; shared with its thread
};

}  // namespace fieldcast::mqtt

// Renews the certificate when its files change, so that nobody restarts the gateway for it, and says in time that it
// expires. Owned by the program; runs on its loop. Certificate and clock outlive it, and it outlives the loop's run.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "adapters/http/certificate.hpp"
#include "gateway/clock.hpp"

namespace fieldcast {

// How late a renewed certificate is seen: those of Let's Encrypt are renewed a month before they expire.
inline constexpr std::chrono::minutes kCertificateLook{1};
// So long before it expires it is said: whatever renews it has failed for weeks by then.
inline constexpr std::chrono::days kExpiringSoon{14};
// It is said again so often.
inline constexpr std::chrono::days kExpiringAgain{1};

/// What /readyz and the metrics tell of it.
struct CertificateState {
  std::string file;
  std::int64_t expires = 0;  // Unix ms
  std::string fault;         // why the files cannot be used as they are now; empty where they can
  std::int64_t fault_since = 0;
};

class CertificateRenewal {
 public:
  /// `file` is the certificate's, for people.
  CertificateRenewal(asio::io_context& loop, http::Certificate& certificate, std::string file, const Clock& clock);

  /// Looks now, and then so often.
  void start(std::chrono::milliseconds every = kCertificateLook);

  /// Any thread.
  CertificateState state() const;

 private:
  void look();
  void renew();
  void tell_expiry();

  asio::steady_timer timer_;
  http::Certificate& certificate_;
  const Clock& clock_;
  std::chrono::milliseconds every_{};
  std::optional<Instant> told_;  // when it was said last that it expires

  mutable std::mutex mutex_;  // held for moments
  CertificateState state_;
};

}  // namespace fieldcast

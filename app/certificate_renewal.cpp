#include "app/certificate_renewal.hpp"

#include <system_error>
#include <utility>

#include "gateway/event.hpp"

namespace fieldcast {

CertificateRenewal::CertificateRenewal(asio::io_context& loop, http::Certificate& certificate, std::string file,
                                       const Clock& clock)
    : timer_(loop), certificate_(certificate), clock_(clock) {
  state_.file = std::move(file);
  state_.expires = certificate_.expires() * 1'000;
}

void CertificateRenewal::start(std::chrono::milliseconds every) {
  every_ = every;
  look();
}

CertificateState CertificateRenewal::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

void CertificateRenewal::look() {
  renew();
  tell_expiry();
  timer_.expires_after(every_);
  timer_.async_wait([this](std::error_code cancelled) {
    if (!cancelled) look();
  });
}

void CertificateRenewal::renew() {
  try {
    if (!certificate_.renew()) return;
    note(Event::certificate_renewed, {}, "server.tls: a renewed certificate is in use");
    told_.reset();
    const std::lock_guard lock(mutex_);
    state_.expires = certificate_.expires() * 1'000;
    state_.fault.clear();
  } catch (const http::CertificateFault& fault) {
    note(Event::certificate_faulty, {},
         std::string("server.tls: ") + fault.what() + "; the former certificate stays in use");
    const std::lock_guard lock(mutex_);
    state_.fault = fault.what();
    state_.fault_since = clock_.wall_ms();
  }
}

void CertificateRenewal::tell_expiry() {
  const std::chrono::milliseconds left(state().expires - clock_.wall_ms());
  if (left > kExpiringSoon || (told_ && clock_.now() - *told_ < kExpiringAgain)) return;
  told_ = clock_.now();
  if (left.count() <= 0) {
    note(Event::certificate_expired, {}, "server.tls: the certificate has expired: clients refuse it");
  } else {
    const auto days = std::chrono::floor<std::chrono::days>(left).count();
    note(Event::certificate_expiring, {},
         "server.tls: the certificate expires in " +
             (days == 0 ? "less than a day" : std::to_string(days) + (days == 1 ? " day" : " days")));
  }
}

}  // namespace fieldcast

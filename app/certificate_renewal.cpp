#include "app/certificate_renewal.hpp"

#include <spdlog/spdlog.h>

#include <system_error>

namespace fieldcast {

void keep_renewed(asio::steady_timer& timer, http::Certificate& certificate, std::chrono::milliseconds every) {
  timer.expires_after(every);
  timer.async_wait([&timer, &certificate, every](std::error_code cancelled) {
    if (cancelled) return;
    try {
      if (certificate.renew()) spdlog::info("server.tls: a renewed certificate is in use");
    } catch (const http::CertificateFault& fault) {
      spdlog::error("server.tls: {}; the former certificate stays in use", fault.what());
    }
    keep_renewed(timer, certificate, every);
  });
}

}  // namespace fieldcast

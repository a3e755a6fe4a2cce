// Renews the certificate when its files change, so that nobody restarts the gateway for it. On the thread that runs the
// timer's loop.
#pragma once

#include <asio/steady_timer.hpp>
#include <chrono>

#include "adapters/http/certificate.hpp"

namespace fieldcast {

// How late a renewed certificate is seen: those of Let's Encrypt are renewed a month before they expire.
inline constexpr std::chrono::minutes kCertificateLook{1};

/// Looks at the files every so often, until the timer is cancelled; what comes of it is a line of the log. Timer and
/// certificate outlive the loop's run.
void keep_renewed(asio::steady_timer& timer, http::Certificate& certificate, std::chrono::milliseconds every);

}  // namespace fieldcast

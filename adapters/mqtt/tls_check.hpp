// What Paho does not tell about TLS: why no connection came about, in words that an operator can act upon. It only
// names the fault; what is let in is decided by Paho, with the same files and the same name, each time that it
// connects.
//
// tls_fault() belongs to the broker's thread, which it holds up for kTlsCheckTime at most; the other is for any.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>

#include "adapters/mqtt/settings.hpp"

namespace fieldcast::mqtt {

// For one connection with its handshake; much less where the broker answers.
inline constexpr std::chrono::seconds kTlsCheckTime{5};
// A broker that wants a certificate of ours says so behind the handshake (TLS 1.3): so long that is waited for.
inline constexpr std::chrono::seconds kAlertTime{1};

/// Makes a TLS handshake with the broker at this address, numeric and without brackets, and says what is wrong with it.
/// Empty where nothing is, where there is no connection at all, and after a stop request.
std::string tls_fault(const Settings& settings, const std::string& address, const std::stop_token& stop);

/// Why the PEM file cannot be used as Settings::Tls::ca; goes behind the file's name.
std::optional<std::string> authorities_fault(const std::string& file);

}  // namespace fieldcast::mqtt

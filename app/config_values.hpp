// How single values of the configuration are written: text to value and back. Pure, any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "app/config.hpp"

namespace fieldcast::config {

/// What is wrong with a value, and what to write instead; goes after the key's name: "… is …: write …".
struct Fault {
  std::string text;
};
template <class T>
using Parsed = std::variant<T, Fault>;

/// "256KiB": B, KiB, MiB or GiB; below 2^63 bytes.
Parsed<std::uint64_t> parse_size(std::string_view text);
/// "500ms": ms, s, m, h or d; below 2^63 ms.
Parsed<std::chrono::milliseconds> parse_duration(std::string_view text);

/// With the largest unit that leaves a whole number.
std::string format_size(std::uint64_t bytes);
std::string format_duration(std::chrono::milliseconds duration);

/// "127.0.0.1:8080" or "[::1]:8080": a numeric address, since a name could mean another one tomorrow.
Parsed<ListenAddress> parse_listen(std::string_view text);
std::string format_listen(const ListenAddress& address);

/// "mqtt://host[:port]" or "mqtts://host[:port]".
Parsed<BrokerUrl> parse_broker_url(std::string_view text);
std::string format_broker_url(const BrokerUrl& url);

/// A host name without port, made lower case.
Parsed<std::string> parse_host(std::string_view text);
/// "scheme://host[:port]" as RFC 6454 section 6.2 serializes it: lower case, without the scheme's own port.
Parsed<std::string> parse_origin(std::string_view text);

}  // namespace fieldcast::config

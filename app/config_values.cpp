#include "app/config_values.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>
#include <span>

namespace fieldcast::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};
constexpr std::array kSizes{Unit{"B", 1}, Unit{"KiB", 1u << 10}, Unit{"MiB", 1u << 20}, Unit{"GiB", 1u << 30}};
constexpr std::array kSpans{Unit{"ms", 1}, Unit{"s", 1000}, Unit{"m", 60'000}, Unit{"h", 3'600'000},
                            Unit{"d", 86'400'000}};
constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();

Parsed<std::uint64_t> parse_amount(std::string_view text, std::span<const Unit> units, std::string_view takes) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [unit_at, error] = std::from_chars(text.data(), end, number);
  const std::string_view name(unit_at, static_cast<std::size_t>(end - unit_at));
  const auto unit = std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.name == name; });
  if (error == std::errc::result_out_of_range || (unit != units.end() && number > kMost / unit->factor))
    return Fault{"is too large"};
  if (error != std::errc{} || unit == units.end()) return Fault{std::string(takes)};
  return number * unit->factor;
}

std::string format_amount(std::uint64_t amount, std::span<const Unit> units) {
  std::size_t unit = units.size() - 1;
  while (unit > 0 && (amount == 0 || amount % units[unit].factor != 0)) --unit;
  return std::to_string(amount / units[unit].factor) + std::string(units[unit].name);
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return lower(c); });
  return out;
}

bool is_alnum(char c) {
  return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
}

bool is_host_name(std::string_view text) {
  return !text.empty() && text.size() <= 253 && text.front() != '.' && text.front() != '-' && text.back() != '-' &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_alnum(c) || c == '-' || c == '.' || c == '_'; });
}

/// An IP address in its shortest form, and whether only this machine reaches it.
struct Address {
  std::string text;
  bool v6;
  bool loopback;
};

std::optional<Address> parse_address(std::string_view text) {
  const std::string terminated(text);
  std::array<unsigned char, 16> bytes{};
  std::array<char, INET6_ADDRSTRLEN> out{};
  if (inet_pton(AF_INET, terminated.c_str(), bytes.data()) == 1) {
    inet_ntop(AF_INET, bytes.data(), out.data(), out.size());
    return Address{out.data(), false, bytes[0] == 127};
  }
  if (inet_pton(AF_INET6, terminated.c_str(), bytes.data()) == 1) {
    inet_ntop(AF_INET6, bytes.data(), out.data(), out.size());
    constexpr std::array<unsigned char, 16> one{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    constexpr std::array<unsigned char, 13> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127};
    return Address{out.data(), true, bytes == one || std::memcmp(bytes.data(), mapped.data(), mapped.size()) == 0};
  }
  return std::nullopt;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc{} || at != end) return std::nullopt;
  return port;
}

/// "host:port", "[host]:port", or without the port.
struct HostPort {
  std::string_view host;
  std::optional<std::string_view> port;
  bool brackets = false;
};

std::optional<HostPort> split_host_port(std::string_view text) {
  HostPort out;
  std::string_view rest;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    out = {text.substr(1, close - 1), std::nullopt, true};
    rest = text.substr(close + 1);
    if (!rest.empty() && rest.front() != ':') return std::nullopt;
  } else {
    const auto colon = text.find(':');
    if (colon != text.rfind(':')) return std::nullopt;  // an IPv6 address without brackets
    out.host = text.substr(0, colon);
    if (colon != std::string_view::npos) rest = text.substr(colon);
  }
  if (!rest.empty()) out.port = rest.substr(1);
  return out;
}

/// A host of a URL: a name, an IPv4 address, or an IPv6 address that was in brackets.
std::optional<std::string> url_host(const HostPort& parts) {
  const auto address = parse_address(parts.host);
  if (parts.brackets) return address && address->v6 ? std::optional(address->text) : std::nullopt;
  if (!is_host_name(parts.host)) return std::nullopt;
  return lower(parts.host);
}

std::string with_port(const std::string& host, std::uint16_t port) {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

}  // namespace

Parsed<std::uint64_t> parse_size(std::string_view text) {
  return parse_amount(text, kSizes,
                      "is no size: write bytes as a number, or text with B, KiB, MiB or GiB, like \"256KiB\"");
}

Parsed<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto amount = parse_amount(text, kSpans, "is no duration: write a number with ms, s, m, h or d, like \"60s\"");
  if (const auto* fault = std::get_if<Fault>(&amount)) return *fault;
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::get<std::uint64_t>(amount)));
}

std::string format_size(std::uint64_t bytes) {
  return format_amount(bytes, kSizes);
}

std::string format_duration(std::chrono::milliseconds duration) {
  // Zero reads better in seconds than in milliseconds.
  return duration.count() == 0 ? "0s" : format_amount(static_cast<std::uint64_t>(duration.count()), kSpans);
}

Parsed<ListenAddress> parse_listen(std::string_view text) {
  const auto parts = split_host_port(text);
  if (!parts) return Fault{"is no address: write IPv6 in brackets, like \"[::1]:8080\""};
  const auto port = parse_port(parts->port.value_or(""));
  if (!port) return Fault{"has no port from 0 to 65535: write it behind a colon, like \"127.0.0.1:8080\""};
  const auto address = parse_address(parts->host);
  if (!address || address->v6 != parts->brackets)
    return Fault{
        "is no IP address with a port: write \"127.0.0.1:8080\" for this machine only, \"0.0.0.0:8080\" or "
        "\"[::]:8080\" for every network"};
  return ListenAddress{address->text, *port, address->loopback};
}

std::string format_listen(const ListenAddress& address) {
  return with_port(address.host, address.port);
}

Parsed<BrokerUrl> parse_broker_url(std::string_view text) {
  const std::string form = "write \"mqtt://host\" or \"mqtt://host:1883\", with TLS \"mqtts://host\", IPv6 in brackets";
  const bool tls = lower(text).starts_with("mqtts://");
  const std::string_view scheme = tls ? "mqtts://" : "mqtt://";
  if (!lower(text).starts_with(scheme)) return Fault{"is no broker's URL: " + form};
  const auto rest = text.substr(scheme.size());
  if (rest.find('@') != std::string_view::npos)
    return Fault{"has a user in it: write the keys user and password_file instead"};
  if (rest.find_first_of("/?#") != std::string_view::npos)
    return Fault{"has something behind the host: " + form + ", and the topics under the key topics"};
  const auto parts = split_host_port(rest);
  const auto host = parts ? url_host(*parts) : std::nullopt;
  if (!host) return Fault{"has no host: " + form};
  if (!parts->port) return BrokerUrl{*host, static_cast<std::uint16_t>(tls ? 8883 : 1883), tls};
  const auto port = parse_port(*parts->port);
  if (!port || *port == 0) return Fault{"has no port from 1 to 65535: " + form};
  return BrokerUrl{*host, *port, tls};
}

std::string format_broker_url(const BrokerUrl& url) {
  return (url.tls ? "mqtts://" : "mqtt://") + with_port(url.host, url.port);
}

Parsed<std::string> parse_host(std::string_view text) {
  if (!is_host_name(text))
    return Fault{
        "is no host name: write it without scheme, port and wildcard, like \"gateway.example\", and a name beyond "
        "ASCII in its xn-- form"};
  return lower(text);
}

Parsed<std::string> parse_origin(std::string_view text) {
  const Fault fault{"is no origin: write scheme://host or scheme://host:port, like \"https://panel.example\""};
  const auto colon = text.find("://");
  if (colon == 0 || colon == std::string_view::npos) return fault;
  const auto scheme = lower(text.substr(0, colon));
  const auto is_scheme = [](char c) { return is_alnum(c) || c == '+' || c == '-' || c == '.'; };
  if (!(scheme.front() >= 'a' && scheme.front() <= 'z') || !std::all_of(scheme.begin(), scheme.end(), is_scheme))
    return fault;
  const auto rest = text.substr(colon + 3);
  if (rest.find('/') != std::string_view::npos)
    return Fault{"has a path: an origin ends with its host or port, like \"https://panel.example\""};
  const auto parts = split_host_port(rest);
  const auto host = parts ? url_host(*parts) : std::nullopt;
  if (!host) return fault;
  std::string origin = scheme + "://" + (parts->brackets ? '[' + *host + ']' : *host);
  if (!parts->port) return origin;
  const auto port = parse_port(*parts->port);
  if (!port || *port == 0) return fault;
  // Browsers leave out the scheme's own port.
  if ((scheme == "http" && *port == 80) || (scheme == "https" && *port == 443)) return origin;
  return origin + ':' + std::to_string(*port);
}

}  // namespace fieldcast::config

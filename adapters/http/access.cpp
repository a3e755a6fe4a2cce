#include "adapters/http/access.hpp"

#include <arpa/inet.h>

#include <algorithm>

#include "adapters/http/head.hpp"

namespace fieldcast::http {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  return out;
}

/// The name without the dot that marks it as absolute.
std::string plain_name(std::string_view name) {
  if (name.size() > 1 && name.back() == '.') name.remove_suffix(1);
  return lower(name);
}

struct Authority {
  std::string name;   // lower case; an IPv6 address in its brackets
  unsigned port = 0;  // 0: none given
};

/// `host[:port]`; empty where it is none.
std::optional<Authority> parse_authority(std::string_view text) {
  const auto bracket = text.starts_with('[') ? text.find(']') : std::size_t{0};
  if (bracket == std::string_view::npos) return std::nullopt;
  const auto colon = std::min(text.find(':', bracket), text.size());
  if (bracket != 0 && colon != bracket + 1) return std::nullopt;
  Authority out{plain_name(text.substr(0, colon)), 0};
  const bool clean = std::all_of(out.name.begin(), out.name.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
           (bracket != 0 && (c == ':' || c == '[' || c == ']'));
  });
  if (out.name.empty() || !clean) return std::nullopt;
  const auto port = text.substr(std::min(colon + 1, text.size()));
  if (port.size() > 5) return std::nullopt;
  for (const char c : port) {
    if (c < '0' || c > '9') return std::nullopt;
    out.port = out.port * 10 + static_cast<unsigned>(c - '0');
  }
  if (out.port > 65535 || (!port.empty() && out.port == 0)) return std::nullopt;
  return out;
}

bool is_address(const std::string& name) {
  unsigned char raw[16];
  if (name.starts_with('[')) return inet_pton(AF_INET6, name.substr(1, name.size() - 2).c_str(), raw) == 1;
  return inet_pton(AF_INET, name.c_str(), raw) == 1;
}

struct Origin {
  std::string scheme;
  Authority authority;  // with a port
};

unsigned default_port(std::string_view scheme) {
  return scheme == "https" ? 443 : scheme == "http" ? 80 : 0;
}

std::optional<Origin> parse_origin(std::string_view text) {
  const auto colon = text.find("://");
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  auto authority = parse_authority(text.substr(colon + 3));
  if (!authority) return std::nullopt;
  Origin origin{lower(text.substr(0, colon)), std::move(*authority)};
  if (origin.authority.port == 0) origin.authority.port = default_port(origin.scheme);
  return origin;
}

/// The text that equal origins share.
std::string normalised(std::string_view text) {
  const auto origin = parse_origin(text);
  if (!origin) return lower(text);
  return origin->scheme + "://" + origin->authority.name + ":" + std::to_string(origin->authority.port);
}

bool same_origin(const std::optional<Origin>& origin, const std::optional<Authority>& host) {
  if (!origin || !host || default_port(origin->scheme) == 0) return false;
  // A proxy that speaks TLS for us passes Host on without a port: the default is that of the page's scheme.
  const auto port = host->port == 0 ? default_port(origin->scheme) : host->port;
  return origin->authority.name == host->name && origin->authority.port == port;
}

}  // namespace

Access::Access(std::vector<std::string> hosts, const std::vector<std::string>& origins, const std::string& machine)
    : hosts_(std::move(hosts)) {
  hosts_.push_back("localhost");
  if (!machine.empty()) {
    const auto label = machine.substr(0, machine.find('.'));
    hosts_.insert(hosts_.end(), {machine, label, label + ".local"});
  }
  for (auto& host : hosts_) host = plain_name(host);
  for (const auto& origin : origins) origins_.push_back(normalised(origin));
}

bool Access::host_allowed(std::string_view name) const {
  const std::string host(name);
  return is_address(host) || std::find(hosts_.begin(), hosts_.end(), host) != hosts_.end();
}

std::optional<Problem> Access::check(std::optional<std::string_view> host,
                                     std::optional<std::string_view> origin) const {
  std::optional<Authority> authority;
  if (host) {
    authority = parse_authority(*host);
    if (!authority || !host_allowed(authority->name))
      return Problem{Code::bad_host, "this gateway is not known as " + std::string(host->substr(0, 256)) +
                                         ": use its address or host name, or add the name to server.hosts"};
  }
  if (!origin) return std::nullopt;
  if (same_origin(parse_origin(*origin), authority)) return std::nullopt;
  if (std::find(origins_.begin(), origins_.end(), normalised(*origin)) != origins_.end()) return std::nullopt;
  return Problem{Code::forbidden, "pages of " + std::string(origin->substr(0, 256)) +
                                      " may not ask here: add the origin to server.origins"};
}

std::string cors_lines(std::optional<std::string_view> origin) {
  std::string out = "Vary: Origin\r\n";
  if (!origin) return out;
  out.append("Access-Control-Allow-Origin: ").append(*origin);
  out +=
      "\r\nAccess-Control-Expose-Headers: Retry-After, Fieldcast-Cursor, Fieldcast-More, Fieldcast-Gap, "
      "Fieldcast-Head\r\n";
  return out;
}

std::string preflight_lines(std::string_view methods) {
  // Ten minutes: shorter than anyone waits for a changed configuration to be believed, longer than a page's start.
  return "Access-Control-Allow-Methods: " + std::string(methods) +
         "\r\nAccess-Control-Allow-Headers: Content-Type, Authorization, Last-Event-ID\r\nAccess-Control-Max-Age: "
         "600\r\n";
}

}  // namespace fieldcast::http

#include "adapters/http/upgrade.hpp"

namespace fieldcast::http {
namespace {

/// 16 bytes in base64 (RFC 4648 section 4): 22 digits, of the last one two bits, and the padding.
bool valid_key(std::string_view key) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (key.size() != 24 || !key.ends_with("==")) return false;
  key.remove_suffix(2);
  return key.find_first_not_of(digits) == std::string_view::npos && digits.find(key.back()) % 16 == 0;
}

UpgradeFault fault(int status, const char* detail) {
  return {{Code::bad_request, detail}, status};
}

}  // namespace

std::optional<UpgradeFault> upgrade_fault(const Request& request) {
  if (!names(request.field("upgrade"), "websocket")) return fault(426, "this address serves WebSockets only");
  if (request.method != "GET" || request.minor != 1) return fault(426, "a WebSocket handshake is a GET of HTTP/1.1");
  if (request.field("sec-websocket-version") != "13")
    return fault(426, "the only WebSocket version served is 13 (RFC 6455)");
  if (!names(request.field("connection"), "upgrade"))
    return fault(400, "a WebSocket handshake has `Connection: Upgrade`; does a proxy take it away?");
  if (!valid_key(request.field("sec-websocket-key").value_or("")))
    return fault(400, "Sec-WebSocket-Key is not 16 bytes in base64");
  if (request.has_body()) return fault(400, "a WebSocket handshake has no body");
  return std::nullopt;
}

}  // namespace fieldcast::http

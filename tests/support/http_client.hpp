// An HTTP/1.1 client on a raw socket: the text of a request goes out as it is written, and what comes back
// is taken apart by RFC 9112 with nothing forgiven. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/deadline.hpp"
#include "tests/support/socket.hpp"

namespace fieldcast::test {

struct Response {
  std::string version;  // "HTTP/1.1"
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;

  /// The value of a header by its lower-case name; throws where it comes twice.
  std::optional<std::string> header(std::string_view name) const;
  /// The same, empty where there is none.
  std::string operator[](std::string_view name) const { return header(name).value_or(""); }
};

struct Request {
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;  // Host is added where it is not named
  std::string method = "GET";
  std::string version = "HTTP/1.1";
};

/// The text of a request to this port.
std::string to_text(const Request& request, std::uint16_t port);

/// Percent-encodes all but RFC 3986's unreserved characters.
std::string percent_encoded(std::string_view text);

class HttpConnection {
 public:
  explicit HttpConnection(const Peer& peer, int receive_buffer = 0) : port_(peer.port), socket_(peer, receive_buffer) {}

  void send(const Request& request) { socket_.send(to_text(request, port_)); }
  void send(std::string_view text) { socket_.send(text); }

  Response read_head(Deadline deadline = {});
  /// A whole answer; to a HEAD request one without a body.
  Response read(bool head_only = false, Deadline deadline = {});
  /// One chunk of a chunked body, empty at its end.
  std::string read_chunk(Deadline deadline = {});

  Response operator()(const Request& request, Deadline deadline = {}) {
    send(request);
    return read(request.method == "HEAD", deadline);
  }
  Socket& socket() { return socket_; }

 private:
  std::uint16_t port_;
  Socket socket_;
};

/// One request on a connection of its own.
Response http(const Peer& peer, const Request& request);
Response http_get(const Peer& peer, std::string target);

}  // namespace fieldcast::test

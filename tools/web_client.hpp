// One gateway over HTTP, asked by a tool: whole answers, each over a connection of its own (HTTP/1.0: nothing is
// chunked). On sockets and OpenSSL, which the program has anyway: libcurl brings 27 more libraries into the process of
// the gateway, and with them 4 MiB of resident memory. One thread.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>

struct ssl_ctx_st;

namespace fieldcast::tools {

/// No answer came; one clear line.
struct NoAnswer : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Whom to believe over TLS.
struct Trust {
  std::string certificate;  // a PEM file: this certificate and no other, under whatever name; or
  std::string authorities;  // a PEM file, instead of the system's. Both empty: the system's
};

class WebClient {
 public:
  /// `base`: "http://host:port", "https://host"; IPv6 in brackets. Throws std::runtime_error where it is none, or a
  /// file of `trust` cannot be used.
  WebClient(std::string base, const Trust& trust);

  struct Answer {
    int status = 0;
    std::string body;
  };
  /// `target`: "/readyz". Throws NoAnswer.
  Answer get(const std::string& target);

  const std::string& base() const { return base_; }

 private:
  class Connection;
  struct FreeContext {
    void operator()(ssl_ctx_st* context) const noexcept;
  };

  const std::string base_;
  std::string authority_, host_, port_;
  std::unique_ptr<ssl_ctx_st, FreeContext> tls_;  // null: none is spoken
  bool any_name_ = false;                         // the one certificate that is trusted says who it is
};

// No answer that is asked for is longer: a page of readings at the largest limits.batch_bytes, and what stands around
// it.
inline constexpr std::size_t kAnswerBytes = 32u << 20;

}  // namespace fieldcast::tools

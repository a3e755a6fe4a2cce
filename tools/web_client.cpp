#include "tools/web_client.hpp"

#include <netdb.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace fieldcast::tools {
namespace {

// A gateway answers in milliseconds; one on a slow network in a second.
constexpr std::chrono::seconds kPatience{5};

std::string openssl_reason() {
  const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return reason != nullptr ? reason : "unknown reason";
}

/// Trusts the first certificate of a PEM file: the server's own, before those between it and its authority.
void trust_only(SSL_CTX* context, const std::string& file) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> in(std::fopen(file.c_str(), "re"), std::fclose);
  if (!in) throw std::runtime_error(file + ": " + std::strerror(errno));
  const std::unique_ptr<X509, void (*)(X509*)> certificate(PEM_read_X509(in.get(), nullptr, nullptr, nullptr),
                                                           X509_free);
  X509_STORE* const store = SSL_CTX_get_cert_store(context);
  if (!certificate || X509_STORE_add_cert(store, certificate.get()) != 1)
    throw std::runtime_error(file + " holds no certificate in PEM form (" + openssl_reason() + ")");
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
}

SSL_CTX* make_context() {
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  if (context == nullptr) throw std::bad_alloc();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  return context;
}

}  // namespace

void WebClient::FreeContext::operator()(ssl_ctx_st* context) const noexcept {
  SSL_CTX_free(context);
}

/// A connected socket, over TLS where the client speaks it.
class WebClient::Connection {
 public:
  explicit Connection(const WebClient& client) {
    connect(client);
    if (client.tls_) shake_hands(client);
  }
  ~Connection() {
    SSL_free(ssl_);
    if (fd_ >= 0) close(fd_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void send(std::string_view text) {
    while (!text.empty()) {
      const auto n = ssl_ != nullptr ? SSL_write(ssl_, text.data(), static_cast<int>(text.size()))
                                     : ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) fail();
      text.remove_prefix(static_cast<std::size_t>(n));
    }
  }

  /// All that comes until the other side ends.
  std::string receive() {
    std::string all;
    for (const auto until = std::chrono::steady_clock::now() + kPatience;;) {
      char piece[16 * 1024];
      const auto n = ssl_ != nullptr ? SSL_read(ssl_, piece, sizeof piece) : recv(fd_, piece, sizeof piece, 0);
      if (n == 0 || (n < 0 && ssl_ != nullptr && SSL_get_error(ssl_, static_cast<int>(n)) == SSL_ERROR_ZERO_RETURN))
        return all;
      if (n < 0) fail();
      all.append(piece, static_cast<std::size_t>(n));
      if (all.size() > kAnswerBytes) throw NoAnswer("its answer does not end");
      if (std::chrono::steady_clock::now() > until) throw NoAnswer("its answer takes too long");
    }
  }

 private:
  [[noreturn]] void fail() {
    if (errno == EAGAIN || errno == EINPROGRESS)
      throw NoAnswer("no answer within " + std::to_string(kPatience.count()) + " s");
    throw NoAnswer(errno != 0 ? std::strerror(errno) : openssl_reason());
  }

  void connect(const WebClient& client) {
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
    if (const int code = getaddrinfo(client.host_.c_str(), client.port_.c_str(), &hints, &found); code != 0)
      throw NoAnswer(client.host_ + ": " + gai_strerror(code));
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> addresses(found, freeaddrinfo);
    const timeval patience{kPatience.count(), 0};
    for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
      if (fd_ >= 0) close(fd_);
      fd_ = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC, address->ai_protocol);
      if (fd_ < 0) continue;
      setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
      setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
      if (::connect(fd_, address->ai_addr, address->ai_addrlen) == 0) return;
    }
    fail();
  }

  void shake_hands(const WebClient& client) {
    ssl_ = SSL_new(client.tls_.get());
    if (ssl_ == nullptr || SSL_set_fd(ssl_, fd_) != 1) throw std::bad_alloc();
    X509_VERIFY_PARAM* const parameters = SSL_get0_param(ssl_);
    const bool is_address = X509_VERIFY_PARAM_set1_ip_asc(parameters, client.host_.c_str()) == 1;
    if (client.any_name_) {
      X509_VERIFY_PARAM_set1_ip(parameters, nullptr, 0);
    } else if (!is_address) {
      SSL_set1_host(ssl_, client.host_.c_str());
    }
    if (!is_address) SSL_set_tlsext_host_name(ssl_, client.host_.c_str());
    ERR_clear_error();
    errno = 0;
    if (SSL_connect(ssl_) == 1) return;
    const long verified = SSL_get_verify_result(ssl_);
    if (verified != X509_V_OK)
      throw NoAnswer(std::string("its certificate is not trusted: ") + X509_verify_cert_error_string(verified));
    fail();
  }

  int fd_ = -1;
  SSL* ssl_ = nullptr;
};

WebClient::WebClient(std::string base, const Trust& trust) : base_(std::move(base)) {
  const bool tls = base_.starts_with("https://");
  authority_ = base_.substr(std::min(base_.size(), std::strlen(tls ? "https://" : "http://")));
  const auto bracket = authority_.starts_with('[') ? authority_.find(']') : std::string::npos;
  const auto colon = authority_.find(':', bracket == std::string::npos ? 0 : bracket);
  host_ = bracket == std::string::npos ? authority_.substr(0, colon) : authority_.substr(1, bracket - 1);
  port_ = colon == std::string::npos ? (tls ? "443" : "80") : authority_.substr(colon + 1);
  const bool digits = port_.find_first_not_of("0123456789") == std::string::npos;
  if (host_.empty() || port_.empty() || !digits || authority_.find_first_of("/?#@ ") != std::string::npos)
    throw std::runtime_error("\"" + base_ + "\" is no address of a gateway: write it like http://127.0.0.1:8080");
  if (!tls) return;
  tls_.reset(make_context());
  any_name_ = !trust.certificate.empty();
  if (any_name_) {
    trust_only(tls_.get(), trust.certificate);
  } else if (!trust.authorities.empty()) {
    if (SSL_CTX_load_verify_file(tls_.get(), trust.authorities.c_str()) != 1)
      throw std::runtime_error(trust.authorities + ": " + openssl_reason());
  } else {
    SSL_CTX_set_default_verify_paths(tls_.get());
  }
}

WebClient::Answer WebClient::get(const std::string& target) {
  errno = 0;
  Connection connection(*this);
  connection.send("GET " + target + " HTTP/1.0\r\nHost: " + authority_ + "\r\n\r\n");
  const std::string all = connection.receive();
  const auto head_end = all.find("\r\n\r\n");
  Answer answer;
  const std::string_view line = std::string_view(all).substr(0, all.find("\r\n"));
  const auto space = line.find(' ');
  if (head_end == std::string::npos || !line.starts_with("HTTP/") || space == std::string_view::npos)
    throw NoAnswer("what answers there does not speak HTTP");
  std::from_chars(line.data() + space + 1, line.data() + line.size(), answer.status);
  answer.body = all.substr(head_end + 4);
  // A body that was cut off is none.
  std::string head = all.substr(0, head_end + 2);
  std::transform(head.begin(), head.end(), head.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  constexpr std::string_view kLength = "\r\ncontent-length:";
  if (const auto at = head.find(kLength); at != std::string::npos) {
    const std::size_t length = std::strtoull(head.c_str() + at + kLength.size(), nullptr, 10);
    if (answer.body.size() != length) throw NoAnswer("its answer was cut off");
  }
  return answer;
}

}  // namespace fieldcast::tools

#include "adapters/mqtt/tls_check.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "adapters/mqtt/resolver.hpp"

namespace fieldcast::mqtt {
namespace {

using Clock = std::chrono::steady_clock;
using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
using Ssl = std::unique_ptr<SSL, decltype(&SSL_free)>;

// How late a stop request may be noticed.
constexpr int kStopLateMs = 100;

/// A descriptor that is closed at the end.
class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

/// False at the deadline and after a stop request.
bool wait_for(int fd, short events, Clock::time_point until, const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    if (left <= 0) return false;
    pollfd waiting{fd, events, 0};
    if (poll(&waiting, 1, static_cast<int>(std::min<long long>(left, kStopLateMs))) > 0) return true;
  }
  return false;
}

/// A non-blocking connection, or -1.
int connect_to(const std::string& address, std::uint16_t port, Clock::time_point until, const std::stop_token& stop) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return -1;
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  if (connect(fd, found->ai_addr, found->ai_addrlen) == 0) return fd;
  int error = errno;
  socklen_t size = sizeof error;
  if (error == EINPROGRESS && wait_for(fd, POLLOUT, until, stop) &&
      getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0)
    return fd;
  close(fd);
  return -1;
}

/// Calls `step` until it needs to wait no more; its last result, or nothing at the deadline.
template <class Step>
std::optional<int> drive(SSL* ssl, Step step, Clock::time_point until, const std::stop_token& stop) {
  for (;;) {
    ERR_clear_error();
    const int result = step(ssl);
    const int error = SSL_get_error(ssl, result);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) return result;
    if (!wait_for(SSL_get_fd(ssl), error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, until, stop)) return std::nullopt;
  }
}

std::string words_of(long fault, const std::string& host) {
  switch (fault) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "the broker's certificate, or one that it rests on, has expired (if this machine's clock is right)";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "the broker's certificate is not valid yet (if this machine's clock is right)";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "the broker's certificate is not for " + host + ": mqtt.url must name the broker as its certificate does";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return "the broker's certificate comes from no authority that is trusted here: name its authority's file in "
             "mqtt.tls.ca";
    default:
      return std::string("the broker's certificate is refused: ") + X509_verify_cert_error_string(fault);
  }
}

/// What the thread's error queue tells of a handshake that failed.
std::string last_fault() {
  const unsigned long error = ERR_peek_error();
  const char* const reason = ERR_reason_error_string(error);
  if (reason == nullptr) return "the broker ended the TLS handshake: does it speak TLS on this port?";
  if (ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_WRONG_VERSION_NUMBER)
    return "the broker speaks no TLS on this port";
  if (ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) >= SSL_AD_REASON_OFFSET)
    return std::string("the broker refuses the TLS connection: ") + reason +
           " (does it want a certificate of ours, mqtt.tls.certificate?)";
  return std::string("TLS: ") + reason;
}

}  // namespace

std::string tls_fault(const Settings& settings, const std::string& address, const std::stop_token& stop) {
  const auto until = Clock::now() + kTlsCheckTime;
  const Socket socket(connect_to(address, settings.port, until, stop));
  if (socket.fd() < 0) return {};

  ERR_clear_error();
  const Context context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  SSL_CTX* const raw = context.get();
  if (raw == nullptr) return {};
  SSL_CTX_set_security_level(raw, 1);  // as Paho does
  SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);
  const Settings::Tls& tls = *settings.tls;
  const bool trust =
      tls.ca.empty() ? SSL_CTX_set_default_verify_paths(raw) == 1 : SSL_CTX_load_verify_file(raw, tls.ca.c_str()) == 1;
  if (!trust) return "mqtt.tls.ca: \"" + tls.ca + "\" can no longer be used";
  if (!tls.certificate.empty() && (SSL_CTX_use_certificate_chain_file(raw, tls.certificate.c_str()) != 1 ||
                                   SSL_CTX_use_PrivateKey_file(raw, tls.key.c_str(), SSL_FILETYPE_PEM) != 1))
    return "mqtt.tls.certificate and mqtt.tls.key can no longer be used";

  const Ssl ssl(SSL_new(raw), SSL_free);
  if (!ssl || SSL_set_fd(ssl.get(), socket.fd()) != 1) return {};
  SSL_set_tlsext_host_name(ssl.get(), settings.host.c_str());
  if (is_address(settings.host)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), settings.host.c_str());
  } else {
    SSL_set1_host(ssl.get(), settings.host.c_str());
  }
  const auto connected = drive(ssl.get(), SSL_connect, until, stop);
  if (!connected) return stop.stop_requested() ? "" : "the broker does not answer the TLS handshake";
  if (*connected != 1) {
    const long verified = SSL_get_verify_result(ssl.get());
    return verified == X509_V_OK ? last_fault() : words_of(verified, settings.host);
  }
  const auto peek = [](SSL* session) {
    char byte;
    return SSL_peek(session, &byte, 1);
  };
  const auto peeked = drive(ssl.get(), peek, std::min(until, Clock::now() + kAlertTime), stop);
  const bool refused = peeked && *peeked <= 0 && SSL_get_error(ssl.get(), *peeked) == SSL_ERROR_SSL &&
                       ERR_GET_REASON(ERR_peek_error()) >= SSL_AD_REASON_OFFSET;
  return refused ? last_fault() : "";
}

std::optional<std::string> authorities_fault(const std::string& file) {
  const Socket opened(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (opened.fd() < 0)
    return "cannot be read (" + std::string(std::strerror(errno)) +
           "): create it, readable by the user that fieldcast runs as";
  ERR_clear_error();
  const Context context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (context && SSL_CTX_load_verify_file(context.get(), file.c_str()) == 1) return std::nullopt;
  ERR_clear_error();
  return "holds no certificate in PEM form: write those of the broker's authorities into it";
}

}  // namespace fieldcast::mqtt

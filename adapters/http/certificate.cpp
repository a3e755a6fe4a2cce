#include "adapters/http/certificate.hpp"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

namespace fieldcast::http {
namespace {

// As ALPN writes it (RFC 7301): its length first.
constexpr std::array<unsigned char, 9> kProtocol{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                    unsigned offered_size, void*) {
  unsigned char* found = nullptr;
  const int result = SSL_select_next_proto(&found, size, kProtocol.data(), static_cast<unsigned>(kProtocol.size()),
                                           offered, offered_size);
  *chosen = found;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/// Else OpenSSL would ask for a passphrase on the terminal.
int no_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

void require_readable(const std::string& file, bool key) {
  const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat status {};
  const bool looked = fd >= 0 && fstat(fd, &status) == 0;
  const std::string why = std::strerror(errno);
  if (fd >= 0) close(fd);
  if (!looked)
    throw CertificateFault(file, "cannot be read (" + why + "): create it, readable by the user that fieldcast runs as",
                           key);
  if (!S_ISREG(status.st_mode)) throw CertificateFault(file, "is no regular file: name a PEM file", key);
}

std::string first_reason() {
  const char* const reason = ERR_reason_error_string(ERR_peek_error());
  return reason != nullptr ? reason : "unknown reason";
}

bool no_pem() {
  const unsigned long error = ERR_peek_error();
  return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

}  // namespace

void SslFree::operator()(SSL* ssl) const noexcept {
  SSL_free(ssl);
}

void Certificate::ContextFree::operator()(SSL_CTX* context) const noexcept {
  SSL_CTX_free(context);
}

Certificate::Certificate(std::string certificate_file, std::string key_file)
    : certificate_file_(std::move(certificate_file)),
      key_file_(std::move(key_file)),
      stamp_(look()),
      context_(read(certificate_file_, key_file_)) {}

Certificate::~Certificate() = default;

Certificate::Context Certificate::read(const std::string& certificate_file, const std::string& key_file) {
  require_readable(certificate_file, false);
  require_readable(key_file, true);
  ERR_clear_error();
  Context context(SSL_CTX_new(TLS_server_method()));
  if (!context) throw std::bad_alloc();
  SSL_CTX* const raw = context.get();
  bool encrypted = false;
  SSL_CTX_set_default_passwd_cb(raw, no_passphrase);
  SSL_CTX_set_default_passwd_cb_userdata(raw, &encrypted);
  if (SSL_CTX_use_certificate_chain_file(raw, certificate_file.c_str()) != 1)
    throw CertificateFault(certificate_file,
                           no_pem() ? "holds no certificate in PEM form: write the certificate into it, and those "
                                      "between it and the authority behind it"
                                    : "is no certificate that can be used (" + first_reason() + "): get another one",
                           false);
  const auto key_fault = [&](const std::string& text) { return CertificateFault(key_file, text, true); };
  const char* const mismatch = "is not the key of the certificate: name the two files that belong together";
  if (SSL_CTX_use_PrivateKey_file(raw, key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    if (encrypted) throw key_fault("is encrypted: store it without a passphrase (openssl pkey -in OLD -out NEW)");
    if (ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_X509) throw key_fault(mismatch);
    throw key_fault("holds no private key in PEM form (" + first_reason() + "): write the key into it");
  }
  if (SSL_CTX_check_private_key(raw) != 1) throw key_fault(mismatch);
  SSL_CTX_set_default_passwd_cb_userdata(raw, nullptr);

  if (SSL_CTX_get_min_proto_version(raw) < TLS1_2_VERSION) SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  // Many clients end without a close_notify. Nothing here ends where the connection does, so nothing can be cut off.
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  // An idle session keeps no buffers. What is sent again after a full socket stands elsewhere by then.
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // Else one read goes on for as long as a client sends records without data.
  SSL_CTX_clear_mode(raw, SSL_MODE_AUTO_RETRY);
  // Sessions are resumed by tickets, which clients keep.
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(raw, choose_protocol, nullptr);
  return context;
}

Certificate::Stamp Certificate::look() const {
  Stamp stamp{};
  // What cannot be looked at stays zero: another stamp, and reading it tells why.
  stat(certificate_file_.c_str(), &stamp[0]);
  stat(key_file_.c_str(), &stamp[1]);
  return stamp;
}

bool Certificate::same(const Stamp& a, const Stamp& b) {
  return std::equal(a.begin(), a.end(), b.begin(), [](const struct stat& x, const struct stat& y) {
    return x.st_dev == y.st_dev && x.st_ino == y.st_ino && x.st_size == y.st_size &&
           x.st_mtim.tv_sec == y.st_mtim.tv_sec && x.st_mtim.tv_nsec == y.st_mtim.tv_nsec;
  });
}

bool Certificate::renew() {
  const Stamp now = look();
  if (same(now, stamp_)) return false;
  stamp_ = now;
  Context context = read(certificate_file_, key_file_);
  const std::lock_guard lock(mutex_);
  context_.swap(context);
  return true;
}

SslHandle Certificate::begin_session(int socket) const {
  std::unique_lock lock(mutex_);
  SslHandle ssl(SSL_new(context_.get()));  // keeps the context
  lock.unlock();
  if (!ssl || SSL_set_fd(ssl.get(), socket) != 1) {
    ERR_clear_error();
    throw std::bad_alloc();
  }
  SSL_set_accept_state(ssl.get());
  return ssl;
}

bool Certificate::expired() const {
  const std::lock_guard lock(mutex_);
  return X509_cmp_current_time(X509_get0_notAfter(SSL_CTX_get0_certificate(context_.get()))) < 0;
}

std::int64_t Certificate::expires() const {
  // X.509's times are UTC, and its own functions tell them as a difference only.
  int days = 0, seconds = 0;
  const std::unique_ptr<ASN1_TIME, decltype(&ASN1_TIME_free)> epoch(ASN1_TIME_set(nullptr, 0), ASN1_TIME_free);
  const std::lock_guard lock(mutex_);
  const ASN1_TIME* const end = X509_get0_notAfter(SSL_CTX_get0_certificate(context_.get()));
  if (ASN1_TIME_diff(&days, &seconds, epoch.get(), end) != 1) return 0;
  return std::int64_t{days} * 86'400 + seconds;
}

}  // namespace fieldcast::http

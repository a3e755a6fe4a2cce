// The gateway's certificate and private key, read from their files, and the TLS sessions that begin with them.
//
// Owned by the app; it outlives the sessions' servers. begin_session() and expires() on any thread, the rest on the
// app's.
#pragma once

#include <openssl/types.h>
#include <sys/stat.h>

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>

namespace fieldcast::http {

/// What is wrong with one of the two files, which what() names, and what to do about it.
struct CertificateFault : std::runtime_error {
  CertificateFault(const std::string& file, const std::string& text, bool key)
      : std::runtime_error('"' + file + "\" " + text), in_key(key) {}
  bool in_key;  // else in the certificate
};

struct SslFree {
  void operator()(SSL* ssl) const noexcept;
};
using SslHandle = std::unique_ptr<SSL, SslFree>;

class Certificate {
 public:
  /// PEM files: the certificate with those between it and the authority behind it, and its key without passphrase.
  /// Throws CertificateFault.
  Certificate(std::string certificate_file, std::string key_file);
  ~Certificate();
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;

  /// The server's side of TLS 1.2 (RFC 5246) or later on a non-blocking socket, nothing sent yet. A write to a socket
  /// whose peer is gone raises SIGPIPE, which the process ignores. Throws std::bad_alloc.
  SslHandle begin_session(int socket) const;

  /// Looks whether the files have changed; true where sessions begin with another certificate from now on. Throws
  /// CertificateFault where what they hold now is faulty, once for each change: the former one stays in use.
  bool renew();

  /// Its last day has gone by: clients refuse it.
  bool expired() const;
  /// Unix seconds at which it does. Any thread.
  std::int64_t expires() const;

 private:
  struct ContextFree {
    void operator()(SSL_CTX* context) const noexcept;
  };
  using Context = std::unique_ptr<SSL_CTX, ContextFree>;
  using Stamp = std::array<struct stat, 2>;  // by which a change of the files is seen

  static Context read(const std::string& certificate_file, const std::string& key_file);
  static bool same(const Stamp& a, const Stamp& b);
  Stamp look() const;

  const std::string certificate_file_, key_file_;
  Stamp stamp_;
  mutable std::mutex mutex_;  // held to take the context, once a connection
  Context context_;
};

}  // namespace fieldcast::http

// What /readyz answers: whether streams can be served, and what is degraded and since when; systemd is told the same.
// Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "adapters/mqtt/broker.hpp"
#include "app/certificate_renewal.hpp"
#include "storage/durable_log.hpp"

namespace fieldcast {

/// What can be degraded.
enum class Part : std::uint8_t { broker, storage, certificate, connections };
inline constexpr std::array<std::string_view, 4> kPartWords{"broker", "storage", "certificate", "connections"};

/// Something that is not as it should be, though streams are served.
struct Degraded {
  Part part;
  std::string name;        // which of them
  std::int64_t since = 0;  // Unix ms
  std::string detail;
};

/// What is looked at.
struct Health {
  std::vector<mqtt::State> brokers;
  StorageState storage;
  std::string database;                           // its path
  std::optional<CertificateState> certificate;    // none where there is no certificate
  std::optional<std::int64_t> clients_refused{};  // Unix ms since which clients are turned away; none where none is
  std::int64_t now = 0;                           // Unix ms
};

/// Each broker that is not as it should be is named.
std::vector<Degraded> find_degraded(const Health& health);

struct Readiness {
  int status;        // 200, or 503 while stopping; with `strict` also where anything is degraded
  std::string body;  // {"status":"ready","degraded":[{"what":…,"name":…,"since":MS,"detail":…}]}, or "stopping"
  std::string summary;  // the same on one line, for people
};

Readiness judge(std::span<const Degraded> degraded, bool stopping, bool strict);

}  // namespace fieldcast

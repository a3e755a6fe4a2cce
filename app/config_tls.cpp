#include "app/config_tls.hpp"

#include <array>

#include "adapters/http/certificate.hpp"
#include "adapters/mqtt/tls_check.hpp"
#include "app/config_files.hpp"
#include "app/config_values.hpp"

namespace fieldcast::config {
namespace {

/// `section`: "server" or "mqtt".
void check_files(TlsFiles& files, const std::string& section, const std::string& directory, const Places& places,
                 ConfigFiles use, Problems& problems) {
  const std::string certificate_key = section + ".tls.certificate", key_key = section + ".tls.key";
  const auto problem = [&](const std::string& key, const std::string& text, bool warning = false) {
    const Place place = places.of({key.c_str()});
    problems.push_back({place.line, place.column, warning, key + text});
  };
  if (!places.sound({certificate_key.c_str(), key_key.c_str()})) return;
  if (files.certificate.empty() && files.key.empty()) return;
  if (files.key.empty())
    return problem(certificate_key, " is given without tls.key: name the file of its private key too");
  if (files.certificate.empty())
    return problem(key_key, " is given without tls.certificate: name the file of the certificate too");
  files.certificate = find_file(files.certificate, directory);
  files.key = find_file(files.key, directory);
  if (use == ConfigFiles::leave) return;
  const auto certificate_fault = file_fault(files.certificate, "the certificate");
  const auto key_fault = file_fault(files.key, "the certificate's private key");
  if (certificate_fault) problem(certificate_key, ": \"" + files.certificate + "\" " + *certificate_fault);
  if (key_fault) problem(key_key, ": \"" + files.key + "\" " + *key_fault);
  if (const auto fault = secret_fault(files.key)) problem(key_key, ": \"" + files.key + "\" " + *fault);
  if (certificate_fault || key_fault) return;
  try {
    // A client's pair is read in the same way.
    const http::Certificate certificate(files.certificate, files.key);
    if (certificate.expired())
      problem(certificate_key, ": \"" + files.certificate + "\" has expired, and is refused: get another one", true);
  } catch (const http::CertificateFault& fault) {
    problem(fault.in_key ? key_key : certificate_key, std::string(": ") + fault.what());
  }
}

}  // namespace

void check_server_tls(Config::Server& server, const std::string& directory, const Places& places, ConfigFiles use,
                      Problems& problems) {
  check_files(server.tls, "server", directory, places, use, problems);
}

void check_broker_tls(Config::Mqtt& broker, const std::string& directory, const Places& places, Problems& problems) {
  constexpr std::array keys{"mqtt.tls.ca", "mqtt.tls.certificate", "mqtt.tls.key"};
  if (!broker.url.tls && places.sound({"mqtt.url"})) {
    for (const char* const key : keys) {
      const Place place = places.of({key});
      if (place.line == 0 || !places.sound({key})) continue;
      problems.push_back({place.line, place.column, false,
                          std::string(key) + " is given, but mqtt.url is \"" + format_broker_url(broker.url) +
                              "\": write mqtts:// there, or take the key out"});
    }
    return;
  }
  check_files(broker.tls, "mqtt", directory, places, ConfigFiles::read, problems);
  if (broker.tls_ca.empty() || !places.sound({"mqtt.tls.ca"})) return;
  broker.tls_ca = find_file(broker.tls_ca, directory);
  auto fault = file_fault(broker.tls_ca, "the authorities' certificates");
  if (!fault) fault = mqtt::authorities_fault(broker.tls_ca);
  if (fault) {
    const Place place = places.of({"mqtt.tls.ca"});
    problems.push_back({place.line, place.column, false, "mqtt.tls.ca: \"" + broker.tls_ca + "\" " + *fault});
  }
}

}  // namespace fieldcast::config

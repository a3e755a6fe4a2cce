#include "app/config_tls.hpp"

#include <sys/stat.h>

#include <array>

#include "adapters/http/certificate.hpp"
#include "adapters/mqtt/tls_check.hpp"
#include "app/config_values.hpp"

namespace fieldcast::config {
namespace {

using Problems = std::vector<ConfigProblem>;

/// `section`: "server" or "mqtt".
void check_files(TlsFiles& files, const std::string& section, const std::string& directory, const Places& places,
                 Problems& problems) {
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
  try {
    // A client's pair is read in the same way.
    const http::Certificate certificate(files.certificate, files.key);
    if (certificate.expired())
      problem(certificate_key, ": \"" + files.certificate + "\" has expired, and is refused: get another one", true);
    struct stat status {};
    if (stat(files.key.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0)
      problem(key_key, ": \"" + files.key + "\" can be read by every user of this machine: chmod o= it", true);
  } catch (const http::CertificateFault& fault) {
    problem(fault.in_key ? key_key : certificate_key, std::string(": ") + fault.what());
  }
}

}  // namespace

void check_server_tls(Config::Server& server, const std::string& directory, const Places& places, Problems& problems) {
  check_files(server.tls, "server", directory, places, problems);
}

void check_broker_tls(Config::Mqtt& broker, const std::string& directory, const Places& places, Problems& problems) {
  constexpr std::array keys{"mqtt.tls.ca", "mqtt.tls.certificate", "mqtt.tls.key"};
  if (!broker.url.tls && places.sound({"mqtt.url"})) {
    for (const char* const key : keys) {
      const Place place = places.of({key});
      if (place.line == 0) continue;
      problems.push_back({place.line, place.column, false,
                          std::string(key) + " is given, but mqtt.url is \"" + format_broker_url(broker.url) +
                              "\": write mqtts:// there, or take the key out"});
    }
    return;
  }
  check_files(broker.tls, "mqtt", directory, places, problems);
  if (broker.tls_ca.empty() || !places.sound({"mqtt.tls.ca"})) return;
  broker.tls_ca = find_file(broker.tls_ca, directory);
  if (const auto fault = mqtt::authorities_fault(broker.tls_ca)) {
    const Place place = places.of({"mqtt.tls.ca"});
    problems.push_back({place.line, place.column, false, "mqtt.tls.ca: \"" + broker.tls_ca + "\" " + *fault});
  }
}

}  // namespace fieldcast::config

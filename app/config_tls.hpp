// The files for TLS that the configuration names: found, read once, and held against the other keys. Run after all keys
// were read, on the main thread.
#pragma once

#include <string>
#include <vector>

#include "app/config.hpp"
#include "app/config_relations.hpp"

namespace fieldcast::config {

/// Finds the files of server.tls, and appends what is wrong with them and what they hold, where they are to be read.
void check_server_tls(Config::Server& server, const std::string& directory, const Places& places, ConfigFiles use,
                      std::vector<ConfigProblem>& problems);

/// The same of a broker's mqtt.tls.
void check_broker_tls(Config::Mqtt& broker, const std::string& directory, const Places& places,
                      std::vector<ConfigProblem>& problems);

}  // namespace fieldcast::config

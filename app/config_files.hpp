// The files and folders that the configuration names: found, and judged before the gateway needs them. Run after all
// keys were read, on the main thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/config.hpp"
#include "app/config_relations.hpp"

namespace fieldcast::config {

/// Where a file beside the configuration is: a relative name among systemd's credentials, else in `directory`.
std::string find_file(const std::string& file, const std::string& directory);

/// What is wrong with a file that is to be read, and what to do; goes behind its name. `what` it holds: "the password".
/// Empty where nothing is.
std::optional<std::string> file_fault(const std::string& file, const std::string& what);
/// The same where others than its owner and its group may read it.
std::optional<std::string> secret_fault(const std::string& file);

/// Makes the names in [storage] absolute, finds the journal's folder where none is given, and judges both.
void find_storage(Config::Storage& storage, const std::string& directory, const Places& places,
                  std::vector<ConfigProblem>& problems);

/// Reads the broker's password_file, if there is one, into its password, as parse_config says.
void read_password(Config::Mqtt& broker, const std::string& directory, const Places& places,
                   std::vector<ConfigProblem>& problems);

}  // namespace fieldcast::config

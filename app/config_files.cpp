#include "app/config_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace fieldcast::config {
namespace {

/// An open file that is closed at the end.
class OpenFile {
 public:
  explicit OpenFile(const std::string& name) : fd_(open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~OpenFile() {
    if (fd_ >= 0) close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

/// Where systemd made a directory for this service it is that one; its name may be followed by others.
std::string default_journal() {
  const char* const runtime = std::getenv("RUNTIME_DIRECTORY");
  const std::string_view names = runtime == nullptr ? "" : runtime;
  const std::string first(names.substr(0, names.find(':')));
  return first.empty() ? "/dev/shm/fieldcast-" + std::to_string(geteuid()) : first;
}

void check_journal(const Config::Storage& storage, const Places& places, Problems& problems) {
  const Place place = places.of({"storage.journal"});
  if (place.line == 0 || !places.sound({"storage.journal"})) return;
  const std::filesystem::path path(storage.journal);
  const auto problem = [&](const std::string& what) {
    add(problems, place, "storage.journal: \"" + storage.journal + "\" " + what);
  };
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (std::filesystem::exists(status) && !std::filesystem::is_directory(status))
    return problem("is no directory: name one of the gateway's own");
  if (path == std::filesystem::path(storage.path))
    return problem("is storage.path too, which is a file: name a directory of the gateway's own");
  const auto parent = path.parent_path();
  if (!std::filesystem::exists(status) && !std::filesystem::is_directory(parent, error))
    problem("cannot be made, since there is no directory \"" + parent.string() + "\": create it, or name another one");
}

}  // namespace

std::string find_file(const std::string& file, const std::string& directory) {
  if (const char* const credentials = std::getenv("CREDENTIALS_DIRECTORY"); credentials != nullptr) {
    const auto credential = std::filesystem::path(credentials) / file;  // an absolute `file` stands for itself
    if (access(credential.c_str(), F_OK) == 0) return credential;
  }
  return std::filesystem::path(directory) / file;
}

std::optional<std::string> file_fault(const std::string& name, const std::string& what) {
  const OpenFile file(name);
  struct stat status {};
  if (file.fd() < 0 || fstat(file.fd(), &status) != 0) {
    const int error = errno;
    return "cannot be read (" + std::string(std::strerror(error)) + "): create it with " + what +
           " in it, readable by the user that fieldcast runs as";
  }
  if (!S_ISREG(status.st_mode)) return "is no regular file: name the file that holds " + what;
  if (status.st_size == 0) return "is empty: write " + what + " into it";
  return std::nullopt;
}

std::optional<std::string> secret_fault(const std::string& name) {
  struct stat status {};
  if (stat(name.c_str(), &status) != 0 || (status.st_mode & S_IROTH) == 0) return std::nullopt;
  return "can be read by every user of this machine: take that right away with chmod o= \"" + name + "\"";
}

void find_storage(Config::Storage& storage, const std::string& directory, const Places& places, Problems& problems) {
  const Place place = places.of({"storage.path"});
  std::error_code error;
  // Not resolved any further: the journal is named by this path, and must stay the same while a disk is away.
  const auto base = std::filesystem::absolute(std::filesystem::path(directory) / ".", error);
  if (error)
    return add(problems, {}, "the current directory cannot be found: name the configuration file by its full path");
  const std::filesystem::path path = (base / storage.path).lexically_normal();
  storage.path = path;
  storage.journal = (base / (storage.journal.empty() ? default_journal() : storage.journal)).lexically_normal();
  check_journal(storage, places, problems);
  if (!places.sound({"storage.path"})) return;
  if (!path.has_filename() || std::filesystem::is_directory(path, error)) {
    add(problems, place, "storage.path: \"" + storage.path + "\" is a directory: name the database file in it");
  } else if (place.line != 0 && !std::filesystem::is_directory(path.parent_path(), error)) {
    // Where the file does not name it, the log says so when the gateway starts.
    add(problems, place,
        "storage.path: there is no directory \"" + path.parent_path().string() +
            "\" yet: create it for the user that fieldcast runs as; without it the history is kept in memory only",
        true);
  }
}

void read_password(Config::Mqtt& broker, const std::string& directory, const Places& places, Problems& problems) {
  if (broker.password_file.empty() || !places.sound({"mqtt.password_file"})) return;
  const std::string name = find_file(broker.password_file, directory);
  const auto problem = [&](const std::string& what) {
    add(problems, places.of({"mqtt.password_file"}), "mqtt.password_file: \"" + name + "\" " + what);
  };
  if (const auto fault = file_fault(name, "the password")) return problem(*fault);
  if (const auto fault = secret_fault(name)) problem(*fault);

  std::ifstream file(name, std::ios::binary);
  std::string& password = broker.password;
  password.resize(kPasswordBytes + 2);  // a newline, and a byte that shows that it is too long
  errno = 0;
  file.read(password.data(), static_cast<std::streamsize>(password.size()));
  if (file.bad()) return problem("cannot be read: " + std::string(std::strerror(errno)));
  password.resize(static_cast<std::size_t>(file.gcount()));
  if (password.ends_with('\n')) password.pop_back();
  if (password.ends_with('\r')) password.pop_back();
  if (password.empty()) problem("is empty: write the password into it");
  if (password.size() > kPasswordBytes) problem("is longer than MQTT's 65535 bytes: write only the password into it");
}

}  // namespace fieldcast::config

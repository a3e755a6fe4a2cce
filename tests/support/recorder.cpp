#include "tests/support/recorder.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

namespace fieldcast::test {

void record(std::string_view schema, std::string_view answer) {
  const char* directory = std::getenv("FIELDCAST_RECORD_DIR");
  if (!directory || answer.size() > kRecordedBytes) return;
  const std::string file = std::string(directory) + "/" + std::string(schema) + ".ndjson";
  std::string line(answer);
  if (!line.ends_with('\n')) line += '\n';
  const int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const bool written = fd >= 0 && write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  if (fd >= 0) close(fd);
  if (!written) throw std::runtime_error("cannot record to " + file);
}

}  // namespace fieldcast::test

#include "tools/output.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace fieldcast::tools {
namespace {

constexpr std::size_t kPieceBytes = 256 * 1024;

}  // namespace

bool Output::hand_over() {
  return text_.size() < kPieceBytes || flush();
}

bool Output::flush() {
  std::string_view left = text_;
  while (!left.empty()) {
    const ssize_t written = write(fd_, left.data(), left.size());
    if (written >= 0) {
      left.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EPIPE) {
      return false;
    } else if (errno == EAGAIN) {  // a pipe that somebody else has made so
      pollfd room{fd_, POLLOUT, 0};
      poll(&room, 1, -1);
    } else if (errno != EINTR) {
      throw std::system_error(errno, std::generic_category(), "cannot write the export");
    }
  }
  text_.clear();
  return true;
}

}  // namespace fieldcast::tools

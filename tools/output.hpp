// Where an export goes: a file descriptor, written in large pieces. One thread.
#pragma once

#include <string>
#include <string_view>

namespace fieldcast::tools {

class Output {
 public:
  explicit Output(int fd) : fd_(fd) {}

  /// To append to; hand_over() now and then.
  std::string& text() { return text_; }
  /// Writes what there is where that is much. False where nobody reads on: then there is nothing left to do. Throws
  /// std::system_error where it cannot be written, as on a full disk.
  bool hand_over();
  /// Writes all there is.
  bool flush();

 private:
  const int fd_;
  std::string text_;
};

}  // namespace fieldcast::tools

// systemd's journal by its native protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/): one datagram a line, so that
// it keeps a priority and fields. A dozen lines instead of libsystemd, whose socket has one path only: a test has its
// own. Never waits.
//
// Any thread, one at a time. Owned by the writer.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace fieldcast::logging {

inline constexpr const char* kJournalSocket = "/run/systemd/journal/socket";

/// A name of capital letters, digits and underscores that begins with a letter; a value of one line.
struct Field {
  std::string_view name, value;
};

/// The datagram that says so. Fields without a value are left out.
std::string journal_datagram(std::span<const Field> fields);

class JournalSocket {
 public:
  enum class Sent : std::uint8_t {
    taken,
    not_there,  // nobody listens at the path
    refused,    // its queue is full, or it is another error: the line is lost
  };

  explicit JournalSocket(std::string path);
  ~JournalSocket();
  JournalSocket(const JournalSocket&) = delete;
  JournalSocket& operator=(const JournalSocket&) = delete;

  /// Looks at the path each time: a journal that is started anew is found.
  Sent send(std::string_view datagram) noexcept;

 private:
  const std::string path_;
  const int fd_;
};

}  // namespace fieldcast::logging

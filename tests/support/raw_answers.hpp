// What a server answers to bytes that need not be requests, and whether it took what stood behind them for one. Free
// functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fieldcast::test {

struct RawAnswers {
  std::vector<int> statuses;  // but those below 200, and that to the canary
  bool canary = false;        // the sound request behind the bytes was answered, with 204
  std::string text;           // all that came

  /// The bytes got an answer of the 400 or 500 class or none.
  bool refused() const { return statuses.empty() ? !canary : statuses.front() >= 400; }
  std::size_t count() const { return statuses.size() + (canary ? 1 : 0); }
  /// "200 400 C": C for the canary.
  std::string brief() const;
};

/// What follows the bytes: a sound request (OPTIONS) that asks for the end of the connection, the end of the client's
/// output, or both, so that nobody waits for more, whatever the bytes say.
enum class Behind : unsigned char { canary, end, canary_and_end };

/// Sends all in one go to a port of 127.0.0.1, and reads until the server closes. Throws TimedOut.
RawAnswers answers_to(std::uint16_t port, std::string_view bytes, Behind behind);

/// As in C, for a message.
std::string escaped(std::string_view bytes);

}  // namespace fieldcast::test

// Reads server-sent events as a browser does (HTML Living Standard, section 9.2.6). One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/http_client.hpp"

namespace fieldcast::test {

struct Event {
  std::string type = "message";
  std::string id;  // the last event id as it is after this event
  std::string data;
};

class EventReader {
 public:
  /// Sends the request and reads the head of the answer.
  EventReader(const Peer& peer, const Request& request, int receive_buffer = 0);

  const Response& head() const { return head_; }

  /// The next event; empty at the end of the stream. Throws TimedOut.
  std::optional<Event> next(Deadline deadline = {});

  /// The last `retry:` that came, in milliseconds.
  std::optional<long> retry_ms() const { return retry_ms_; }
  Socket& socket() { return connection_.socket(); }

 private:
  std::optional<std::string> line(Deadline deadline);  // without its end; empty optional at the end of the stream

  HttpConnection connection_;
  Response head_;
  std::string text_;
  bool ended_ = false;
  bool skip_line_feed_ = false;
  std::string last_id_;
  std::optional<long> retry_ms_;
};

}  // namespace fieldcast::test

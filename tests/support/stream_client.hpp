// One stream over any transport, so that a test says what a stream does once and runs it over all three.
// One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/batch.hpp"
#include "tests/support/deadline.hpp"
#include "tests/support/socket.hpp"

namespace fieldcast::test {

enum class Transport { websocket, events, poll };
inline constexpr Transport kTransports[] = {Transport::websocket, Transport::events, Transport::poll};
const char* to_string(Transport transport);

struct Query {
  std::vector<std::string> topics;
  std::string from;  // empty: not given
  std::string more;  // further parameters as they stand in a URL: "&heartbeat=1"
};
/// "topic=a&topic=b&from=now", percent-encoded.
std::string to_text(const Query& query);

class StreamClient {
 public:
  virtual ~StreamClient() = default;

  /// The next batch, whatever is in it; a poll asks again with the last cursor for as long as the answers are
  /// empty, but for the first. Empty optional where the gateway ended the stream. Throws TimedOut.
  virtual std::optional<Batch> next(Deadline deadline = {}) = 0;

  /// The next batch, of which there must be one.
  Batch batch(Deadline deadline = {});

  /// The next batch that holds a reading; throws where a gap comes first.
  Batch batch_with_readings(Deadline deadline = {});

  /// Batches until `count` readings have come. Throws where a gap comes first or more arrive.
  std::vector<Reading> readings(std::size_t count, Deadline deadline = {});

  /// Of the last batch that came; empty before the first.
  const std::string& cursor() const { return cursor_; }

  /// Ends the connection with a reset.
  virtual void cut() = 0;

 protected:
  std::string cursor_;
};

/// Throws where the gateway does not take the request. `receive_buffer` as Socket has it.
std::unique_ptr<StreamClient> open_stream(Transport transport, const Peer& peer, const Query& query,
                                          int receive_buffer = 0);

}  // namespace fieldcast::test

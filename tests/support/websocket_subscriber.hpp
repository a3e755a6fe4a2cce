// A WebSocket client that speaks the messages of /v1/ws: asks, tells answers from batches, keeps their order.
// One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/batch.hpp"
#include "tests/support/websocket_client.hpp"

namespace fieldcast::test {

class WebSocketSubscriber {
 public:
  /// Opens /v1/ws and what is in `query` ("?topic=…"). `receive_buffer` as Socket has it.
  explicit WebSocketSubscriber(const Peer& peer, const std::string& query = "", int receive_buffer = 0);

  /// One message of the gateway: a batch, or an answer (subscribed, unsubscribed, error). Recorded.
  struct Received {
    std::optional<Batch> batch;
    nlohmann::json answer;
  };
  /// The next message; empty where the gateway closed.
  std::optional<Received> next(Deadline deadline = {});

  void send(const nlohmann::json& message) { client_.send(message.dump()); }
  /// Asks and waits for the answer, which must be no error; batches that come before it wait for batch().
  /// `topics` is a string list, an empty `from` is left out.
  nlohmann::json subscribe(const nlohmann::json& topics, const std::string& from);
  nlohmann::json unsubscribe(const nlohmann::json& topics);
  /// The next answer, which must be an error; batches that come before it wait for batch().
  nlohmann::json error();

  /// The next batch; throws where an answer comes first.
  Batch batch(Deadline deadline = {});
  /// Batches until `count` readings have come; throws where a gap comes first or more arrive.
  std::vector<Reading> readings(std::size_t count, Deadline deadline = {});

  /// Reads to the end and says with which code the gateway closed.
  int close_code();
  const std::string& close_reason() const { return client_.close_reason(); }

  WebSocketClient& client() { return client_; }

 private:
  nlohmann::json answer();
  nlohmann::json ask(const char* op, const nlohmann::json& topics, const std::string& from);

  WebSocketClient client_;
  std::deque<Batch> waiting_;
  int id_ = 0;
};

}  // namespace fieldcast::test

#include "tests/support/stream_client.hpp"

#include <stdexcept>
#include <utility>

#include "tests/support/event_reader.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/recorder.hpp"
#include "tests/support/websocket_client.hpp"

namespace fieldcast::test {
namespace {

class WebSocketStream final : public StreamClient {
 public:
  WebSocketStream(const Peer& peer, const Query& query, int receive_buffer)
      : client_(peer, "/v1/ws?" + to_text(query), {}, receive_buffer) {
    if (!client_.open()) throw std::runtime_error("no WebSocket: " + client_.head().body);
  }

  std::optional<Batch> next(Deadline deadline) override {
    while (auto message = client_.next(deadline)) {
      // The answer to the subscription in the URL.
      if (const auto answer = nlohmann::json::parse(*message); answer.at("type") == "subscribed") {
        record("Subscribed", *message);
        continue;
      }
      auto batch = parse_batch(std::move(*message));
      cursor_ = batch.cursor;
      return batch;
    }
    return std::nullopt;
  }

  void cut() override { client_.socket().cut(); }

 private:
  WebSocketClient client_;
};

class EventStream final : public StreamClient {
 public:
  EventStream(const Peer& peer, const Query& query, int receive_buffer)
      : reader_(peer, {"/v1/events?" + to_text(query), {{"Accept", "text/event-stream"}}}, receive_buffer) {
    if (reader_.head().status != 200 || reader_.head()["content-type"] != "text/event-stream")
      throw std::runtime_error("no event stream: " + std::to_string(reader_.head().status));
  }

  std::optional<Batch> next(Deadline deadline) override {
    const auto event = reader_.next(deadline);
    if (!event) return std::nullopt;
    if (event->type != "message") throw std::runtime_error("event " + event->type + ": " + event->data);
    auto batch = parse_batch(event->data);
    if (batch.cursor != event->id) throw std::runtime_error("id " + event->id + " but cursor " + batch.cursor);
    cursor_ = batch.cursor;
    return batch;
  }

  void cut() override { reader_.socket().cut(); }

 private:
  EventReader reader_;
};

class PollStream final : public StreamClient {
 public:
  PollStream(const Peer& peer, Query query, int receive_buffer)
      : connection_(peer, receive_buffer), query_(std::move(query)) {
    ask();
  }

  std::optional<Batch> next(Deadline deadline) override {
    for (;;) {
      if (!asked_) ask();
      const auto response = connection_.read(false, deadline);
      asked_ = false;
      if (response.status == 503 && nlohmann::json::parse(response.body).at("code") == "stopping") return std::nullopt;
      if (response.status != 200) throw std::runtime_error("poll: " + response.body);
      auto batch = parse_batch(response.body);
      const bool first = cursor_.empty();
      cursor_ = query_.from = batch.cursor;
      const bool ends_snapshot = std::exchange(in_snapshot_, batch.snapshot) && !batch.snapshot;
      if (first || ends_snapshot || batch.gap || batch.snapshot || !batch.links.empty() || !batch.readings.empty())
        return batch;
    }
  }

  void cut() override { connection_.socket().cut(); }

 private:
  void ask() {
    connection_.send(Request{"/v1/poll?" + to_text(query_), {}});
    asked_ = true;
  }

  HttpConnection connection_;
  Query query_;
  bool asked_ = false;
  bool in_snapshot_ = false;
};

}  // namespace

const char* to_string(Transport transport) {
  switch (transport) {
    case Transport::websocket:
      return "websocket";
    case Transport::events:
      return "events";
    case Transport::poll:
      return "poll";
  }
  return "";
}

std::string to_text(const Query& query) {
  std::string text;
  for (const auto& topic : query.topics) text += (text.empty() ? "topic=" : "&topic=") + percent_encoded(topic);
  if (!query.from.empty()) text += (text.empty() ? "from=" : "&from=") + percent_encoded(query.from);
  return text + query.more;
}

Batch StreamClient::batch(Deadline deadline) {
  auto next_batch = next(deadline);
  if (!next_batch) throw std::runtime_error("the stream ended");
  return std::move(*next_batch);
}

Batch StreamClient::batch_with_readings(Deadline deadline) {
  for (;;) {
    auto next_batch = batch(deadline);
    if (next_batch.gap) throw std::runtime_error("a gap: " + next_batch.raw.substr(0, 500));
    if (!next_batch.readings.empty()) return next_batch;
  }
}

std::vector<Reading> StreamClient::readings(std::size_t count, Deadline deadline) {
  std::vector<Reading> found;
  while (found.size() < count)
    for (auto& reading : batch_with_readings(deadline).readings) found.push_back(std::move(reading));
  if (found.size() > count) throw std::runtime_error("more readings than were published");
  return found;
}

std::unique_ptr<StreamClient> open_stream(Transport transport, const Peer& peer, const Query& query,
                                          int receive_buffer) {
  switch (transport) {
    case Transport::websocket:
      return std::make_unique<WebSocketStream>(peer, query, receive_buffer);
    case Transport::events:
      return std::make_unique<EventStream>(peer, query, receive_buffer);
    case Transport::poll:
      return std::make_unique<PollStream>(peer, query, receive_buffer);
  }
  throw std::logic_error("no such transport");
}

}  // namespace fieldcast::test

#include "tests/support/websocket_subscriber.hpp"

#include <stdexcept>
#include <utility>

#include "tests/support/recorder.hpp"

namespace fieldcast::test {

WebSocketSubscriber::WebSocketSubscriber(const Peer& peer, const std::string& query, int receive_buffer)
    : client_(peer, "/v1/ws" + query, {}, receive_buffer) {
  if (!client_.open())
    throw std::runtime_error("no WebSocket: " + std::to_string(client_.head().status) + " " + client_.head().body);
}

std::optional<WebSocketSubscriber::Received> WebSocketSubscriber::next(Deadline deadline) {
  const auto message = client_.next(deadline);
  if (!message) return std::nullopt;
  Received received;
  auto json = nlohmann::json::parse(*message);
  const std::string type = json.at("type");
  if (type == "readings") {
    received.batch = parse_batch(*message);
    return received;
  }
  record(type == "subscribed" ? "Subscribed" : type == "unsubscribed" ? "Unsubscribed" : "ErrorMessage", *message);
  received.answer = std::move(json);
  return received;
}

nlohmann::json WebSocketSubscriber::answer() {
  while (auto received = next()) {
    if (!received->batch) return received->answer;
    waiting_.push_back(std::move(*received->batch));
  }
  throw std::runtime_error("closed with " + std::to_string(client_.close_code()) + " instead of an answer");
}

nlohmann::json WebSocketSubscriber::ask(const char* op, const nlohmann::json& topics, const std::string& from) {
  nlohmann::json message{{"op", op}, {"id", ++id_}, {"topics", topics}};
  if (!from.empty()) message["from"] = from;
  send(message);
  auto found = answer();
  if (found.at("type") != std::string(op) + "d" || found.at("id") != id_) throw std::runtime_error(found.dump());
  return found;
}

nlohmann::json WebSocketSubscriber::subscribe(const nlohmann::json& topics, const std::string& from) {
  return ask("subscribe", topics, from);
}

nlohmann::json WebSocketSubscriber::unsubscribe(const nlohmann::json& topics) {
  return ask("unsubscribe", topics, "");
}

nlohmann::json WebSocketSubscriber::error() {
  auto found = answer();
  if (found.at("type") != "error") throw std::runtime_error("no error: " + found.dump());
  return found;
}

Batch WebSocketSubscriber::batch(Deadline deadline) {
  if (!waiting_.empty()) {
    auto first = std::move(waiting_.front());
    waiting_.pop_front();
    return first;
  }
  auto received = next(deadline);
  if (!received) throw std::runtime_error("closed with " + std::to_string(client_.close_code()));
  if (!received->batch) throw std::runtime_error("an answer instead of a batch: " + received->answer.dump());
  return std::move(*received->batch);
}

std::vector<Reading> WebSocketSubscriber::readings(std::size_t count, Deadline deadline) {
  std::vector<Reading> found;
  while (found.size() < count) {
    auto next_batch = batch(deadline);
    if (next_batch.gap) throw std::runtime_error("a gap: " + next_batch.raw.substr(0, 500));
    for (auto& reading : next_batch.readings) found.push_back(std::move(reading));
  }
  if (found.size() > count) throw std::runtime_error("more readings than were published");
  return found;
}

int WebSocketSubscriber::close_code() {
  while (next()) continue;
  return client_.close_code();
}

}  // namespace fieldcast::test

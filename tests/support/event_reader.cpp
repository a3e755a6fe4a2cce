#include "tests/support/event_reader.hpp"

#include <algorithm>

namespace fieldcast::test {

EventReader::EventReader(const Peer& peer, const Request& request, int receive_buffer)
    : connection_(peer, receive_buffer) {
  connection_.send(request);
  head_ = connection_.read_head();
}

std::optional<std::string> EventReader::line(Deadline deadline) {
  for (;;) {
    if (skip_line_feed_ && !text_.empty()) {
      if (text_[0] == '\n') text_.erase(0, 1);
      skip_line_feed_ = false;
    }
    if (const auto end = text_.find_first_of("\r\n"); end != std::string::npos) {
      auto found = text_.substr(0, end);
      skip_line_feed_ = text_[end] == '\r';
      text_.erase(0, end + 1);
      return found;
    }
    if (ended_) return std::nullopt;
    const bool chunked = head_["transfer-encoding"] == "chunked";
    const auto more = chunked ? connection_.read_chunk(deadline) : connection_.socket().read_some(deadline);
    ended_ = more.empty();
    text_ += more;
  }
}

std::optional<Event> EventReader::next(Deadline deadline) {
  Event event;
  bool has_data = false;
  while (const auto text = line(deadline)) {
    if (text->empty()) {
      event.id = last_id_;
      if (has_data) return event;
      event = Event{};  // an event without data is not dispatched
      continue;
    }
    const auto colon = text->find(':');
    const auto field = text->substr(0, colon);
    auto value = colon == std::string::npos ? std::string() : text->substr(colon + 1);
    if (value.starts_with(' ')) value.erase(0, 1);
    if (field == "data") {
      if (has_data) event.data += '\n';
      event.data += value;
      has_data = true;
    } else if (field == "id") {
      last_id_ = value;
    } else if (field == "event") {
      event.type = value;
    } else if (field == "retry" && !value.empty() && std::all_of(value.begin(), value.end(), ::isdigit)) {
      retry_ms_ = std::stol(value);
    }
  }
  return std::nullopt;
}

}  // namespace fieldcast::test

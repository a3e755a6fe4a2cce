#include "adapters/http/body.hpp"

namespace fieldcast::http {
namespace {

http_parser_settings make_body_callbacks() {
  http_parser_settings callbacks;
  http_parser_settings_init(&callbacks);
  // Stops the parser where the next request begins.
  callbacks.on_message_complete = [](http_parser* parser) {
    http_parser_pause(parser, 1);
    return 0;
  };
  callbacks.on_body = [](http_parser* parser, const char* at, std::size_t size) {
    // There is room: see feed().
    if (parser->data != nullptr) static_cast<std::string*>(parser->data)->append(at, size);
    return 0;
  };
  return callbacks;
}

const http_parser_settings kCallbacks = make_body_callbacks();

}  // namespace

Body::Body(std::string_view head, std::size_t limit, bool kept) : limit_(limit), kept_(kept) {
  http_parser_init(&parser_, HTTP_REQUEST);
  parser_.data = nullptr;
  http_parser_execute(&parser_, &kCallbacks, head.data(), head.size());
}

Body::State Body::feed(std::string_view& input) {
  if (input.empty()) return State::more;  // which http-parser would take for the end of the connection
  if (kept_) {
    bytes_.reserve(bytes_.size() + input.size());  // nothing may be thrown through http-parser's C frames
    parser_.data = &bytes_;
  }
  const auto taken = http_parser_execute(&parser_, &kCallbacks, input.data(), input.size());
  input.remove_prefix(taken);
  read_ += taken;
  if (read_ > limit_) return State::too_large;
  const auto fault = HTTP_PARSER_ERRNO(&parser_);
  if (fault == HPE_PAUSED) return State::done;
  return fault == HPE_OK ? State::more : State::faulty;
}

}  // namespace fieldcast::http

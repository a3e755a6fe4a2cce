#include "adapters/http/body.hpp"

namespace fieldcast::http {
namespace {

http_parser_settings make_callbacks() {
  http_parser_settings callbacks;
  http_parser_settings_init(&callbacks);
  // Stops the parser where the next request begins.
  callbacks.on_message_complete = [](http_parser* parser) {
    http_parser_pause(parser, 1);
    return 0;
  };
  return callbacks;
}

const http_parser_settings kCallbacks = make_callbacks();

}  // namespace

Body::Body(std::string_view head) {
  http_parser_init(&parser_, HTTP_REQUEST);
  http_parser_execute(&parser_, &kCallbacks, head.data(), head.size());
}

Body::State Body::feed(std::string_view& input) {
  const auto taken = http_parser_execute(&parser_, &kCallbacks, input.data(), input.size());
  input.remove_prefix(taken);
  read_ += taken;
  if (read_ > kBodyBytes) return State::too_large;
  const auto fault = HTTP_PARSER_ERRNO(&parser_);
  if (fault == HPE_PAUSED) return State::done;
  return fault == HPE_OK ? State::more : State::faulty;
}

}  // namespace fieldcast::http

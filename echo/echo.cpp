#include "echo/echo.hpp"

#include <string>

namespace fieldcast::echo {
namespace {

class Echo final : public Session, private websocket::EndpointOwner {
 public:
  Echo(Outlet& outlet, const Clock& clock, Counters& counters, websocket::IncompleteMessages& incomplete,
       const websocket::Bounds& bounds)
      : endpoint_(*this, outlet, clock, counters, incomplete, bounds) {}

  void on_input(std::string_view bytes) override { endpoint_.on_input(bytes); }
  void on_drained() override {
    if (endpoint_.open()) endpoint_.send_replies();
  }
  void on_tick(Instant now) override { endpoint_.on_tick(now); }
  void on_stop() override {
    if (endpoint_.open()) endpoint_.close(info(Code::stopping).close_code, Code::stopping);
  }

 private:
  void on_message(websocket::Event::Kind kind, std::string bytes) override {
    using websocket::Opcode;
    endpoint_.reply(kind == websocket::Event::Kind::text ? Opcode::text : Opcode::binary, bytes);
  }

  websocket::Endpoint endpoint_;
};

}  // namespace

std::unique_ptr<Session> open(std::string_view head, Outlet& outlet, const Clock& clock, Counters& counters,
                              websocket::IncompleteMessages& incomplete, const websocket::Bounds& bounds) {
  const std::string answer = websocket::answer_handshake(head);
  if (answer.empty()) return nullptr;
  const Piece piece{answer, nullptr};
  outlet.send({&piece, 1});
  return std::make_unique<Echo>(outlet, clock, counters, incomplete, bounds);
}

}  // namespace fieldcast::echo

#include "adapters/http/answer.hpp"

#include <array>
#include <memory>
#include <string>

namespace fieldcast::http {

std::size_t send_answer(Outlet& outlet, const Response& response, const Terms& terms, std::int64_t now) {
  const std::string head = make_head(response, terms, now);
  const std::shared_ptr<const void> owner = response.body;
  outlet.send(std::array{Piece{head}, Piece{*response.body, &owner}});
  if (terms.keep_alive) {
    outlet.release();
  } else {
    outlet.close();
  }
  return head.size() + response.body->size();
}

}  // namespace fieldcast::http

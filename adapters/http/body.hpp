// The body of a request, read and thrown away: nothing served here takes one, but the bytes after it are the
// next request. Belongs to one connection, on its shard's thread.
#pragma once

#include <http_parser.h>

#include <cstddef>
#include <string_view>

namespace fieldcast::http {

// A longer body is refused with 413: clients that send one by habit send a few bytes.
inline constexpr std::size_t kBodyBytes = 16 * 1024;

class Body {
 public:
  enum class State { more, done, too_large, faulty };

  /// `head` has passed parse_head, and announces a body.
  explicit Body(std::string_view head);

  /// Takes what belongs to the body off the front of `input`.
  State feed(std::string_view& input);

 private:
  http_parser parser_;
  std::size_t read_ = 0;  // chunk heads and trailers count
};

}  // namespace fieldcast::http

// The body of a request, kept where its answer needs it, else read and thrown away: the bytes after it are the next
// request. Belongs to one connection, on its shard's thread.
#pragma once

#include <http_parser.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace fieldcast::http {

class Body {
 public:
  enum class State { more, done, too_large, faulty };

  /// `head` has passed parse_head, and announces a body. More than `limit` bytes, chunk heads and trailers counted, are
  /// too large.
  Body(std::string_view head, std::size_t limit, bool kept);

  /// Takes what belongs to the body off the front of `input`.
  State feed(std::string_view& input);

  /// What came, without the framing of chunks; nothing where it is not kept.
  std::string take() { return std::move(bytes_); }

 private:
  http_parser parser_;
  std::size_t limit_;
  bool kept_;
  std::size_t read_ = 0;
  std::string bytes_;
};

}  // namespace fieldcast::http

// The body of a request, kept where its answer needs it, else read and thrown away: the bytes after it are the next
// request. Chunks are taken by the letter of RFC 9112 section 7.1 and no more: what two parsers could read in two ways
// (a bare LF, space around a size, a line end that is none) is a fault. Belongs to one connection, on its shard's
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "adapters/http/head.hpp"

namespace fieldcast::http {

class Body {
 public:
  enum class State { more, done, too_large, faulty };

  /// Of a request that announces a body. More than `limit` bytes, chunk heads and trailers counted, are too large.
  Body(const Request& request, std::size_t limit, bool kept);

  /// Takes what belongs to the body off the front of `input`. After `too_large` and `faulty` nobody knows where the
  /// next request begins.
  State feed(std::string_view& input);

  /// What came, without the framing of chunks; nothing where it is not kept.
  std::string take() { return std::move(bytes_); }

 private:
  // What comes next: a chunk's size; bytes; the empty line behind a chunk; a line of the trailer.
  enum class Part : unsigned char { size, bytes, chunk_end, trailer, nothing };

  void take_bytes(std::string_view& input);
  bool take_line_byte(char c);
  bool take_line(std::string_view line);

  const std::size_t limit_;
  const bool kept_, chunked_;
  Part part_;
  std::uint64_t left_;  // of the chunk, or of a body that has no chunks
  std::size_t read_ = 0;
  std::string line_;  // of the framing, as far as it has come
  std::string bytes_;
};

}  // namespace fieldcast::http

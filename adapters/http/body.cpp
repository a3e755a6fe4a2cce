#include "adapters/http/body.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace fieldcast::http {
namespace {

// A size with its extensions, or a line of the trailer, which is a header field.
constexpr std::size_t kLineBytes = 4 * 1024;

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

}  // namespace

Body::Body(const Request& request, std::size_t limit, bool kept)
    : limit_(limit),
      kept_(kept),
      chunked_(request.chunked),
      part_(chunked_ ? Part::size : Part::bytes),
      left_(request.content_length) {}

Body::State Body::feed(std::string_view& input) {
  while (!input.empty() && part_ != Part::nothing) {
    if (part_ == Part::bytes) {
      take_bytes(input);
    } else {
      const char c = input.front();
      input.remove_prefix(1);
      ++read_;
      if (!take_line_byte(c)) return State::faulty;
    }
    if (read_ > limit_) return State::too_large;
  }
  return part_ == Part::nothing ? State::done : State::more;
}

void Body::take_bytes(std::string_view& input) {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
  read_ += size;
  if (kept_ && read_ <= limit_) bytes_.append(input.substr(0, size));
  input.remove_prefix(size);
  left_ -= size;
  if (left_ == 0) part_ = chunked_ ? Part::chunk_end : Part::nothing;
}

bool Body::take_line_byte(char c) {
  if (c == '\n') {
    if (!line_.ends_with('\r')) return false;
    line_.pop_back();
    const bool good = take_line(line_);
    line_.clear();
    return good;
  }
  // At once, not when the line is whole: a client that sent no chunks would wait for its answer.
  if (line_.empty() && part_ == Part::size && !is_hex(c)) return false;
  if (line_.empty() && part_ == Part::chunk_end && c != '\r') return false;
  if (line_.size() == kLineBytes || line_.ends_with('\r')) return false;
  line_ += c;
  return true;
}

bool Body::take_line(std::string_view line) {
  switch (part_) {
    case Part::size: {
      const auto end = line.data() + line.size();
      const auto [rest, error] = std::from_chars(line.data(), end, left_, 16);
      if (error != std::errc()) return false;  // none, or it does not fit
      if (rest != end && (*rest != ';' || !is_field_text({rest, static_cast<std::size_t>(end - rest)}))) return false;
      part_ = left_ == 0 ? Part::trailer : Part::bytes;
      return true;
    }
    case Part::chunk_end:
      part_ = Part::size;
      return line.empty();
    case Part::trailer:  // read by nobody
      if (line.empty()) part_ = Part::nothing;
      return line.empty() || is_field_line(line);
    case Part::bytes:
    case Part::nothing:
      break;
  }
  return false;
}

}  // namespace fieldcast::http

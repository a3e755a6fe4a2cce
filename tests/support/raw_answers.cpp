#include "tests/support/raw_answers.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "tests/support/socket.hpp"

namespace fieldcast::test {
namespace {

/// The value of a field whose name is written as both servers write it.
std::string_view field(std::string_view head, std::string_view name) {
  const auto at = head.find("\r\n" + std::string(name) + ": ");
  if (at == std::string_view::npos) return {};
  const auto from = at + name.size() + 4;
  return head.substr(from, head.find("\r\n", from) - from);
}

void take_apart(RawAnswers& answers) {
  for (std::string_view rest = answers.text; !rest.empty();) {
    const auto end = rest.find("\r\n\r\n");
    if (!rest.starts_with("HTTP/1.1 ") || end == std::string_view::npos) {
      answers.statuses.push_back(200);  // HTTP/0.9: a body without a head
      return;
    }
    const auto head = rest.substr(0, end + 2);
    rest.remove_prefix(end + 4);
    const int status = std::atoi(std::string(head.substr(9, 3)).c_str());
    if (status == 204) {
      answers.canary = true;
      return;
    }
    if (status >= 200 || status == 101) answers.statuses.push_back(status);
    if (status == 101) return;
    // The answer to HEAD has a length and no body.
    if (!rest.starts_with("HTTP/1.1 "))
      rest.remove_prefix(std::min<std::size_t>(
          rest.size(), std::strtoul(std::string(field(head, "Content-Length")).c_str(), nullptr, 10)));
  }
}

}  // namespace

std::string RawAnswers::brief() const {
  std::string out;
  for (const int status : statuses) out += (out.empty() ? "" : " ") + std::to_string(status);
  if (canary) out += out.empty() ? "C" : " C";
  return out;
}

RawAnswers answers_to(std::uint16_t port, std::string_view bytes, Behind behind) {
  Socket socket(port);
  RawAnswers answers;
  std::string all(bytes);
  if (behind != Behind::end) all += "OPTIONS /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
  try {
    socket.send(all);
    if (behind != Behind::canary) socket.close_write();
  } catch (const EndOfStream&) {
  }
  answers.text = socket.read_to_end();
  take_apart(answers);
  return answers;
}

std::string escaped(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    char text[8];
    if (c == '\r') {
      out += "\\r";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c < 0x20 || c == 0x7f) {
      std::snprintf(text, sizeof text, "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += text;
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace fieldcast::test

#include "tests/support/http_client.hpp"

#include <algorithm>
#include <cctype>
#include <stdexcept>

namespace fieldcast::test {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

std::optional<std::string> Response::header(std::string_view name) const {
  std::optional<std::string> found;
  for (const auto& [key, value] : headers) {
    if (key != name) continue;
    if (found) throw std::runtime_error("header twice: " + key);
    found = value;
  }
  return found;
}

std::string to_text(const Request& request, std::uint16_t port) {
  std::string text = request.method + " " + request.target + " " + request.version + "\r\n";
  bool host = false;
  for (const auto& [name, value] : request.headers) {
    text += name + ": " + value + "\r\n";
    host = host || lower(name) == "host";
  }
  if (!host) text += "Host: 127.0.0.1:" + std::to_string(port) + "\r\n";
  return text + "\r\n";
}

std::string percent_encoded(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool letter_or_digit = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (letter_or_digit || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

Response HttpConnection::read_head(Deadline deadline) {
  const auto head = socket_.read_until("\r\n\r\n", deadline);
  Response response;
  auto end = head.find("\r\n");
  const auto status_line = head.substr(0, end);
  if (!status_line.starts_with("HTTP/1.") || status_line.size() < 13 || status_line[8] != ' ')
    throw std::runtime_error("no status line: " + status_line);
  response.version = status_line.substr(0, 8);
  response.status = std::stoi(status_line.substr(9, 3));
  for (auto begin = end + 2; begin < head.size() - 2; begin = end + 2) {
    end = head.find("\r\n", begin);
    const auto line = head.substr(begin, end - begin);
    const auto colon = line.find(": ");
    if (colon == std::string::npos || colon == 0) throw std::runtime_error("no header: " + line);
    response.headers.emplace_back(lower(line.substr(0, colon)), line.substr(colon + 2));
  }
  return response;
}

std::string HttpConnection::read_chunk(Deadline deadline) {
  const auto line = socket_.read_until("\r\n", deadline);
  std::size_t used = 0;
  const auto size = std::stoul(line, &used, 16);
  if (used != line.size() - 2) throw std::runtime_error("no chunk size: " + line);
  auto data = socket_.read(size, deadline);
  if (socket_.read(2, deadline) != "\r\n") throw std::runtime_error("no line break after a chunk");
  return data;
}

Response HttpConnection::read(bool head_only, Deadline deadline) {
  auto response = read_head(deadline);
  const auto length = response.header("content-length");
  const auto coding = response.header("transfer-encoding");
  if (length && coding) throw std::runtime_error("Content-Length and Transfer-Encoding");
  if (head_only || response.status < 200 || response.status == 204 || response.status == 304) return response;
  if (length) {
    response.body = socket_.read(std::stoul(*length), deadline);
  } else if (coding) {
    if (*coding != "chunked") throw std::runtime_error("Transfer-Encoding: " + *coding);
    for (auto chunk = read_chunk(deadline); !chunk.empty(); chunk = read_chunk(deadline)) response.body += chunk;
  } else {
    response.body = socket_.read_to_end(deadline);
  }
  return response;
}

Response http(const Peer& peer, const Request& request) {
  return HttpConnection(peer)(request);
}
Response http_get(const Peer& peer, std::string target) {
  return http(peer, Request{std::move(target), {}});
}

}  // namespace fieldcast::test

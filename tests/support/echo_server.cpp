#include "tests/support/echo_server.hpp"

#include <utility>

namespace fieldcast::test {
namespace {

std::vector<std::string> command(const std::vector<std::string>& options) {
  std::vector<std::string> all{echo_program(), "--port", "0"};
  all.insert(all.end(), options.begin(), options.end());
  return all;
}

std::uint16_t port_in(const std::string& line) {
  return static_cast<std::uint16_t>(std::stoi(line.substr(line.rfind(':') + 1)));
}

}  // namespace

std::string echo_program() {
  return FIELDCAST_ECHO;
}

EchoServer::EchoServer(const std::vector<std::string>& options, std::string authority)
    : process_(command(options)), peer_(port_in(process_.wait_for_line("listening on ")), std::move(authority)) {}

}  // namespace fieldcast::test

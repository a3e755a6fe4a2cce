#include "tests/support/gateway.hpp"

#include <filesystem>
#include <stdexcept>

#include "tests/support/http_client.hpp"

namespace fieldcast::test {

std::string program() {
  return FIELDCAST_PROGRAM;
}

Gateway::Gateway(Options options) : options_(std::move(options)), port_(options_.port) {
  start();
}

void Gateway::start() {
  process_.reset();
  std::string storage = options_.storage + "\n";
  // A key must not come twice.
  const auto unless_named = [&](const std::string& key, const std::string& value) {
    if (('\n' + storage).find('\n' + key + " = ") == std::string::npos) storage += key + " = \"" + value + "\"\n";
  };
  unless_named("path", database());
  unless_named("journal", journal());
  const auto config = directory_.write(
      "fieldcast.toml", "[server]\nname = \"" + options_.name + "\"\nlisten = [\"127.0.0.1:" + std::to_string(port_) +
                            "\"]\n" + options_.server + "\n[[mqtt]]\nname = \"local\"\nurl = \"mqtt://127.0.0.1:" +
                            std::to_string(options_.broker_port) + "\"\nclient_id = \"fieldcast-" + options_.name +
                            "\"\ntopics = " + options_.topics + "\n" + options_.mqtt + "\n[storage]\n" + storage +
                            "\n[limits]\n" + options_.limits + "\n");
  process_ = std::make_unique<Process>(std::vector<std::string>{program(), "--config", config});
  constexpr std::string_view kListening = "listening on http://127.0.0.1:";
  const auto line = process_->wait_for_line(kListening);
  port_ = static_cast<std::uint16_t>(std::stoi(line.substr(line.find(kListening) + kListening.size())));
  const Deadline deadline;
  while (http_get(port_, "/readyz").status != 200)
    if (deadline.left_ms() == 0) throw TimedOut("not ready:\n" + process_->output());
}

void Gateway::kill() {
  process_->signal(SIGKILL);
  process_->wait_for_exit();
}

void Gateway::lose_journal() {
  std::filesystem::remove_all(journal());
}

}  // namespace fieldcast::test

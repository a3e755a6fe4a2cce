#include "tests/support/gateway.hpp"

#include <filesystem>
#include <stdexcept>

#include "tests/support/http_client.hpp"

namespace fieldcast::test {

std::string program() {
  return FIELDCAST_PROGRAM;
}

std::string mqtt_url(std::uint16_t port) {
  return "mqtt://127.0.0.1:" + std::to_string(port);
}

std::vector<std::string> activated(std::vector<std::string> command) {
  const std::vector<std::string> shell{"/bin/sh", "-c", R"(export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@")", "sh"};
  command.insert(command.begin(), shell.begin(), shell.end());
  return command;
}

std::string Gateway::broker_table(const std::string& name, const std::string& url, const std::string& more) const {
  return "[[mqtt]]\nname = \"" + name + "\"\nurl = \"" + url + "\"\nclient_id = \"fieldcast-" + options_.name + "\"\n" +
         more + "\n";
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
  std::string brokers =
      broker_table("local", mqtt_url(options_.broker_port), "topics = " + options_.topics + "\n" + options_.mqtt);
  for (const auto& broker : options_.more_brokers) brokers += broker_table(broker.name, broker.url, broker.more);
  const auto config = directory_.write(
      "fieldcast.toml", "[server]\nname = \"" + options_.name + "\"\nlisten = [\"127.0.0.1:" + std::to_string(port_) +
                            "\"]\n" + options_.server + "\n" + brokers + "[storage]\n" + storage + "\n[limits]\n" +
                            options_.limits + "\n");
  std::vector<std::string> command{"/usr/bin/env"};
  command.insert(command.end(), options_.environment.begin(), options_.environment.end());
  command.insert(command.end(), options_.runner.begin(), options_.runner.end());
  command.insert(command.end(), {program(), "--config", config});
  if (options_.inherited >= 0) command = activated(std::move(command));
  process_ = std::make_unique<Process>(std::move(command), options_.inherited);
  const std::string listening =
      std::string("listening on ") + (options_.authority.empty() ? "http" : "https") + "://127.0.0.1:";
  const auto line = process_->wait_for_line(listening);
  port_ = static_cast<std::uint16_t>(std::stoi(line.substr(line.find(listening) + listening.size())));
  const Deadline deadline;
  while (http_get(peer(), "/readyz").status != 200)
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

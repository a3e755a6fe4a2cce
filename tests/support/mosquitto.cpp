#include "tests/support/mosquitto.hpp"

#include <signal.h>

#include <stdexcept>
#include <utility>

#include "tests/support/socket.hpp"

namespace fieldcast::test {

Mosquitto::Mosquitto(Options options) : options_(std::move(options)) {
  for (int tries = 0;; ++tries) {  // somebody else may take the port between the choice and the start
    port_ = free_port();
    if (!options_.tls_lines.empty()) tls_port_ = free_port();
    try {
      start();
      return;
    } catch (const std::runtime_error&) {
      if (tries == 5) throw;
    }
  }
}

void Mosquitto::start() {
  process_.reset();
  // As root it would give up its rights to write here; elsewhere `user` is ignored. Its queues have no limit,
  // since it drops what is over one without a word (1,000 messages by default).
  const std::string tls_listener =
      options_.tls_lines.empty() ? "" : "listener " + std::to_string(tls_port_) + " 127.0.0.1\n" + options_.tls_lines;
  const auto config = directory_.write(
      "mosquitto.conf",
      "user root\nlistener " + std::to_string(port_) +
          " 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location " + directory_.path().string() +
          "/\nmax_queued_messages 0\nset_tcp_nodelay true\nlog_dest stderr\n" +
          (options_.acl.empty() ? "" : "acl_file " + directory_.write("acl", options_.acl) + "\n") + tls_listener);
  process_ = std::make_unique<Process>(std::vector<std::string>{MOSQUITTO_PROGRAM, "-c", config});
  process_->wait_for_line(" running");
  // Before its loop runs it forgets a SIGTERM. An answered CONNECT (MQTT 3.1.1, a clean session, no client id) proves
  // that it does.
  Socket client(port_);
  client.send({"\x10\x0c\0\4MQTT\4\2\0\x3c\0\0", 14});
  client.read(4);
}

void Mosquitto::stop() {
  process_->signal(SIGTERM);
  process_->wait_for_exit();
}

void Mosquitto::kill() {
  process_->signal(SIGKILL);
  process_->wait_for_exit();
}

}  // namespace fieldcast::test

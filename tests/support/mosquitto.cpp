#include "tests/support/mosquitto.hpp"

#include <signal.h>

#include <stdexcept>
#include <utility>

#include "tests/support/socket.hpp"

namespace fieldcast::test {

Mosquitto::Mosquitto(std::string tls_lines, std::string acl) : tls_lines_(std::move(tls_lines)), acl_(std::move(acl)) {
  for (int tries = 0;; ++tries) {  // somebody else may take the port between the choice and the start
    port_ = free_port();
    if (!tls_lines_.empty()) tls_port_ = free_port();
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
      tls_lines_.empty() ? "" : "listener " + std::to_string(tls_port_) + " 127.0.0.1\n" + tls_lines_;
  const auto config = directory_.write(
      "mosquitto.conf", "user root\nlistener " + std::to_string(port_) +
                            " 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location " +
                            directory_.path().string() +
                            "/\nmax_queued_messages 0\nset_tcp_nodelay true\nlog_dest stderr\n" +
                            (acl_.empty() ? "" : "acl_file " + directory_.write("acl", acl_) + "\n") + tls_listener);
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

#include "tests/support/nginx.hpp"

#include <stdexcept>
#include <vector>

namespace fieldcast::test {

Nginx::Nginx() {
  for (int tries = 0;; ++tries) {  // somebody else may take the port between the choice and the start
    port_ = free_port();
    try {
      start();
      return;
    } catch (const std::runtime_error&) {
      if (tries == 5) throw;
    }
  }
}

void Nginx::start() {
  process_.reset();
  const std::string directory = directory_.path().string();
  std::string temporary;
  for (const std::string what : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
    temporary += what + "_temp_path " + directory + ";\n";
  // Its heads may be as long as ours: 16 KiB, in one line too, where 8 KiB are the default. And it reads a request in
  // one go: then it knows of a faulty body before it answers.
  const std::string config = "daemon off;\nmaster_process off;\npid " + directory + R"(/pid;
error_log stderr notice;
events { worker_connections 256; }
http {
  access_log off;
  client_header_buffer_size 16k;
  large_client_header_buffers 4 16k;
  keepalive_requests 100000;
)" + temporary +
                             "  server {\n    listen 127.0.0.1:" + std::to_string(port_) + R"(;
    if ($request_method = OPTIONS) { return 204; }
    return 200 "ok\n";
  }
}
)";
  process_ = std::make_unique<Process>(std::vector<std::string>{NGINX_PROGRAM, "-p", directory, "-e", "stderr", "-c",
                                                                directory_.write("nginx.conf", config)});
  process_->wait_for_line("getrlimit");  // written when it listens
}

}  // namespace fieldcast::test

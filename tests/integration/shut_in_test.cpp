// The program under the system call filter of its unit: what the service may do is enough for all that it does.
#include <gtest/gtest.h>

#include <string>

#include "tests/support/certificates.hpp"
#include "tests/support/hall.hpp"
#include "tests/support/http_client.hpp"

namespace fieldcast::test {
namespace {

const std::string kShutIn = FIELDCAST_SOURCE_DIR "/tests/integration/shut-in.py";
const std::string kUnit = FIELDCAST_SOURCE_DIR "/systemd/fieldcast.service";

// Names that are looked up, TLS on both sides, all transports, commands, the disk, and each way to start and stop.
TEST(ShutIn, DoesAllItsWork) {
  const Certificates certificates;
  const auto files = certificates.issue("localhost", "DNS:localhost,IP:127.0.0.1");
  const std::string tls = "certfile " + files.certificate + "\nkeyfile " + files.key + "\n";
  const Mosquitto other({.acl = {}, .tls_lines = tls});
  Hall hall(
      {.server = "threads = 2\ntls.certificate = \"" + files.certificate + "\"\ntls.key = \"" + files.key + "\"\n",
       .storage = "commit_interval = \"20ms\"\nmemory_readings = 1\n",
       .more_brokers = {{"other", "mqtts://localhost:" + std::to_string(other.tls_port()),
                         "prefix = \"other/\"\ntls.ca = \"" + certificates.authority() + "\""}},
       // The leak sanitizer traces its own process, which a service may not.
       .environment = {"ASAN_OPTIONS=detect_leaks=0"},
       .runner = {kShutIn, kUnit},
       .authority = certificates.authority()});
  Publisher press(other.port(), "press");
  std::string cursor;
  for (const auto transport : {Transport::websocket, Transport::events, Transport::poll}) {
    const auto stream = hall.open(transport, {{"a", "other/a"}, "", ""});
    cursor = stream->batch().cursor;
    hall.publish("a", "1");
    EXPECT_EQ(stream->readings(1)[0].payload, 1);
    press.publish({"a", "2"});
    EXPECT_EQ(stream->readings(1)[0].payload, 2);
  }
  const Request command{"/v1/publish",
                        {{"Content-Type", "application/json"}},
                        "POST",
                        "HTTP/1.1",
                        R"({"topic":"other/a","payload":3,"broker":"other"})"};
  EXPECT_EQ(http(hall.gateway().peer(), command).status, 200);
  hall.wait_until_stored();
  EXPECT_EQ(hall.open(Transport::poll, {{"other/a"}, "oldest", ""})->readings(4).back().payload, 3);
  EXPECT_GT(hall.metric("process_max_fds"), 0);
  EXPECT_GT(hall.metric("process_open_fds"), 0);

  hall.gateway().kill();
  hall.gateway().start();
  EXPECT_EQ(hall.open(Transport::poll, {{"other/a"}, cursor, ""})->readings(2).back().payload, 3);
  hall.gateway().terminate();
  EXPECT_EQ(hall.gateway().process().wait_for_exit(), 0) << hall.gateway().process().output();
}

// Else the test above would be of no worth.
TEST(ShutIn, IsRefusedTheRest) {
  const auto tries = [](const std::string& python) {
    Process process({kShutIn, kUnit, "/usr/bin/python3", "-c", "import mmap, os, socket\n" + python});
    const int code = process.wait_for_exit();
    return code == 0 ? "done" : process.output();
  };
  EXPECT_EQ(tries("socket.socket(socket.AF_INET, socket.SOCK_STREAM)"), "done");
  for (const std::string python :
       {"socket.socket(socket.AF_PACKET, socket.SOCK_RAW)", "os.chown('/dev/null', 0, 0)", "os.nice(1)",
        "mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)", "os.chroot('/')"})
    EXPECT_NE(tries(python).find("Error"), std::string::npos) << python;
}

}  // namespace
}  // namespace fieldcast::test

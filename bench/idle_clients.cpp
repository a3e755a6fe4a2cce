// What an idle client costs the gateway's own memory, plain and over TLS: so many WebSockets with a subscription, all
// to the same filter, of which nothing comes. What the kernel keeps for a socket is not counted.
//
//   bench_idle_clients [CLIENTS]      default: 1000
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/measure.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/hall.hpp"

namespace {

using namespace fieldcast;

double bytes_a_client(int clients, const test::Gateway::Options& options) {
  test::Hall hall(options);
  const pid_t gateway = hall.gateway().process().pid();
  std::vector<std::unique_ptr<test::StreamClient>> open;
  const auto add = [&](int count) {
    for (int i = 0; i < count; ++i) {
      open.push_back(hall.open(test::Transport::websocket, {{"nothing"}, "", "&heartbeat=60"}));
      open.back()->batch();
    }
  };
  add(clients / 10);  // what is there once
  const double before = bench::memory_of(gateway, "VmRSS");
  add(clients);
  return (bench::memory_of(gateway, "VmRSS") - before) * 1024 / clients;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const int clients = argc > 1 ? std::atoi(argv[1]) : 1'000;
    if (clients < 10) return 1;
    const test::Certificates certificates;
    const auto files = certificates.issue("gateway", "IP:127.0.0.1");
    test::Gateway::Options tls;
    tls.server = "tls.certificate = \"" + files.certificate + "\"\ntls.key = \"" + files.key + "\"\n";
    tls.authority = certificates.authority();
    std::printf("plain %.0f bytes a client\n", bytes_a_client(clients, {}));
    std::printf("TLS   %.0f bytes a client\n", bytes_a_client(clients, tls));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}

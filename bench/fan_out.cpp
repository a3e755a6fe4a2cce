// What a delivered reading costs when many clients follow the same readings: the built program with one and with two
// threads against the floor (floor.hpp), by turns, on this machine.
//
//   bench_fan_out [CLIENTS [READINGS_PER_SECOND [SECONDS [ws|sse [BURST]]]]]      default: 500 100 5 ws 1
//
// BURST readings are published at once, so much seldomer. Exit 1 where a client misses a reading.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "bench/clients.hpp"
#include "bench/floor.hpp"
#include "bench/load.hpp"
#include "bench/measure.hpp"
#include "bench/table.hpp"
#include "tests/support/hall.hpp"

namespace {

using namespace fieldcast;
using namespace fieldcast::bench;

constexpr int kRounds = 5;
constexpr std::size_t kPayloadBytes = 90;
// A first round that is not counted brings code and buffers into memory.
constexpr std::size_t kFirstClients = 10;

struct Plan {
  std::size_t clients = 500;
  int rate = 100, seconds = 5;
  Wire wire = Wire::websocket;
  int burst = 1;

  std::uint32_t turns() const { return static_cast<std::uint32_t>(rate * seconds / burst); }
  std::uint32_t readings() const { return turns() * static_cast<std::uint32_t>(burst); }
};

/// One that is measured, and what each round said about it.
struct Server {
  std::string name;
  std::uint16_t port = 0;
  pid_t pid = 0;
  std::function<void(std::uint32_t)> publish;  // what comes at once in one turn

  Cpu in_all{};
  std::vector<double> cpu{}, p50{}, p99{}, readings_per_batch{}, reader_busy{}, others_busy{};
  double kib_per_client = 0;
};

/// Lets so many clients follow the plan's readings; the frames that one of them got.
std::vector<Frame> run_round(const Plan& plan, Server& server, std::size_t count, bool first) {
  const double memory_before = memory_of(server.pid, "VmRSS");
  Clients clients(plan.wire);
  clients.open(server.port, "#", count);
  if (server.kib_per_client == 0 && !first)
    server.kib_per_client = (memory_of(server.pid, "VmRSS") - memory_before) / static_cast<double>(count);

  const Cpu cpu_before = cpu_of(server.pid);
  const RestOfMachine rest(server.pid);
  const auto begin = stamp();
  clients.start(plan.readings(), true);
  at_pace(static_cast<double>(plan.rate) / plan.burst, plan.turns(), server.publish);
  clients.finish();
  const double seconds = static_cast<double>(stamp() - begin) * 1e-9;
  const Cpu cpu = cpu_of(server.pid) - cpu_before;
  const double others = rest.cpus();
  if (clients.gaps() != 0) throw std::runtime_error("a gap where no client is slow");
  if (first) return clients.frames();

  const double delivered = static_cast<double>(count) * plan.readings();
  std::vector<std::uint32_t> latencies;
  for (const auto& receipt : clients.receipts()) latencies.push_back(receipt.microseconds);
  server.cpu.push_back(cpu.seconds / delivered * 1e6);
  server.in_all += cpu;
  server.p50.push_back(percentile(latencies, 0.5) / 1e3);
  server.p99.push_back(percentile(latencies, 0.99) / 1e3);
  server.readings_per_batch.push_back(plan.readings() / static_cast<double>(clients.frames().size()));
  server.reader_busy.push_back(clients.cpu_seconds() / seconds);
  server.others_busy.push_back(others);
  return clients.frames();
}

/// What goes out in each turn: the frames whose last reading is published then, joined.
std::vector<std::string> by_turn(const Plan& plan, const std::vector<Frame>& frames) {
  std::vector<std::string> turns(plan.turns());
  std::size_t readings = 0;
  for (const auto& frame : frames) {
    readings += frame.readings;
    turns[(readings - 1) / static_cast<std::size_t>(plan.burst)] += frame.bytes;
  }
  return turns;
}

/// As if it had been published now.
void renew(std::string& bytes) {
  const auto now = std::to_string(stamp());
  for (auto at = bytes.find(kPayloadMark); at != bytes.npos; at = bytes.find(kPayloadMark, at + 1))
    bytes.replace(at + kTimeOffset, kTimeDigits, now);
}

Plan read_plan(int argc, char** argv) {
  Plan plan;
  if (argc > 1) plan.clients = static_cast<std::size_t>(std::atoi(argv[1]));
  if (argc > 2) plan.rate = std::atoi(argv[2]);
  if (argc > 3) plan.seconds = std::atoi(argv[3]);
  const std::string_view wire = argc > 4 ? argv[4] : "ws";
  if (wire == "sse") plan.wire = Wire::events;
  if (argc > 5) plan.burst = std::atoi(argv[5]);
  if (plan.clients < 1 || plan.rate < 1 || plan.seconds < 1 || (wire != "ws" && wire != "sse") || plan.burst < 1 ||
      plan.turns() < 1 || argc > 6)
    throw std::invalid_argument("usage: bench_fan_out [CLIENTS [READINGS_PER_SECOND [SECONDS [ws|sse [BURST]]]]]");
  return plan;
}

void print(const Plan& plan, const std::vector<Server>& servers) {
  std::printf("%zu clients, %d readings/s of %zu bytes, %d at once, %d s, %s; medians of %d rounds\n\n", plan.clients,
              plan.rate, kPayloadBytes, plan.burst, plan.seconds, plan.wire == Wire::events ? "SSE" : "WebSocket",
              kRounds);
  Table table({"", "CPU us/delivery", "kernel", "to floor", "p50 ms", "p99 ms", "readings/batch", "KiB/client",
               "reading here", "other processes"});
  const double floor = median(servers.back().cpu);
  for (const auto& server : servers) {
    table.add({server.name, number(median(server.cpu), 2),
               number(100 * server.in_all.kernel_seconds / server.in_all.seconds, 0, " %"),
               number(median(server.cpu) / floor, 2), number(median(server.p50), 2), number(median(server.p99), 2),
               number(median(server.readings_per_batch), 1), number(server.kib_per_client, 1),
               number(100 * median(server.reader_busy), 0, " %"), number(100 * median(server.others_busy), 0, " %")});
  }
  table.print();
}

void run(const Plan& plan) {
  const Floor floor(plan.wire);  // first, since it forks
  std::vector<std::unique_ptr<test::Hall>> halls;
  std::vector<Server> servers;
  for (const std::string threads : {"1", "2"}) {
    auto& hall =
        *halls.emplace_back(std::make_unique<test::Hall>(test::Gateway::Options{.server = "threads = " + threads}));
    servers.push_back({"threads = " + threads, hall.port(), hall.gateway().process().pid(), [&](std::uint32_t turn) {
                         const auto burst = static_cast<std::uint32_t>(plan.burst);
                         for (std::uint32_t n = turn * burst; n < (turn + 1) * burst; ++n)
                           hall.publisher().send({"press-" + std::to_string(n % 50), make_payload(n, kPayloadBytes)});
                       }});
  }
  std::vector<std::string> turns;  // of the latest round of a gateway
  servers.push_back({"floor", floor.port(), floor.pid(), [&](std::uint32_t turn) {
                       renew(turns[turn]);
                       if (!turns[turn].empty()) floor.send(turns[turn]);
                     }});
  for (int round = 0; round <= kRounds; ++round) {
    for (auto& server : servers) {
      try {
        turns = by_turn(plan, run_round(plan, server, round == 0 ? kFirstClients : plan.clients, round == 0));
      } catch (const std::exception& error) {
        throw std::runtime_error(server.name + ": " + error.what());
      }
    }
  }
  print(plan, servers);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(read_plan(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}

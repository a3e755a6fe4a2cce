// fieldcast_hall: publishes a simulated hall to a broker at a steady pace, until it is told to stop.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <exception>
#include <iostream>
#include <string>
#include <utility>

#include "demo/connection.hpp"
#include "demo/hall.hpp"

namespace {

using namespace std::chrono_literals;
using fieldcast::demo::Connection;
using fieldcast::demo::Hall;
using fieldcast::demo::Message;
using Clock = Connection::Clock;

struct Options {
  std::string url = "mqtt://127.0.0.1:1883";
  double rate = 20;  // readings a second, all sensors together
  std::uint64_t seed = 1;
  double duration = 0;  // seconds; 0: until told to stop
};

/// Signals that sleep_until() takes. Blocked before any thread starts, so that no other thread gets them.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, fieldcast::demo::kWake}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

/// Sleeps until then, or until something happens. False where the program shall stop.
bool sleep_until(Clock::time_point then, const sigset_t& signals) {
  const auto left = std::max<Clock::duration>(then - Clock::now(), 0ns);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  const timespec timeout{.tv_sec = seconds.count(), .tv_nsec = (left - seconds).count()};
  const int signal = sigtimedwait(&signals, nullptr, &timeout);
  return signal != SIGTERM && signal != SIGINT;
}

void run(const Options& options, const sigset_t& signals) {
  using Seconds = std::chrono::duration<double>;
  const auto step = std::chrono::duration_cast<Clock::duration>(
      Seconds(fieldcast::demo::kRoundReadings / (fieldcast::demo::kRoundSteps * options.rate)));
  const auto end = options.duration > 0
                       ? Clock::now() + std::chrono::duration_cast<Clock::duration>(Seconds(options.duration))
                       : Clock::time_point::max();

  Hall hall(options.seed);
  Connection connection(options.url);
  std::uint64_t published = 0, lost = 0;
  const auto publish = [&](const Message& message) { ++(connection.publish(message) ? published : lost); };

  unsigned told = 0;  // the connection on which the retained state was told
  auto due = Clock::now();
  auto wake_at = due;
  while (sleep_until(std::min(wake_at, end), signals)) {
    const auto now = Clock::now();
    if (now >= end) break;
    // Without a broker the hall stands still, so that its readings have no hole but what the link loses.
    if (!connection.keep_up(now)) {
      due = now;
      wake_at = connection.retry_at();
      continue;
    }
    if (std::exchange(told, connection.generation()) != connection.generation())
      for (const Message& message : hall.retained()) publish(message);
    while (const auto command = connection.take_command()) {
      if (const auto state = hall.obey(*command))
        publish(*state);
      else
        std::cerr << "the valve does not know this command; it takes: open, closed" << std::endl;
    }
    if (now >= due) {
      for (const Message& message : hall.next()) publish(message);
      due += step;
      if (now - due > 1s) due = now;  // the machine slept or cannot keep pace: no flood to make up for it
    }
    wake_at = due;
  }
  connection.close();
  std::cerr << published << " readings published, " << lost << " lost" << std::endl;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    Options options;
    CLI::App app("A simulated hall: presses, climate, energy, doors, a valve. Publishes to an MQTT broker.");
    app.add_option("--url", options.url, "the broker")
        ->check([](const std::string& url) { return url.starts_with("mqtt://") ? "" : "begins with mqtt://"; })
        ->capture_default_str();
    app.add_option("--rate", options.rate, "readings a second, all sensors together")
        ->check(CLI::Range(0.01, 1e6))
        ->capture_default_str();
    app.add_option("--seed", options.seed, "the same seed gives the same readings")->capture_default_str();
    app.add_option("--duration", options.duration, "seconds after which to stop; 0: never")
        ->check(CLI::Range(0.0, 1e6))
        ->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    run(options, block_signals());
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "fieldcast_hall: " << error.what() << std::endl;
    return 1;
  }
}

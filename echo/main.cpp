// fieldcast_echo: a WebSocket server that sends each message back, until it is told to stop. Connections, handshake,
// frames and closing are the gateway's own code, so that public WebSocket suites can judge it.
#include <CLI/CLI.hpp>
#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <csignal>
#include <cstdint>
#include <exception>
#include <iostream>
#include <optional>
#include <string>

#include "adapters/http/acceptor.hpp"
#include "adapters/http/certificate.hpp"
#include "adapters/http/server.hpp"
#include "echo/echo.hpp"
#include "echo/no_log.hpp"

namespace {

using namespace fieldcast;

constexpr int kExitMachine = 1, kExitOptions = 2;

struct Options {
  std::uint16_t port = 0;
  std::size_t message_bytes = 16u << 20;
  std::string certificate, key;
};

Result<Command> no_command(std::string_view) {
  return Problem{Code::no_broker, "this server only echoes"};
}

void run(const Options& options) {
  std::signal(SIGPIPE, SIG_IGN);  // what OpenSSL writes to a client that is gone
  const SystemClock clock;
  const Limits limits;
  Counters counters;
  echo::NoLog log;
  echo::NoBroker broker;
  echo::NoWakeup wakeup;
  Hub hub(log, clock, limits, counters, wakeup);
  Publications publications(broker, no_command, /*allowed=*/false, wakeup);

  // A message while it comes takes up to twice its length; so many echoes may wait for a client that sends first.
  const websocket::Bounds bounds{options.message_bytes, 4 * options.message_bytes};
  websocket::IncompleteMessages incomplete{0, 8 * options.message_bytes};
  std::optional<http::Certificate> certificate;
  if (!options.certificate.empty()) certificate.emplace(options.certificate, options.key);
  http::Settings settings;
  settings.certificate = certificate ? &*certificate : nullptr;
  settings.websocket_everywhere = true;

  asio::io_context loop{1};
  http::Server server(loop, hub, publications, settings, {}, [&](http::UpgradeRequest&& request, Outlet& outlet) {
    return echo::open(request.head, outlet, clock, counters, incomplete, bounds);
  });
  http::Acceptor acceptor(loop, {{"127.0.0.1", options.port}}, {&server}, limits, counters);
  asio::signal_set signals(loop, SIGTERM, SIGINT);
  signals.async_wait([&](std::error_code, int) {
    acceptor.stop();
    server.stop([&] { loop.stop(); });
  });
  std::cout << "listening on " << (certificate ? "wss" : "ws") << "://127.0.0.1:" << acceptor.endpoints().front().port()
            << std::endl;
  loop.run();
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Sends each WebSocket message back, at any path of 127.0.0.1, until SIGTERM.", "fieldcast_echo");
  app.add_option("--port", options.port, "Listen on this port; 0: one that is free. It is printed")
      ->required()
      ->option_text("N");
  app.add_option("--message-bytes", options.message_bytes, "The longest message; one that is longer closes with 1009")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 30))
      ->capture_default_str();
  auto* const certificate =
      app.add_option("--certificate", options.certificate, "Speak TLS with this certificate")->option_text("FILE");
  auto* const key = app.add_option("--key", options.key, "and its private key")->option_text("FILE");
  certificate->needs(key);
  key->needs(certificate);
  app.set_help_flag("--help,-h", "Print this help, and exit");
  app.footer(
      "Example:\n  fieldcast_echo --port 9001\n\nFor Autobahn's fuzzingclient the server is ws://127.0.0.1:9001.");
  try {
    app.parse(argc, argv);
    run(options);
    return 0;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitOptions;
  } catch (const std::exception& error) {
    std::cerr << "fieldcast_echo: " << error.what() << '\n';
    return kExitMachine;
  }
}

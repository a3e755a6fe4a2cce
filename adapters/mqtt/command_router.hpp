// Which broker a command is for: the one it names, or the only one whose prefix fits.
//
// Owned by the app, which starts it and stops it before the askers go. Holds the commands of each broker; nothing in it
// changes but them, so it has no lock of its own. Promises what Publisher does.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "adapters/mqtt/broker.hpp"
#include "adapters/mqtt/commands.hpp"
#include "gateway/limits.hpp"
#include "gateway/result.hpp"

namespace fieldcast::mqtt {

class CommandRouter final : public Publisher {
 public:
  /// Brokers, limits and clock outlive it. `longest_payload`: limits.payload.
  CommandRouter(std::span<const std::unique_ptr<Broker>> brokers, std::size_t longest_payload, const Clock& clock);

  /// Begins to serve. Once. Throws where a thread cannot be had.
  void start();
  /// As Commands::request_stop() and stop(), of all brokers.
  void request_stop();
  void stop();

  void publish(std::shared_ptr<Publication> publication, Wakeup& asker) override;

  /// Of each broker, in their order. Any thread.
  std::vector<CommandCounts> counts() const;

 private:
  struct Route {
    Route(const Broker& its_broker, const Clock& clock) : broker(its_broker), commands(its_broker.settings(), clock) {}
    const Broker& broker;
    Commands commands;
  };

  Result<Route*> choose(const Command& command) const;

  const std::size_t longest_payload_;
  std::vector<std::unique_ptr<Route>> routes_;
};

}  // namespace fieldcast::mqtt

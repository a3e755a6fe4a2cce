#include "adapters/mqtt/command_router.hpp"

#include <string>
#include <utility>

#include "gateway/topic_filter.hpp"

namespace fieldcast::mqtt {
namespace {

std::string quoted(const std::string& text) {
  return "\"" + text + "\"";
}

/// The names or the prefixes of some routes, for a sentence.
template <class Routes>
std::string list(const Routes& routes, std::string Settings::*member) {
  std::string out;
  for (const auto& route : routes) out += (out.empty() ? "" : ", ") + quoted(route->broker.settings().*member);
  return out;
}

}  // namespace

CommandRouter::CommandRouter(std::span<const std::unique_ptr<Broker>> brokers, std::size_t longest_payload,
                             const Clock& clock)
    : longest_payload_(longest_payload) {
  for (const auto& broker : brokers) routes_.push_back(std::make_unique<Route>(*broker, clock));
}

void CommandRouter::start() {
  for (const auto& route : routes_) route->commands.start();
}

void CommandRouter::request_stop() {
  for (const auto& route : routes_) route->commands.request_stop();
}

void CommandRouter::stop() {
  request_stop();
  for (const auto& route : routes_) route->commands.stop();
}

void CommandRouter::publish(std::shared_ptr<Publication> publication, Wakeup& asker) {
  const auto chosen = choose(publication->command);
  if (!chosen) {
    publication->problem = chosen.problem();
    publication->done = true;
    return asker.wake();
  }
  Route& route = **chosen;
  if (const std::size_t size = publication->command.payload.size(); size > longest_payload_)
    return route.commands.refuse(*publication, asker,
                                 {Code::too_large,
                                  "payload: it has " + std::to_string(size) + " bytes, more than the " +
                                      std::to_string(longest_payload_) + " of limits.payload",
                                  0, Limit::payload});
  // A broker that the gateway hears nothing from is not tried: the answer comes at once.
  if (!route.broker.is_up())
    return route.commands.refuse(*publication, asker,
                                 {Code::no_broker, "broker " + quoted(route.broker.settings().name) +
                                                       " is not connected, nothing was sent: try again later"});
  route.commands.publish(std::move(publication), asker);
}

std::vector<CommandCounts> CommandRouter::counts() const {
  std::vector<CommandCounts> all;
  for (const auto& route : routes_) all.push_back(route->commands.counts());
  return all;
}

Result<CommandRouter::Route*> CommandRouter::choose(const Command& command) const {
  const auto bad = [](std::string detail) { return Problem{Code::bad_message, std::move(detail)}; };
  if (const auto fault = topic_fault(command.topic))
    return Problem{Code::bad_message, "topic: " + fault->text, 0, fault->limit};
  std::vector<Route*> named, fitting;
  for (const auto& route : routes_) {
    const Settings& settings = route->broker.settings();
    if (command.broker && *command.broker != settings.name) continue;
    named.push_back(route.get());
    if (command.topic.starts_with(settings.prefix)) fitting.push_back(route.get());
  }
  if (named.empty())
    return bad("broker: none has the name " + quoted(*command.broker) + ": there is " + list(routes_, &Settings::name));
  if (fitting.empty())
    return bad("topic: it must begin with the prefix of " +
               (command.broker ? "broker " + quoted(*command.broker) : std::string("a broker")) + ": " +
               list(named, &Settings::prefix));
  if (fitting.size() > 1)
    return bad("broker: the topic fits several, write which it is for: " + list(fitting, &Settings::name));
  if (command.topic.size() == fitting[0]->broker.settings().prefix.size())
    return bad("topic: nothing is left of it behind the broker's prefix");
  return fitting[0];
}

}  // namespace fieldcast::mqtt

#include "tests/support/hall.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <sstream>
#include <stdexcept>

#include "tests/support/http_client.hpp"

namespace fieldcast::test {
namespace {

std::optional<Hall> g_hall;

// Stops the shared hall while everything that it needs is still alive.
class SharedHall final : public ::testing::Environment {
 public:
  void TearDown() override { g_hall.reset(); }
};
[[maybe_unused]] ::testing::Environment* const g_environment = ::testing::AddGlobalTestEnvironment(new SharedHall);

}  // namespace

Hall::Hall(Gateway::Options options) {
  options.broker_port = broker_.port();
  publisher_ = std::make_unique<Publisher>(broker_.port(), "hall");
  gateway_ = std::make_unique<Gateway>(std::move(options));
  settle();
}

void Hall::settle() {
  // One broker keeps the order of one publisher's messages, so when the mark is in the log all before it is.
  // Retained, so that it also comes to a gateway that subscribes only now.
  publisher_->flush();
  const auto mark = std::to_string(++marks_);
  publisher_->publish(Message{"settled", mark, 1, true});
  const auto stream = open(Transport::poll, {{"settled"}, "latest", ""});
  for (;;)
    for (const auto& reading : stream->batch().readings)
      if (reading.payload.dump() == mark) return;
}

void Hall::wait_until_stored() const {
  const Deadline deadline;
  while (metric("fieldcast_unstored_entries") != 0)
    if (deadline.left_ms() == 0) throw TimedOut("not stored:\n" + gateway_->process().output());
}

void Hall::publish(const Message& message) {
  publisher_->send(message);
  settle();
}

double Hall::metric(const std::string& name) const {
  std::istringstream lines(http_get(gateway_->peer(), "/metrics").body);
  std::optional<double> sum;
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(name) && (line[name.size()] == ' ' || line[name.size()] == '{'))
      sum = sum.value_or(0) + std::stod(line.substr(line.rfind(' ')));
  if (!sum) throw std::runtime_error("no metric " + name);
  return *sum;
}

std::string Hall::topic(const std::string& name) {
  return "case/" + std::to_string(++topics_) + "/" + name;
}

Hall& shared_hall() {
  if (!g_hall) g_hall.emplace();
  return *g_hall;
}

}  // namespace fieldcast::test

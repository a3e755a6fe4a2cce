#include "tests/integration/pouring.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>

namespace fieldcast::test {
namespace {

constexpr int kPublishers = 4;
constexpr int kLastPublisher = kPublishers;  // it sends the last reading only

const std::vector<std::string> kTopics{"hall/press-1/temperature",
                                       "hall/press-1/pressure",
                                       "hall/press-2/temperature",
                                       "hall/press-2/state/code",
                                       "climate/north",
                                       "climate/north/temperature",
                                       "climate/south/humidity",
                                       "yard/gate/temperature",
                                       "yard/gate/open",
                                       "yard",
                                       "hall"};

}  // namespace

std::size_t poured_readings() {
  constexpr std::size_t kUsual = 5'000;
  const char* const wanted = std::getenv("FIELDCAST_READINGS");
  return wanted ? std::max(kUsual, static_cast<std::size_t>(std::stoul(wanted))) : kUsual;
}

Pour::Pour(std::uint16_t broker_port) {
  for (int i = 0; i <= kPublishers; ++i)
    publishers_.push_back(std::make_unique<Publisher>(broker_port, "pour-" + std::to_string(i)));
}

void Pour::send_one() {
  const auto publisher = sent_ % kPublishers;
  const auto& topic = kTopics[static_cast<std::size_t>(sent_ / kPublishers) % kTopics.size()];
  publishers_[static_cast<std::size_t>(publisher)]->send(checker_.next(publisher, topic));
  ++sent_;
}

void Pour::readings(int count) {
  at_once(count);
  for (const auto& publisher : publishers_) publisher->flush();
}

void Pour::at_once(int count) {
  for (int i = 0; i < count; ++i) send_one();
}

void Pour::start() {
  thread_ = std::jthread([this](std::stop_token stop) {
    try {
      while (!stop.stop_requested()) readings(kPublishers);
    } catch (...) {
      failed_ = std::current_exception();
    }
  });
}

void Pour::end() {
  if (thread_.joinable()) {
    thread_.request_stop();
    thread_.join();
  }
  if (failed_) std::rethrow_exception(failed_);
  readings(0);
  publishers_[kLastPublisher]->publish(checker_.next(kLastPublisher, kLastTopic));
}

bool is_last(const Reading& reading) {
  return reading.payload.at("publisher") == kLastPublisher;
}

std::vector<Reading> read_to_last(StreamClient& stream) {
  std::vector<Reading> seen;
  while (seen.empty() || !is_last(seen.back()))
    for (auto& reading : stream.batch_with_readings().readings) seen.push_back(std::move(reading));
  return seen;
}

const std::vector<std::string>& filters_of(std::size_t client) {
  static const std::vector<std::vector<std::string>> filters{
      {"hall/#"}, {"+/+/temperature", "climate/#"}, {"#"}, {kLastTopic}};
  return filters[client % filters.size()];
}

Transport first_transport(std::size_t client) {
  return kTransports[client / 4];
}

Transport second_transport(std::size_t client) {
  return kTransports[(client / 4 + 1 + client % 2) % 3];
}

std::vector<Reading> part_of(const std::vector<Reading>& log, const std::vector<std::string>& filters) {
  std::vector<Reading> part;
  std::copy_if(log.begin(), log.end(), std::back_inserter(part),
               [&](const Reading& reading) { return matches_any(filters, reading.topic); });
  return part;
}

}  // namespace fieldcast::test

#include "tests/integration/pouring.hpp"

#include <stdexcept>

namespace fieldcast::test {
namespace {

constexpr int kPublishers = 4;
constexpr int kLastPublisher = kPublishers;  // it sends the last reading only
constexpr int kBurst = 10;                   // sent together, so that the pace needs 100 waits a second

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
  auto due = std::chrono::steady_clock::now();
  for (int i = 0; i < count; ++i) {
    send_one();
    if (i % kBurst != 0) continue;
    due += std::chrono::microseconds(1'000'000 * kBurst / kRate);
    std::this_thread::sleep_until(due);  // the pace of the load; nothing is waited for
  }
}

void Pour::at_once(int count) {
  for (int i = 0; i < count; ++i) send_one();
}

void Pour::end() {
  for (const auto& publisher : publishers_) publisher->flush();
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

Client::Client(std::function<std::vector<Reading>()> work)
    : thread_([this, work = std::move(work)] {
        try {
          seen_ = work();
        } catch (...) {
          failed_ = std::current_exception();
        }
      }) {}

const std::vector<Reading>& Client::seen() {
  if (thread_.joinable()) thread_.join();
  if (failed_) std::rethrow_exception(failed_);
  return seen_;
}

}  // namespace fieldcast::test

#include "bench/soak/readings.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "tests/support/checker.hpp"

namespace fieldcast::soak {
namespace {

constexpr std::uint32_t kSensors = 4, kMachines = 25;

std::string base64(const std::string& bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

/// The topic's number of reading n: a step that has no divisor in common with their number visits all.
std::uint32_t index_at(std::uint32_t n, std::uint32_t topics) {
  std::uint32_t step = 617 % topics;
  while (std::gcd(step, topics) != 1) ++step;
  return static_cast<std::uint32_t>(std::uint64_t{n} * step % topics);
}

}  // namespace

std::uint32_t Readings::halls() const {
  return (topics_ + kSensors * kMachines - 1) / (kSensors * kMachines);
}

std::string Readings::topic_at(std::uint32_t n) const {
  static constexpr std::array kNames{"temperature", "cycles", "state", "tag"};
  const std::uint32_t index = index_at(n, topics_);
  return "hall-" + std::to_string(index / (kSensors * kMachines)) + "/machine-" +
         std::to_string(index / kSensors % kMachines) + "/" + kNames[index % kSensors];
}

Reading Readings::at(std::uint32_t n) const {
  Reading reading;
  reading.topic = topic_at(n);
  std::string payload, encoding;
  switch (index_at(n, topics_) % kSensors) {
    case 0: {  // an object
      std::array<char, 128> text;
      const double shake = std::sin(n * 0.7) + std::sin(n * 0.013) * 20;
      const int size = std::snprintf(text.data(), text.size(), R"({"value":%.2f,"unit":"°C","n":%u})", 21.5 + shake, n);
      payload = reading.payload = std::string(text.data(), static_cast<std::size_t>(size));
      break;
    }
    case 1:  // a bare number
      payload = reading.payload = std::to_string(n) + ".50";
      break;
    case 2:  // text
      reading.payload = (n % 3 == 0 ? "idle since " : "running, part ") + std::to_string(n);
      payload = '"' + reading.payload + '"';
      encoding = "text";
      break;
    default:  // bytes
      reading.payload = "\xff" + std::to_string(n);
      payload = '"' + base64(reading.payload) + '"';
      encoding = "base64";
  }
  reading.wire = R"("topic":")" + reading.topic + R"(","payload":)" + payload;
  if (!encoding.empty()) reading.wire += R"(,"encoding":")" + encoding + '"';
  reading.wire += '}';
  return reading;
}

Part::Part(const Readings& readings, std::vector<std::string> filters)
    : filters_(std::move(filters)), steps_(readings.topics()) {
  const std::uint32_t topics = readings.topics();
  for (std::uint32_t n = 0; n < topics; ++n) steps_[n] = test::matches_any(filters_, readings.topic_at(n)) ? 0 : 1;
  if (std::find(steps_.begin(), steps_.end(), 0u) == steps_.end())
    throw std::invalid_argument("no topic matches " + filters_.front());
  // Twice round, so that the end knows the beginning.
  for (std::uint32_t i = 2 * topics; i-- > 0;) {
    if (steps_[i % topics] != 0) steps_[i % topics] = steps_[(i + 1) % topics] + 1;
  }
}

std::uint32_t Part::next(std::uint32_t n) const {
  return n + steps_[n % steps_.size()];
}

}  // namespace fieldcast::soak

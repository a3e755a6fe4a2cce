// What the contract tests share: statements about streams are written once and run over each transport.
// A test names the statements of docs/api.md that it holds the gateway to.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/support/hall.hpp"
#include "tests/support/stream_client.hpp"

namespace fieldcast::test {

/// Batches until `count` readings have come, without those marked as redelivered: where broker or gateway ended before
/// an acknowledgement arrived, a reading may be there again. Throws where a gap comes or more readings arrive.
inline std::vector<Reading> first_readings(StreamClient& stream, std::size_t count) {
  std::vector<Reading> found;
  while (found.size() < count)
    for (auto& reading : stream.batch_with_readings().readings)
      if (!reading.redelivered) found.push_back(std::move(reading));
  if (found.size() > count) throw std::runtime_error("more readings than were published");
  return found;
}

/// The bytes of all batches until `count` readings have come.
inline std::vector<std::string> raw_batches(const Hall& hall, Transport transport, const Query& query,
                                            std::size_t count) {
  const auto stream = hall.open(transport, query);
  std::vector<std::string> found;
  for (std::size_t readings = 0; readings < count;) {
    const auto batch = stream->batch();
    readings += batch.readings.size();
    found.push_back(batch.raw);
  }
  return found;
}

/// The wall clock, in milliseconds since 1970, as the `time` of a reading.
inline std::int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

/// The payloads of readings that are whole numbers.
inline std::vector<int> numbers(const std::vector<Reading>& readings) {
  std::vector<int> found;
  for (const auto& reading : readings) found.push_back(reading.payload.get<int>());
  return found;
}

/// Of the gateway that the tests share.
inline std::uint16_t port() {
  return shared_hall().port();
}

/// RFC 3339, from Unix ms.
inline std::string rfc3339(std::int64_t ms, int offset_hours = 0) {
  const std::time_t seconds = ms / 1000 + offset_hours * 3600;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[64], zone[16];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(zone, sizeof zone, "%+03d:00", offset_hours);
  char fraction[8];
  std::snprintf(fraction, sizeof fraction, ".%03d", static_cast<int>(ms % 1000));
  return std::string(text) + fraction + (offset_hours == 0 ? "Z" : zone);
}

/// A test of one statement, over the transport that is its parameter.
class OverTransports : public ::testing::TestWithParam<Transport> {
 protected:
  Hall& hall() { return shared_hall(); }
  std::unique_ptr<StreamClient> open(const Query& query) { return hall().open(GetParam(), query); }
};

/// The same with a table of cases: each over each transport. A case has a member `name` of letters and digits.
template <class Case>
class CasesOverTransports : public ::testing::TestWithParam<std::tuple<Case, Transport>> {
 protected:
  const Case& tested() { return std::get<0>(this->GetParam()); }
  Transport transport() { return std::get<1>(this->GetParam()); }
  Hall& hall() { return shared_hall(); }
  std::unique_ptr<StreamClient> open(const Query& query) { return hall().open(transport(), query); }
};

inline auto each_transport() {
  return ::testing::ValuesIn(kTransports);
}

inline std::string transport_name(const ::testing::TestParamInfo<Transport>& info) {
  return to_string(info.param);
}

template <class Case>
std::string case_name(const ::testing::TestParamInfo<std::tuple<Case, Transport>>& info) {
  return std::get<0>(info.param).name + "_" + to_string(std::get<1>(info.param));
}

}  // namespace fieldcast::test

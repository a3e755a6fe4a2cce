// [F-7], [F-2] to [F-6]: clients that connect while readings pour in see no seam between what was stored and
// what comes live.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <iterator>
#include <string>
#include <vector>

#include "tests/integration/pouring.hpp"

namespace fieldcast::test {
namespace {

const std::vector<std::string> kFilters{"hall/#", "climate/+", "+/gate/#"};

std::string rfc3339(std::int64_t ms) {
  const std::time_t seconds = ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.", &parts);
  const auto fraction = std::to_string(1000 + ms % 1000).substr(1);
  return text + fraction + "Z";
}

/// Reads to the end of the pour; the first `snapshot` readings are of the snapshot.
std::vector<Reading> read_from_latest(StreamClient& stream, std::size_t& snapshot) {
  std::vector<Reading> seen;
  for (bool inside = true; seen.empty() || !is_last(seen.back());) {
    auto batch = stream.batch();
    if (batch.gap) throw std::runtime_error("a gap: " + batch.raw.substr(0, 500));
    if (batch.snapshot && !inside) throw std::runtime_error("a snapshot behind its end");
    inside = batch.snapshot;
    for (auto& reading : batch.readings) seen.push_back(std::move(reading));
    if (inside) snapshot = seen.size();
  }
  return seen;
}

TEST(Seam, IsNotSeenByClientsThatConnectWhileReadingsPourIn) {
  Hall hall;
  Pour pour(hall.broker().port());
  const auto start = hall.open(Transport::poll, {kFilters, "", ""})->batch().cursor;

  struct Joined {
    std::string from;
    std::int64_t time = 0;
    std::uint64_t behind = 0;  // a cursor: the seq of the reading that it names
    std::size_t snapshot = 0;
    std::unique_ptr<Client> client;
  };
  std::vector<std::unique_ptr<Joined>> joined;
  const auto join = [&](Transport transport, const std::string& from) -> Joined& {
    auto& one = *joined.emplace_back(std::make_unique<Joined>());
    one.from = from;
    one.client = std::make_unique<Client>([&one, transport, from, port = hall.port()] {
      const auto stream = open_stream(transport, port, {kFilters, from, ""});
      return from == "latest" ? read_from_latest(*stream, one.snapshot) : read_to_last(*stream);
    });
    return one;
  };
  for (int round = 0; round < 4; ++round) {
    pour.readings(kRate);
    const auto recent = hall.open(Transport::poll, {kFilters, start, "&limit=100"})->batch_with_readings();
    for (const auto transport : kTransports) {
      join(transport, "oldest");
      join(transport, "latest");
      join(transport, rfc3339(recent.readings.back().time)).time = recent.readings.back().time;
      join(transport, recent.cursor).behind = recent.readings.back().seq;
    }
  }
  pour.readings(kRate);
  pour.end();

  const auto log = read_to_last(*hall.open(Transport::events, {kFilters, start, ""}));
  EXPECT_EQ(pour.checker().fault(kFilters, log), "");
  for (const auto& one : joined) {
    SCOPED_TRACE(one->from);
    auto seen = one->client->seen();
    std::vector<Reading> due;
    const auto after = [&](auto wanted) { std::copy_if(log.begin(), log.end(), std::back_inserter(due), wanted); };
    if (one->from == "latest") {
      // Between the newest of the snapshot and the head at which it began are only readings that a newer one of their
      // topic replaced before the snapshot came to them; on a slow machine that may be all.
      const auto newest = one->snapshot == 0 ? 0 : seen[one->snapshot - 1].seq;
      seen.erase(seen.begin(), seen.begin() + static_cast<std::ptrdiff_t>(one->snapshot));
      const auto replaced = [&](const Reading& old) {
        return !seen.empty() && old.seq < seen.front().seq &&
               std::any_of(seen.begin(), seen.end(),
                           [&](const Reading& reading) { return reading.topic == old.topic; });
      };
      after([&](const Reading& reading) { return reading.seq > newest && !replaced(reading); });
    } else {
      after([&](const Reading& reading) { return reading.time >= one->time && reading.seq > one->behind; });
    }
    EXPECT_EQ(difference(due, seen), "");
  }
}

}  // namespace
}  // namespace fieldcast::test

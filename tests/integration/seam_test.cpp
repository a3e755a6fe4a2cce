// [F-7], [F-2] to [F-6]: clients that connect while readings pour in see no seam between what was stored and
// what comes live, wherever it is stored; neither do those that are cut in the middle and go on from their last batch.
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <iterator>
#include <string>
#include <vector>

#include "tests/integration/pouring.hpp"

namespace fieldcast::test {
namespace {

constexpr int kRounds = 4;
constexpr int kReadingsARound = 1'200;  // more than two batches of a replay
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

/// A stream that is cut once, after so many batches, and goes on over another transport.
class CutStream {
 public:
  CutStream(std::uint16_t port, std::size_t transport, std::string from, std::size_t cut_after)
      : port_(port), transport_(transport), cut_after_(cut_after), query_{kFilters, std::move(from), ""} {
    open();
  }

  Batch next() {
    if (batches_++ == cut_after_) {
      stream_->cut();
      query_.from = stream_->cursor();
      ++transport_;
      open();
    }
    auto batch = stream_->batch();
    if (batch.gap) throw std::runtime_error("a gap: " + batch.raw.substr(0, 500));
    return batch;
  }

 private:
  void open() { stream_ = open_stream(kTransports[transport_ % 3], port_, query_); }

  std::uint16_t port_;
  std::size_t transport_, cut_after_, batches_ = 0;
  Query query_;
  std::unique_ptr<StreamClient> stream_;
};

struct SeenFrom {
  std::vector<Reading> readings;
  std::size_t snapshot = 0;  // so many of them are of the snapshot
};

/// Reads to the end of the pour.
SeenFrom read(CutStream stream) {
  SeenFrom seen;
  for (bool inside = true; seen.readings.empty() || !is_last(seen.readings.back());) {
    auto batch = stream.next();
    if (batch.snapshot && !inside) throw std::runtime_error("a snapshot behind its end");
    inside = batch.snapshot;
    for (auto& reading : batch.readings) seen.readings.push_back(std::move(reading));
    if (inside) seen.snapshot = seen.readings.size();
  }
  return seen;
}

struct Joined {
  std::string from;
  std::int64_t time = 0;
  std::uint64_t behind = 0;  // a cursor: the seq of the reading that it names
  std::unique_ptr<Client<SeenFrom>> client;
};

/// What of the log such a client is to see behind its snapshot.
std::vector<Reading> due(const std::vector<Reading>& log, const Joined& joined, const SeenFrom& seen) {
  std::vector<Reading> found;
  const auto after = [&](auto wanted) { std::copy_if(log.begin(), log.end(), std::back_inserter(found), wanted); };
  if (joined.from != "latest") {
    after([&](const Reading& reading) { return reading.time >= joined.time && reading.seq > joined.behind; });
    return found;
  }
  // Between the newest of the snapshot and the head at which it began are only readings that a newer one of their
  // topic replaced before the snapshot came to them; on a slow machine that may be all.
  const auto newest = seen.snapshot == 0 ? 0 : seen.readings[seen.snapshot - 1].seq;
  const auto live = seen.readings.begin() + static_cast<std::ptrdiff_t>(seen.snapshot);
  const auto replaced = [&](const Reading& old) {
    return live != seen.readings.end() && old.seq < live->seq &&
           std::any_of(live, seen.readings.end(), [&](const Reading& reading) { return reading.topic == old.topic; });
  };
  after([&](const Reading& reading) { return reading.seq > newest && !replaced(reading); });
  return found;
}

class Seam : public OverSettings {};

TEST_P(Seam, IsNotSeenByClientsThatConnectWhileReadingsPourIn) {
  Hall hall(GetParam().options());
  Pour pour(hall.broker().port());
  const auto start = hall.open(Transport::poll, {kFilters, "", ""})->batch().cursor;

  std::vector<Joined> joined;
  const auto join = [&](std::size_t transport, const std::string& from) -> Joined& {
    const auto cut_after = 1 + joined.size() % 4;
    joined.push_back({from, 0, 0, std::make_unique<Client<SeenFrom>>([=, port = hall.port()] {
                        return read(CutStream(port, transport, from, cut_after));
                      })});
    return joined.back();
  };
  pour.readings(kReadingsARound);
  pour.start();
  for (int round = 0; round < kRounds; ++round) {
    // Somewhere in the middle of history.
    const auto limit = std::to_string(100 + 350 * round);
    const auto recent = hall.open(Transport::poll, {kFilters, start, "&limit=" + limit})->batch_with_readings();
    for (std::size_t transport = 0; transport < 3; ++transport) {
      join(transport, "oldest");
      join(transport, "latest");
      join(transport, rfc3339(recent.readings.back().time)).time = recent.readings.back().time;
      join(transport, recent.cursor).behind = recent.readings.back().seq;
    }
    hall.open(Transport::events, {{"hall/#"}, "", ""})->batch_with_readings();  // it pours on
  }
  pour.end();

  const auto log = read_to_last(*hall.open(Transport::events, {kFilters, start, ""}));
  EXPECT_EQ(pour.checker().fault(kFilters, log), "");
  for (const auto& one : joined) {
    SCOPED_TRACE(one.from);
    const auto& seen = one.client->seen();
    const auto live =
        std::vector(seen.readings.begin() + static_cast<std::ptrdiff_t>(seen.snapshot), seen.readings.end());
    EXPECT_EQ(difference(due(log, one, seen), live), "");
  }
}

INSTANTIATE_TEST_SUITE_P(Settings, Seam, ::testing::Values(Setting{false, 4}, Setting{true, 2}), setting_name);

}  // namespace
}  // namespace fieldcast::test

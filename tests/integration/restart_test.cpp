// [C-2], [C-4], [G-4], [D-1]: twelve clients on three transports while readings pour in and the gateway is stopped or
// killed in the middle; each comes back on another transport with its cursor.
#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <string>
#include <vector>

#include "tests/integration/pouring.hpp"
#include "tests/support/socket.hpp"

namespace fieldcast::test {
namespace {

/// What a client saw, and the gaps, each with the number of readings before it.
struct Seen {
  std::vector<Reading> readings;
  std::vector<std::pair<std::size_t, Gap>> gaps;

  void take(Batch batch) {
    if (batch.gap) gaps.emplace_back(readings.size(), *batch.gap);
    for (auto& reading : batch.readings) readings.push_back(std::move(reading));
  }
  bool ended() const { return !readings.empty() && is_last(readings.back()); }
};

/// To the end of the pour.
Seen read_all(StreamClient& stream) {
  Seen seen;
  while (!seen.ended()) seen.take(stream.batch());
  return seen;
}

/// Reads until the gateway ends the stream, and from `back` on, over the second transport, to the end of the pour.
Seen follow(std::uint16_t port, std::size_t client, const std::string& from, const std::shared_future<void>& back) {
  Query query{filters_of(client), from, ""};
  auto stream = open_stream(first_transport(client), port, query);
  Seen seen;
  try {
    while (auto batch = stream->next()) seen.take(std::move(*batch));
  } catch (const EndOfStream&) {
    // killed
  }
  if (back.wait_until(Deadline().at()) != std::future_status::ready) throw TimedOut("the gateway did not come back");
  if (!stream->cursor().empty()) query.from = stream->cursor();
  stream = open_stream(second_transport(client), port, query);
  while (!seen.ended()) seen.take(stream->batch());
  return seen;
}

/// The hall, its twelve clients and what pours in.
class Restarted {
 public:
  explicit Restarted(const Setting& setting)
      : hall_(setting.options()),
        pour_(hall_.broker().port()),
        start_(hall_.open(Transport::poll, {{"#"}, "", ""})->batch().cursor) {
    const auto back = back_.get_future().share();
    for (std::size_t i = 0; i < kClients; ++i)
      clients_.push_back(std::make_unique<Client<Seen>>(
          [=, port = hall_.port(), start = start_] { return follow(port, i, start, back); }));
    pour_.start();
    wait_for_readings("oldest");
  }

  /// The gateway is gone: starts it again and ends the pour later.
  void go_on() {
    hall_.gateway().start();
    back_.set_value();
    wait_for_readings("now");
    pour_.end();
  }

  Hall& hall() { return hall_; }
  const Checker& checker() const { return pour_.checker(); }
  const Seen& client(std::size_t number) { return clients_[number]->seen(); }

  /// All of the log since the clients began.
  Seen log() const { return read_all(*hall_.open(Transport::websocket, {{"#"}, start_, ""})); }

 private:
  void wait_for_readings(const std::string& from) {
    const auto stream = hall_.open(Transport::events, {{"#"}, from, ""});
    for (std::size_t count = 0; count < poured_readings() / 2;) count += stream->batch().readings.size();
  }

  Hall hall_;
  Pour pour_;
  std::string start_;
  std::promise<void> back_;
  std::vector<std::unique_ptr<Client<Seen>>> clients_;
};

class RestartedGateway : public OverSettings {
 protected:
  // A broker that finds the connection ended before it has read the last acknowledgements sends those readings again,
  // also after a clean stop: they are in the journal, and are left out.
  void expect_no_seam(Restarted& restarted) {
    const auto log = restarted.log();
    EXPECT_TRUE(log.gaps.empty());
    EXPECT_EQ(restarted.checker().fault({"#"}, log.readings), "");
    for (std::size_t i = 0; i < kClients; ++i) {
      const auto& seen = restarted.client(i);
      EXPECT_TRUE(seen.gaps.empty()) << "client " << i << ": " << seen.gaps[0].second.reason;
      EXPECT_EQ(difference(part_of(log.readings, filters_of(i)), seen.readings), "") << "client " << i;
    }
  }
};

TEST_P(RestartedGateway, ThatWasStoppedHasNoSeam) {
  Restarted restarted(GetParam());
  restarted.hall().gateway().terminate();
  EXPECT_EQ(restarted.hall().gateway().process().wait_for_exit(), 0);
  restarted.go_on();
  expect_no_seam(restarted);
}

TEST_P(RestartedGateway, ThatWasKilledHasNoSeam) {
  Restarted restarted(GetParam());
  restarted.hall().gateway().kill();
  restarted.go_on();
  expect_no_seam(restarted);
}

// As in a power cut: what was not on disk yet is lost, though it was acknowledged and clients had seen it.
TEST_P(RestartedGateway, ThatLostItsMemorySaysSo) {
  Restarted restarted(GetParam());
  const Deadline deadline;
  while (restarted.hall().metric("fieldcast_stored_entries_total") < 100) ASSERT_GT(deadline.left_ms(), 0);
  restarted.hall().gateway().kill();
  restarted.hall().gateway().lose_journal();
  restarted.go_on();

  const auto log = restarted.log();
  ASSERT_EQ(log.gaps.size(), 1u);
  EXPECT_EQ(log.gaps[0].second.reason, "storage");
  const auto first = log.readings.begin() + static_cast<std::ptrdiff_t>(log.gaps[0].first);
  const std::vector<Reading> stored(log.readings.begin(), first), rest(first, log.readings.end());
  EXPECT_EQ(restarted.checker().fault_but_gap({"#"}, log.readings, stored.size(), Checker::Repeats::marked), "");
  ASSERT_FALSE(stored.empty());
  ASSERT_FALSE(rest.empty());
  EXPECT_GT(rest.front().seq, stored.back().seq + 100'000) << "the log jumps ahead of all that may have been lost";
  for (std::size_t i = 0; i < kClients; ++i) {
    SCOPED_TRACE(i);
    const auto& seen = restarted.client(i);
    ASSERT_EQ(seen.gaps.size(), 1u);
    EXPECT_EQ(seen.gaps[0].second.reason, "storage");
    EXPECT_FALSE(seen.gaps[0].second.missed);
    // Before the gap all that was stored, and perhaps more, which is lost by now; behind it all the rest.
    const auto gap = seen.readings.begin() + static_cast<std::ptrdiff_t>(seen.gaps[0].first);
    std::vector<Reading> before(seen.readings.begin(), gap), stored_part = part_of(stored, filters_of(i));
    ASSERT_GE(before.size(), stored_part.size());
    EXPECT_EQ(restarted.checker().fault_but_gap(filters_of(i), seen.readings, before.size(), Checker::Repeats::marked),
              "");
    before.resize(stored_part.size());
    EXPECT_EQ(difference(stored_part, before), "");
    EXPECT_EQ(difference(part_of(rest, filters_of(i)), {gap, seen.readings.end()}), "");
  }
}

INSTANTIATE_TEST_SUITE_P(Settings, RestartedGateway, ::testing::Values(Setting{false, 2}, Setting{true, 4}),
                         setting_name);

}  // namespace
}  // namespace fieldcast::test

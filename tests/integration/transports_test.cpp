// [C-2], [F-7]: twelve clients on three transports while readings pour in; each is cut in the middle and comes
// back on another transport with its cursor, and has seen exactly its readings, once, in order.
#include <gtest/gtest.h>

#include <future>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/integration/pouring.hpp"

namespace fieldcast::test {
namespace {

std::vector<Reading> cut_and_come_back(std::uint16_t port, std::size_t client, const std::string& from,
                                       std::promise<void>& cut) {
  Query query{filters_of(client), from, ""};
  // At different moments; one topic has an eleventh of them all.
  const auto cut_after = (query.topics.front() == kLastTopic ? 20 : 100) * (1 + client);
  auto stream = open_stream(first_transport(client), port, query);
  std::vector<Reading> seen;
  while (seen.size() < cut_after)
    for (auto& reading : stream->batch_with_readings().readings) seen.push_back(std::move(reading));
  stream->cut();
  cut.set_value();
  query.from = stream->cursor();
  stream = open_stream(second_transport(client), port, query);
  auto rest = read_to_last(*stream);
  seen.insert(seen.end(), std::make_move_iterator(rest.begin()), std::make_move_iterator(rest.end()));
  return seen;
}

struct CutClients {
  std::vector<std::unique_ptr<Client<>>> each;
  std::vector<std::future<void>> cuts;

  /// Waits until all of them were cut: the reading that ends a client must not be on its way before.
  void wait_for_cuts() const {
    const Deadline deadline;
    for (const auto& cut : cuts) {
      if (cut.wait_until(deadline.at()) != std::future_status::ready) throw TimedOut("a client was not cut");
    }
  }
};

CutClients twelve_clients(std::uint16_t port, const std::string& from) {
  CutClients clients;
  for (std::size_t i = 0; i < kClients; ++i) {
    const auto cut = std::make_shared<std::promise<void>>();
    clients.cuts.push_back(cut->get_future());
    clients.each.push_back(std::make_unique<Client<>>([=] { return cut_and_come_back(port, i, from, *cut); }));
  }
  return clients;
}

class TwelveClients : public OverSettings {};

TEST_P(TwelveClients, SeeExactlyTheirReadingsAcrossTransports) {
  Hall hall(GetParam().options());
  Pour pour(hall.broker().port());
  const auto start = hall.open(Transport::poll, {{"#"}, "", ""})->batch().cursor;
  const auto clients = twelve_clients(hall.port(), start);
  pour.readings(static_cast<int>(poured_readings()));
  clients.wait_for_cuts();
  pour.end();
  for (std::size_t i = 0; i < kClients; ++i)
    EXPECT_EQ(pour.checker().fault(filters_of(i), clients.each[i]->seen()), "") << "client " << i;
}

TEST_P(TwelveClients, SeeTheLogExactlyAcrossARestartOfTheBroker) {
  Hall hall(GetParam().options());
  Pour pour(hall.broker().port());
  const auto start = hall.open(Transport::poll, {{"#"}, "", ""})->batch().cursor;
  const auto clients = twelve_clients(hall.port(), start);
  pour.readings(static_cast<int>(poured_readings() / 2));
  hall.broker().stop();
  pour.at_once(100);
  hall.broker().start();
  pour.readings(static_cast<int>(poured_readings() / 2));
  clients.wait_for_cuts();
  pour.end();
  // The log holds all that was acknowledged, and each client its part of the log.
  const auto log = read_to_last(*hall.open(Transport::websocket, {{"#"}, start, ""}));
  EXPECT_EQ(pour.checker().fault({"#"}, log, Checker::Repeats::of_retries), "");
  for (std::size_t i = 0; i < kClients; ++i)
    EXPECT_EQ(difference(part_of(log, filters_of(i)), clients.each[i]->seen()), "") << "client " << i;
}

INSTANTIATE_TEST_SUITE_P(Settings, TwelveClients, ::testing::Values(Setting{false, 4}, Setting{true, 1}), setting_name);

}  // namespace
}  // namespace fieldcast::test

// [C-2], [F-7]: twelve clients on three transports while readings pour in; each is cut in the middle and comes
// back on another transport with its cursor, and has seen exactly its readings, once, in order.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "tests/integration/pouring.hpp"

namespace fieldcast::test {
namespace {

const std::vector<std::vector<std::string>> kFilters{
    {"hall/#"}, {"+/+/temperature", "climate/#"}, {"#"}, {"hall/press-1/temperature"}};
constexpr int kReadings = 5 * kRate;

std::vector<Reading> cut_and_come_back(std::uint16_t port, Transport first, Transport second, const Query& query,
                                       std::size_t cut_after) {
  auto stream = open_stream(first, port, query);
  std::vector<Reading> seen;
  while (seen.size() < cut_after)
    for (auto& reading : stream->batch_with_readings().readings) seen.push_back(std::move(reading));
  if (is_last(seen.back())) throw std::runtime_error("it was to be cut before the end");
  stream->cut();
  auto again = query;
  again.from = stream->cursor();
  stream = open_stream(second, port, again);
  auto rest = read_to_last(*stream);
  seen.insert(seen.end(), std::make_move_iterator(rest.begin()), std::make_move_iterator(rest.end()));
  return seen;
}

/// Four clients on each transport, cut at different moments.
std::vector<std::unique_ptr<Client>> twelve_clients(std::uint16_t port, const std::string& from) {
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 0; i < 12; ++i) {
    const auto first = kTransports[i / 4], second = kTransports[(i / 4 + 1 + i % 2) % 3];
    const auto& filters = kFilters[i % 4];
    const auto cut_after = (filters == kFilters[3] ? 20 : 100) * (1 + i);  // one topic has an eleventh of them all
    clients.push_back(std::make_unique<Client>(
        [=, query = Query{filters, from, ""}] { return cut_and_come_back(port, first, second, query, cut_after); }));
  }
  return clients;
}

TEST(TwelveClients, SeeExactlyTheirReadingsAcrossTransports) {
  Hall hall;
  Pour pour(hall.broker().port());
  const auto start = hall.open(Transport::poll, {{"#"}, "", ""})->batch().cursor;
  const auto clients = twelve_clients(hall.port(), start);
  pour.readings(kReadings);
  pour.end();
  for (std::size_t i = 0; i < clients.size(); ++i)
    EXPECT_EQ(pour.checker().fault(kFilters[i % 4], clients[i]->seen()), "") << "client " << i;
}

TEST(TwelveClients, SeeTheLogExactlyAcrossARestartOfTheBroker) {
  Hall hall;
  Pour pour(hall.broker().port());
  const auto start = hall.open(Transport::poll, {{"#"}, "", ""})->batch().cursor;
  const auto clients = twelve_clients(hall.port(), start);
  pour.readings(kReadings / 2);
  hall.broker().stop();
  pour.at_once(100);
  hall.broker().start();
  pour.readings(kReadings / 2);
  pour.end();
  // The log holds all that was acknowledged, and each client its part of the log.
  const auto log = read_to_last(*hall.open(Transport::websocket, {{"#"}, start, ""}));
  EXPECT_EQ(pour.checker().fault({"#"}, log, Checker::Repeats::of_retries), "");
  for (std::size_t i = 0; i < clients.size(); ++i) {
    std::vector<Reading> part;
    std::copy_if(log.begin(), log.end(), std::back_inserter(part),
                 [&](const Reading& reading) { return matches_any(kFilters[i % 4], reading.topic); });
    EXPECT_EQ(difference(part, clients[i]->seen()), "") << "client " << i;
  }
}

}  // namespace
}  // namespace fieldcast::test

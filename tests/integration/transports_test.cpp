// [C-2], [F-7]: twelve clients on three transports while readings pour in; each is cut in the middle and comes
// back on another transport with its cursor, and has seen exactly its readings, once, in order.
#include <gtest/gtest.h>

#include <iterator>
#include <string>
#include <vector>

#include "tests/integration/pouring.hpp"

namespace fieldcast::test {
namespace {

std::vector<Reading> cut_and_come_back(std::uint16_t port, std::size_t client, const std::string& from) {
  Query query{filters_of(client), from, ""};
  // At different moments; one topic has an eleventh of them all.
  const auto cut_after = (query.topics.front() == kLastTopic ? 20 : 100) * (1 + client);
  auto stream = open_stream(first_transport(client), port, query);
  std::vector<Reading> seen;
  while (seen.size() < cut_after)
    for (auto& reading : stream->batch_with_readings().readings) seen.push_back(std::move(reading));
  if (is_last(seen.back())) throw std::runtime_error("it was to be cut before the end");
  stream->cut();
  query.from = stream->cursor();
  stream = open_stream(second_transport(client), port, query);
  auto rest = read_to_last(*stream);
  seen.insert(seen.end(), std::make_move_iterator(rest.begin()), std::make_move_iterator(rest.end()));
  return seen;
}

std::vector<std::unique_ptr<Client<>>> twelve_clients(std::uint16_t port, const std::string& from) {
  std::vector<std::unique_ptr<Client<>>> clients;
  for (std::size_t i = 0; i < kClients; ++i)
    clients.push_back(std::make_unique<Client<>>([=] { return cut_and_come_back(port, i, from); }));
  return clients;
}

class TwelveClients : public OverSettings {};

TEST_P(TwelveClients, SeeExactlyTheirReadingsAcrossTransports) {
  Hall hall(GetParam().options());
  Pour pour(hall.broker().port());
  const auto start = hall.open(Transport::poll, {{"#"}, "", ""})->batch().cursor;
  const auto clients = twelve_clients(hall.port(), start);
  pour.readings(static_cast<int>(poured_readings()));
  pour.end();
  for (std::size_t i = 0; i < clients.size(); ++i)
    EXPECT_EQ(pour.checker().fault(filters_of(i), clients[i]->seen()), "") << "client " << i;
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
  pour.end();
  // The log holds all that was acknowledged, and each client its part of the log.
  const auto log = read_to_last(*hall.open(Transport::websocket, {{"#"}, start, ""}));
  EXPECT_EQ(pour.checker().fault({"#"}, log, Checker::Repeats::of_retries), "");
  for (std::size_t i = 0; i < clients.size(); ++i)
    EXPECT_EQ(difference(part_of(log, filters_of(i)), clients[i]->seen()), "") << "client " << i;
}

INSTANTIATE_TEST_SUITE_P(Settings, TwelveClients, ::testing::Values(Setting{false, 4}, Setting{true, 1}), setting_name);

}  // namespace
}  // namespace fieldcast::test

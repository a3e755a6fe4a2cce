// Streams, hub and views over the real log: what the simulation's schedules do not count.
#include "tests/unit/gateway_stream_fixture.hpp"

namespace fieldcast {
namespace {

using test::Reader;
using test::StreamTest;

TEST_F(StreamTest, ALongReplayGivesWayHoweverFastItIsRead) {
  for (std::size_t i = 0; i < 10 * kPageEntries; ++i) append("a");
  Reader reader(hub);
  ASSERT_EQ(reader.stream.begin(FilterSet({"a"}), from(From::Kind::oldest), std::nullopt), std::nullopt);
  std::size_t batches = 0, turns = 0, readings = 0;
  for (int told = -1; told != reader.told; ++turns) {
    told = reader.told;
    std::size_t in_turn = 0;
    while (const auto batch = reader.stream.next()) {
      ++in_turn;
      readings += batch->readings;
    }
    EXPECT_LE(in_turn, kChunksPerTurn);
    batches += in_turn;
    run();
  }
  EXPECT_EQ(readings, 10 * kPageEntries);
  EXPECT_GE(batches, 10u);
  EXPECT_GT(turns, 2u);
}

TEST_F(StreamTest, ManyThatCatchUpTakeTurnsAndHoldUpNoLiveStream) {
  for (std::size_t i = 0; i < 10 * kPageEntries; ++i) append("a");
  Reader live(hub);
  ASSERT_EQ(live.stream.begin(FilterSet({"a"}), From{}, std::nullopt), std::nullopt);
  while (live.stream.next()) {
  }
  std::vector<std::unique_ptr<Reader>> late;
  for (std::size_t i = 0; i < 3 * kReadersPerTurn; ++i) {
    late.push_back(std::make_unique<Reader>(hub));
    ASSERT_EQ(late.back()->stream.begin(FilterSet({"a"}), from(From::Kind::oldest), std::nullopt), std::nullopt);
    while (late.back()->stream.next()) {
    }
  }
  const auto told = [&] {
    std::size_t sum = 0;
    for (const auto& reader : late) sum += static_cast<std::size_t>(reader->told);
    return sum;
  };
  append("a");
  hub.run();
  EXPECT_EQ(live.told, 1);
  EXPECT_EQ(told(), kReadersPerTurn);
  hub.run();
  hub.run();
  for (const auto& reader : late) EXPECT_EQ(reader->told, 1) << "each in its turn";
  late.erase(late.begin(), late.begin() + 2);  // those that have gone are told nothing
  run();
}

TEST_F(StreamTest, ClientsOfOneFilterSetShareOneEncoding) {
  std::vector<std::unique_ptr<Reader>> readers;
  for (int i = 0; i < 100; ++i) {
    readers.push_back(std::make_unique<Reader>(hub));
    const FilterSet filters(i % 2 == 0 ? std::vector<std::string>{"a/#", "b"}
                                       : std::vector<std::string>{"b", "a/#", "b"});
    ASSERT_EQ(readers.back()->stream.begin(filters, From{}, std::nullopt), std::nullopt);
    ASSERT_NE(readers.back()->stream.next(), nullptr);
    ASSERT_EQ(readers.back()->stream.next(), nullptr);
  }
  append("a/1");
  append("b");
  hub.run();
  const auto first = readers[0]->stream.next();
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first->readings, 2u);
  for (std::size_t i = 1; i < readers.size(); ++i) {
    EXPECT_EQ(readers[i]->told, 1);
    EXPECT_EQ(readers[i]->stream.next(), first) << "the same bytes";
  }
  EXPECT_EQ(counters.encodings.value(), 1u);
  EXPECT_EQ(counters.views.value(), 1u);
}

TEST_F(StreamTest, AllViewsTogetherKeepTheirBound) {
  limits.view_bytes = 50'000;
  std::vector<std::unique_ptr<Reader>> readers;
  for (const std::string filter : {"a", "b", "#"}) {
    readers.push_back(std::make_unique<Reader>(hub));
    ASSERT_EQ(readers.back()->stream.begin(FilterSet({filter}), From{}, std::nullopt), std::nullopt);
    readers.back()->stream.next();
    readers.back()->stream.next();
  }
  for (int i = 0; i < 200; ++i) {
    append(i % 2 == 0 ? "a" : "b", std::string(1'000, '1'));
    hub.run();
    EXPECT_LE(counters.view_bytes.value(), limits.view_bytes);
  }
  // Those that did not read meanwhile get all of it from the log.
  std::size_t readings = 0;
  for (int told = -1; told != readers[2]->told; run()) {
    told = readers[2]->told;
    while (const auto batch = readers[2]->stream.next()) {
      EXPECT_EQ(batch->json.find("\"gap\""), std::string::npos);
      readings += batch->readings;
    }
  }
  EXPECT_EQ(readings, 200u);
}

TEST_F(StreamTest, ViewsHaveALimitAndAreForgottenWhenNobodyUsesThem) {
  limits.views = 2;
  const auto open = [&](const std::string& filter) {
    auto reader = std::make_unique<Reader>(hub);
    const auto problem = reader->stream.begin(FilterSet({filter}), From{}, std::nullopt);
    EXPECT_TRUE(!problem || problem->code == Code::too_many);
    return problem ? nullptr : std::move(reader);
  };
  auto a = open("a"), b = open("b");
  ASSERT_TRUE(a && b);
  EXPECT_EQ(open("c"), nullptr);
  EXPECT_NE(open("a"), nullptr) << "a view that is there";
  b.reset();
  EXPECT_NE(open("c"), nullptr) << "in the place of one without clients";
  EXPECT_EQ(counters.views.value(), 2u);
  clock.steady += kViewKept;
  hub.tick();
  EXPECT_EQ(counters.views.value(), 1u) << "c has no client any more";
}

TEST_F(StreamTest, PollsThatComeBackTogetherGetTheSameBytes) {
  const Stream::Options poll{Transport::poll, kPageEntries, true};
  std::string cursor;
  {
    Reader first(hub, poll);
    ASSERT_EQ(first.stream.begin(FilterSet({"a"}), From{}, std::nullopt), std::nullopt);
    cursor = first.stream.next()->cursor();
  }
  for (int i = 0; i < 3; ++i) {
    append("a");
    hub.run();
  }
  From back;
  back.kind = From::Kind::cursor;
  back.cursor = *parse_cursor(cursor);
  const auto come_back = [&] {
    Reader reader(hub, poll);
    EXPECT_EQ(reader.stream.begin(FilterSet({"a"}), back, std::nullopt), std::nullopt);
    return reader.stream.next();
  };
  const auto batch = come_back();
  ASSERT_NE(batch, nullptr);
  EXPECT_EQ(batch->readings, 3u);
  EXPECT_EQ(come_back(), batch);
  EXPECT_EQ(counters.encodings.value(), 3u) << "as they came, not again";
  // The same as a page of the log.
  Reader websocket(hub);
  ASSERT_EQ(websocket.stream.begin(FilterSet({"a"}), back, std::nullopt), std::nullopt);
  EXPECT_EQ(websocket.stream.next()->json, batch->json);
}

TEST_F(StreamTest, APollBehindTheMiddleOfABatchGetsTheRestOfIt) {
  Reader live(hub);
  ASSERT_EQ(live.stream.begin(FilterSet({"a"}), From{}, std::nullopt), std::nullopt);
  live.stream.next();
  live.stream.next();
  for (int i = 0; i < 4; ++i) append("a", std::to_string(i));
  hub.run();
  ASSERT_EQ(live.stream.next()->readings, 4u);
  From middle;
  middle.kind = From::Kind::cursor;
  middle.cursor = {log.tag(), log.head() - 2, std::nullopt};
  Reader poll(hub, {Transport::poll, kPageEntries, true});
  ASSERT_EQ(poll.stream.begin(FilterSet({"a"}), middle, std::nullopt), std::nullopt);
  const auto rest = poll.stream.next();
  ASSERT_NE(rest, nullptr);
  EXPECT_EQ(rest->readings, 2u) << rest->json;
}

}  // namespace
}  // namespace fieldcast

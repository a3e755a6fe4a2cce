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

// Clients that ask for all there is and do not read cost a page each, and later ones a small one.
TEST_F(StreamTest, PagesThatNobodyReadsBecomeSmall) {
  for (int i = 0; i < 400; ++i) append("a", '"' + std::string(1'000, 'x') + '"');
  run();
  std::vector<std::unique_ptr<Reader>> readers;
  std::vector<std::shared_ptr<const Batch>> unread;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < 1'000; ++i) {
    readers.push_back(std::make_unique<Reader>(hub));
    ASSERT_EQ(readers.back()->stream.begin(FilterSet({"a"}), from(From::Kind::oldest), std::nullopt), std::nullopt);
    auto page = readers.back()->stream.next();
    for (int turn = 0; !page && turn < 100; ++turn) {  // it gave way to others
      run();
      page = readers.back()->stream.next();
    }
    ASSERT_TRUE(page);
    bytes += page->bytes();
    unread.push_back(std::move(page));
  }
  EXPECT_LT(bytes, kPagesBytes + limits.batch_bytes + 1'000 * (kSmallPageBytes + sizeof(Batch) + 1'000));
  EXPECT_LE(counters.pages_bytes.value(), bytes);
  EXPECT_GT(unread.front()->json.size(), limits.batch_bytes / 2);
  EXPECT_LT(unread.back()->json.size(), 2 * kSmallPageBytes);
  EXPECT_GE(test::reached(counters, Limit::pages_bytes), 900u);

  // Each gets everything all the same.
  unread.clear();
  EXPECT_EQ(counters.pages_bytes.value(), 0u);
  std::size_t readings = 0;
  for (int turn = 0; readings < 100 && turn < 1'000; ++turn) {
    if (const auto page = readers.back()->stream.next())
      readings += page->readings;
    else
      run();
  }
  EXPECT_GE(readings, 100u);
}

// However few bytes a filter has: each of its levels is a node in the hub's tree.
TEST_F(StreamTest, TheFiltersOfAllViewsAreBoundedTogether) {
  std::string levels;
  for (std::size_t i = 1; i < kFilterLevels; ++i) levels += "/x";
  const auto set = [&](const std::string& name) {
    std::vector<std::string> filters;
    for (int i = 0; i < 64; ++i) filters.push_back(name + std::to_string(i) + levels);
    return FilterSet(std::move(filters));
  };
  std::vector<std::unique_ptr<Reader>> readers;
  std::optional<Problem> problem;
  std::size_t taken = 0;
  for (; !problem && taken < limits.views; ++taken) {
    readers.push_back(std::make_unique<Reader>(hub));
    problem = readers.back()->stream.begin(set("v" + std::to_string(taken) + "-"), From{}, std::nullopt);
  }
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->code, Code::too_many);
  EXPECT_EQ(problem->limit, Limit::view_filter_bytes);
  EXPECT_LE(counters.view_filter_bytes.value(), limits.views * kViewFilterBytes);
  EXPECT_GT(counters.view_filter_bytes.value(), limits.views * kViewFilterBytes / 2);

  // What waits for its turn counts too, and makes room for nobody but by going.
  const auto before = counters.view_filter_bytes.value();
  auto& first = readers[0]->stream;
  while (first.next()) continue;
  EXPECT_EQ(first.subscribe("1", FilterSet({"v0-0" + levels}), from(From::Kind::latest)), std::nullopt);
  EXPECT_GT(counters.view_filter_bytes.value(), before);
  while (first.next()) continue;
  EXPECT_EQ(counters.view_filter_bytes.value(), before);
  readers.erase(readers.begin() + 1);
  EXPECT_EQ(Reader(hub).stream.begin(set("other"), From{}, std::nullopt), std::nullopt);
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

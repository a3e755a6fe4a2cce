// A page of the list of topics: its bounds, its turns, and the place in the log that it names.
#include <nlohmann/json.hpp>

#include "gateway/topic_page.hpp"
#include "tests/unit/gateway_stream_fixture.hpp"

namespace fieldcast {
namespace {

using Names = std::vector<std::string>;

class TopicPageTest : public test::StreamTest {
 protected:
  struct Owner final : TopicPageOwner {
    void on_page_ready() override { ++told; }
    int told = 0;
  };

  static TopicPageRequest request(std::vector<std::string> filters, std::string after = "",
                                  std::size_t limit = kPageEntries) {
    return {FilterSet(std::move(filters)), std::move(after), limit};
  }

  nlohmann::json page(TopicPageRequest wanted) {
    Owner owner;
    TopicPageReader reader(hub, owner, std::move(wanted));
    auto page = reader.take();
    for (; !page; page = reader.take()) {
      EXPECT_TRUE(std::exchange(shard.woken, false)) << "nobody would go on";
      hub.run();
    }
    EXPECT_EQ(reader.take(), nullptr) << "once";
    return nlohmann::json::parse(*page);
  }

  static std::string text(std::size_t size) { return '"' + std::string(size, 'x') + '"'; }

  static Names names(const nlohmann::json& page) {
    Names names;
    for (const auto& topic : page.at("topics")) {
      names.push_back(topic.at("topic"));
      EXPECT_EQ(topic.at("latest").at("topic"), names.back());
    }
    return names;
  }
};

TEST_F(TopicPageTest, TellsOfEachTopicItsCountAndItsLatestReading) {
  for (const std::string payload : {"1", "2", "3"}) append("b", payload);
  append("$a", "4");
  const auto all = page(request({}));
  EXPECT_EQ(all.at("type"), "topics");
  EXPECT_EQ(all.at("more"), false);
  EXPECT_FALSE(all.contains("gap"));
  EXPECT_EQ(names(all), (Names{"$a", "b"}));
  EXPECT_EQ(all["topics"][1]["count"], 3);
  EXPECT_EQ(all["topics"][1]["latest"]["payload"], 3);
  EXPECT_EQ(all["topics"][1]["latest"]["seq"], 3);
  EXPECT_EQ(names(page(request({"#"}))), Names{"b"});
  EXPECT_EQ(names(page(request({"x", "y/#"}))), Names{});
}

TEST_F(TopicPageTest, SaysExactlyWhetherThereAreMore) {
  for (const std::string topic : {"a", "b", "c", "d", "e"}) append(topic);
  const auto first = page(request({}, "", 2));
  EXPECT_EQ(names(first), (Names{"a", "b"}));
  EXPECT_EQ(first.at("more"), true);
  const auto last = page(request({}, "c", 2));
  EXPECT_EQ(names(last), (Names{"d", "e"}));
  EXPECT_EQ(last.at("more"), false);
  EXPECT_EQ(page(request({"a", "b"}, "", 2)).at("more"), false) << "the others do not match";
  EXPECT_EQ(page(request({}, "e", 2)).at("more"), false);
}

TEST_F(TopicPageTest, IsBoundedByTheBytesOfABatchButHoldsOne) {
  limits.batch_bytes = 1'000;
  for (const std::string topic : {"a", "b", "c", "d", "e"}) append(topic, text(300));
  append("f", text(2'000));
  append("g");
  Names found;
  std::size_t pages = 0;
  for (bool more = true; more; ++pages) {
    const auto next = page(request({}, found.empty() ? "" : found.back()));
    std::size_t bytes = 0;
    for (const auto& topic : next.at("topics")) bytes += topic.dump().size() + 1;
    EXPECT_TRUE(bytes <= limits.batch_bytes + 1 || next["topics"].size() == 1) << bytes;
    more = next.at("more");
    for (const std::string& name : names(next)) found.push_back(name);
  }
  EXPECT_EQ(found, (Names{"a", "b", "c", "d", "e", "f", "g"}));
  EXPECT_EQ(pages, 5u) << "two, two, one, the large one, one";
}

TEST_F(TopicPageTest, AStreamFromItsCursorJoinsWithoutASeam) {
  append("a", "1");
  append("b", "2");
  const auto listed = page(request({}));
  append("a", "3");
  test::Reader reader(hub);
  ASSERT_EQ(reader.stream.begin(FilterSet({"#"}), *parse_from(listed.at("cursor").get<std::string>()), std::nullopt),
            std::nullopt);
  const auto batch = nlohmann::json::parse(reader.stream.next()->json);
  ASSERT_EQ(batch["readings"].size(), 1u);
  EXPECT_EQ(batch["readings"][0]["payload"], 3);
}

TEST_F(TopicPageTest, StatesThatTopicsWereForgotten) {
  limits.topics = 2;
  for (const std::string topic : {"a", "b"}) append(topic);
  EXPECT_FALSE(page(request({})).contains("gap"));
  append("c");
  const auto some = page(request({"b"}));
  EXPECT_EQ(some.at("gap"), (nlohmann::json{{"reason", "expired"}, {"missed", nullptr}}));
  EXPECT_EQ(counters.gaps[static_cast<std::size_t>(GapReason::expired)].value(), 1u);
}

class ManyTopicsTest : public TopicPageTest {
 protected:
  static constexpr std::size_t kTurns = 5;
  ManyTopicsTest() {
    for (std::size_t i = 0; i < (kTurns - 1) * kChunksPerTurn * kSnapshotScan + 1; ++i)
      append("t/" + std::to_string(i));
    append("t/x/last");
    run();
  }
};

TEST_F(ManyTopicsTest, AreLookedThroughInTurns) {
  Owner owner;
  TopicPageReader reader(hub, owner, request({"+/+/last"}));
  for (std::size_t turn = 1; turn < kTurns; ++turn) {
    EXPECT_EQ(reader.take(), nullptr) << turn;
    EXPECT_EQ(owner.told, 0);
    ASSERT_TRUE(std::exchange(shard.woken, false));
    hub.run();
  }
  EXPECT_EQ(owner.told, 1);
  EXPECT_EQ(names(nlohmann::json::parse(*reader.take())), Names{"t/x/last"});
  run();
  EXPECT_EQ(owner.told, 1);
}

TEST_F(ManyTopicsTest, WhatComesMeanwhileIsBehindTheCursor) {
  Owner owner;
  TopicPageReader reader(hub, owner, request({"+/+/last"}));
  append("t/x/last", "2");
  run();
  const auto page = nlohmann::json::parse(*reader.take());
  EXPECT_EQ(page["topics"][0]["latest"]["payload"], 2) << "the list has it";
  test::Reader stream(hub);
  ASSERT_EQ(
      stream.stream.begin(FilterSet({"t/x/last"}), *parse_from(page.at("cursor").get<std::string>()), std::nullopt),
      std::nullopt);
  const auto batch = nlohmann::json::parse(stream.stream.next()->json);
  ASSERT_EQ(batch["readings"].size(), 1u) << "and so has the stream";
  EXPECT_EQ(batch["readings"][0], page["topics"][0]["latest"]);
}

TEST_F(ManyTopicsTest, WhatNoFilterMatchesCostsNoTurn) {
  Owner owner;
  TopicPageReader reader(hub, owner, request({"a", "t/x/#", "u"}));
  ASSERT_NE(reader.take(), nullptr);
}

TEST_F(ManyTopicsTest, OthersAreServedInBetween) {
  Owner owner;
  TopicPageReader reader(hub, owner, request({"+/+/last"}));
  test::Reader stream(hub);
  ASSERT_EQ(stream.stream.begin(FilterSet({"t/0"}), From{}, std::nullopt), std::nullopt);
  ASSERT_NE(stream.stream.next(), nullptr);
  EXPECT_EQ(stream.stream.next(), nullptr);
  append("t/0", "2");
  hub.run();
  EXPECT_EQ(stream.told, 1);
  EXPECT_EQ(owner.told, 0);
}

TEST_F(ManyTopicsTest, WhoGoesIsToldNothing) {
  Owner owner;
  { const TopicPageReader reader(hub, owner, request({"+/+/last"})); }
  run();
  EXPECT_EQ(owner.told, 0);
}

}  // namespace
}  // namespace fieldcast

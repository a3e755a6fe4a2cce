// [N-1] to [N-6]: the list of topics.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tests/contract/transports.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/recorder.hpp"
#include "tests/support/temp_dir.hpp"

namespace fieldcast::test {
namespace {

struct TopicList {
  nlohmann::json json;
  std::vector<std::string> names;
  std::map<std::string, std::uint64_t> counts;
  std::string cursor() const { return json.at("cursor"); }
  bool more() const { return json.at("more"); }
};

/// Holds the answer to its shape. `query` as it stands in a URL.
TopicList list_topics(std::uint16_t port, const std::string& query = "") {
  const auto response = http_get(port, "/v1/topics?" + query);
  if (response.status != 200) throw std::runtime_error(response.body);
  EXPECT_EQ(response["content-type"], "application/json");
  EXPECT_EQ(response["cache-control"], "no-store, no-transform");
  record("TopicPage", response.body);
  TopicList list{nlohmann::json::parse(response.body), {}, {}};
  EXPECT_EQ(list.json.at("type"), "topics");
  EXPECT_TRUE(is_cursor(list.cursor()));
  EXPECT_TRUE(list.json.at("more").is_boolean());
  for (const auto& topic : list.json.at("topics")) {
    list.names.push_back(topic.at("topic"));
    list.counts[list.names.back()] = topic.at("count");
    EXPECT_EQ(topic.at("latest").at("topic"), list.names.back());
  }
  EXPECT_TRUE(std::is_sorted(list.names.begin(), list.names.end())) << response.body.substr(0, 500);
  EXPECT_EQ(list.counts.size(), list.names.size()) << "each topic once";
  return list;
}

TopicList topics_under(const Hall& hall, const std::string& base, const std::string& more = "") {
  return list_topics(hall.port(), "topic=" + percent_encoded(base + "/#") + more);
}

// [N-1], [N-4]
TEST(TopicList, HasEachTopicWithItsCountAndItsLatestReading) {
  auto& hall = shared_hall();
  const auto base = hall.topic("l");
  const std::vector<std::string> names{"/a", "/Z", "/é", "/a/b", "/a b", "", "/😀"};
  for (std::size_t i = 0; i < names.size(); ++i)
    for (std::size_t count = 0; count <= i; ++count) hall.publish(base + names[i], std::to_string(100 * i + count));
  const auto list = topics_under(hall, base);
  EXPECT_FALSE(list.more());
  EXPECT_FALSE(list.json.contains("gap"));
  const std::vector<std::size_t> by_bytes{5, 1, 0, 4, 3, 2, 6};
  ASSERT_EQ(list.names.size(), names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto which = by_bytes[i];
    const auto& topic = list.json.at("topics")[i];
    EXPECT_EQ(topic.at("topic"), base + names[which]);
    EXPECT_EQ(topic.at("count"), which + 1);
    EXPECT_EQ(topic.at("latest").at("payload"), 101 * which);
  }
  // The same object as a stream's.
  const auto batch = hall.open(Transport::poll, {{base}, "latest", ""})->batch();
  const auto body = http_get(hall.port(), "/v1/topics?topic=" + percent_encoded(base)).body;
  const auto reading = batch.raw.substr(batch.raw.find("\"readings\":[") + 12);
  EXPECT_NE(body.find("\"latest\":" + reading.substr(0, reading.size() - 2)), std::string::npos) << body << batch.raw;
}

// [N-2]
TEST(TopicList, HasAllTopicsWhereNoneIsNamed) {
  Hall own;
  for (const std::string topic : {"b/1", "b/2", "$hall/x", "c"}) own.publish(topic, "1");
  using Names = std::vector<std::string>;
  EXPECT_EQ(list_topics(own.port()).names, (Names{"$hall/x", "b/1", "b/2", "c", "settled"}));
  EXPECT_EQ(list_topics(own.port(), "topic=%23").names, (Names{"b/1", "b/2", "c", "settled"}));
  EXPECT_EQ(list_topics(own.port(), "topic=b/+&topic=$hall/%23&topic=b/1").names, (Names{"$hall/x", "b/1", "b/2"}));
  EXPECT_EQ(list_topics(own.port(), "topic=nothing").names, Names{});
}

// [N-3]
TEST(TopicList, ComesInPages) {
  auto& hall = shared_hall();
  const auto base = hall.topic("p");
  constexpr std::size_t kTopics = 1'100;
  for (std::size_t i = 0; i < kTopics; ++i) hall.publisher().send({base + "/" + std::to_string(i) + " x", "0"});
  hall.settle();
  const auto count = [&](const std::string& more) { return topics_under(hall, base, more).names.size(); };
  EXPECT_EQ(count(""), 500u) << "the default";
  EXPECT_EQ(count("&limit=1"), 1u);
  EXPECT_EQ(count("&limit=10000"), kTopics);
  EXPECT_FALSE(topics_under(hall, base, "&limit=1100").more());
  EXPECT_TRUE(topics_under(hall, base, "&limit=1099").more());
  std::vector<std::string> found;
  for (bool more = true; more;) {
    const auto page =
        topics_under(hall, base, "&limit=37" + (found.empty() ? "" : "&after=" + percent_encoded(found.back())));
    ASSERT_FALSE(page.names.empty());
    ASSERT_TRUE(found.empty() || found.back() < page.names.front());
    found.insert(found.end(), page.names.begin(), page.names.end());
    more = page.more();
  }
  EXPECT_EQ(found.size(), kTopics);
  EXPECT_EQ(topics_under(hall, base, "&limit=1&after=" + base + "/5").names.at(0), base + "/5 x")
      << "it need not be there";
  EXPECT_EQ(topics_under(hall, base, "&limit=1&after=" + base + "/5+x").names.at(0), base + "/50 x") << "a space";
}

// [N-3]
TEST(TopicList, IsBoundedByTheBytesOfABatch) {
  Hall own({.limits = "batch_bytes = \"4KiB\"\n"});
  for (int i = 0; i < 6; ++i) own.publish("big/" + std::to_string(i), '"' + std::string(1'500, 'x') + '"');
  own.publish("big/9", '"' + std::string(9'000, 'x') + '"');
  const auto first = topics_under(own, "big");
  EXPECT_EQ(first.names.size(), 2u);
  EXPECT_TRUE(first.more());
  const auto last = topics_under(own, "big", "&after=big/5");
  EXPECT_EQ(last.names, std::vector<std::string>{"big/9"}) << "one in any case";
  EXPECT_FALSE(last.more());
}

// [N-4]
TEST(TopicList, DoesNotCountWhatIsLeftOutNorLinkEntries) {
  Hall own;
  own.publish(Message{"state", "1", 1, true});
  own.publish("state", "2");
  own.publish(Message{"state", "3", 1, true});
  own.gateway().terminate();
  ASSERT_EQ(own.gateway().process().wait_for_exit(), 0);
  // The broker forgets the session, so the gateway subscribes anew and is told the same again.
  own.broker().kill();
  own.broker().start();
  own.publisher().publish(Message{"state", "3", 1, true});
  own.gateway().start();
  own.settle();
  EXPECT_EQ(own.metric("fieldcast_retained_repeats_total"), 1);
  EXPECT_GE(own.metric("fieldcast_link_entries_total"), 1);
  const auto list = list_topics(own.port());
  EXPECT_EQ(list.names, (std::vector<std::string>{"settled", "state"}));
  EXPECT_EQ(list.counts.at("state"), 3u);
}

// [N-4]
TEST(TopicList, IsTheSameAfterARestart) {
  Hall own;
  for (int i = 0; i < 20; ++i) own.publish("a/" + std::to_string(i % 3), std::to_string(i));
  const auto latest = [&] { return topics_under(own, "a").json.at("topics").dump(); };
  for (const bool killed : {false, true, true, false}) {
    own.publish("a/1", "again");
    own.settle();
    const auto before = latest();
    if (killed) {
      own.gateway().kill();
    } else {
      own.gateway().terminate();
      ASSERT_EQ(own.gateway().process().wait_for_exit(), 0);
      own.gateway().lose_journal();
    }
    own.gateway().start();
    EXPECT_EQ(latest(), before);
  }
  EXPECT_EQ(topics_under(own, "a").counts, (std::map<std::string, std::uint64_t>{{"a/0", 7}, {"a/1", 11}, {"a/2", 6}}));
}

// [N-5]
TEST(TopicList, SaysThatTopicsWereForgotten) {
  Hall own({.limits = "topics = 4\n"});
  for (int i = 0; i < 3; ++i) own.publish("a", "1");
  for (const std::string topic : {"b", "c", "d", "e", "a"}) own.publish(topic, "1");
  const auto list = list_topics(own.port(), "topic=a&topic=b");
  EXPECT_EQ(list.json.at("gap").at("reason"), "expired");
  EXPECT_TRUE(list.json.at("gap").at("missed").is_null());
  EXPECT_EQ(list.counts, (std::map<std::string, std::uint64_t>{{"a", 1}})) << "counted anew";
}

// [N-5], [N-4]
TEST(TopicList, SaysThatTheDatabaseWasNotReadYet) {
  TempDir machine;
  const auto disk = machine.path() / "disk", away = machine.path() / "away";
  std::filesystem::create_directory(disk);
  Hall own({.storage = "path = \"" + (disk / "fieldcast.db").string() + "\"\n"});
  for (int i = 0; i < 5; ++i) own.publish("a", "1");
  own.gateway().terminate();
  ASSERT_EQ(own.gateway().process().wait_for_exit(), 0);
  own.gateway().lose_journal();
  std::filesystem::rename(disk, away);
  own.gateway().start();
  own.publish("a", "2");
  const auto list = list_topics(own.port(), "topic=a");
  EXPECT_EQ(list.json.at("gap").at("reason"), "storage");
  EXPECT_EQ(list.counts, (std::map<std::string, std::uint64_t>{{"a", 1}}));
  std::filesystem::rename(away, disk);
  const Deadline deadline;
  while (own.metric("fieldcast_storage_up") == 0) ASSERT_GT(deadline.left_ms(), 0);
  const auto whole = list_topics(own.port(), "topic=a");
  EXPECT_FALSE(whole.json.contains("gap"));
  EXPECT_EQ(whole.counts, (std::map<std::string, std::uint64_t>{{"a", 6}}));
}

class TopicListBefore : public OverTransports {};

// [N-6]: while readings pour in, the counts of the list and what the stream brings are those of the next list.
TEST_P(TopicListBefore, AStreamJoinsWithoutASeam) {
  const auto base = hall().topic("j");
  constexpr std::size_t kTopics = 7;
  std::jthread pouring([&, port = hall().broker().port()](const std::stop_token& stop) {
    Publisher publisher(port, "pouring-" + std::string(to_string(GetParam())));
    for (std::size_t i = 0; !stop.stop_requested(); ++i) {
      publisher.send({base + "/" + std::to_string(i % kTopics), std::to_string(i)});
    }
    publisher.publish({base + "/end", "0"});
  });
  TopicList first;
  const Deadline deadline;
  while (first.names.size() < kTopics) {
    ASSERT_GT(deadline.left_ms(), 0);
    first = topics_under(hall(), base);
  }
  const auto stream = open({{base + "/#"}, first.cursor(), ""});
  auto counts = first.counts;
  const auto count_next = [&] {
    for (const auto& reading : stream->batch_with_readings().readings) {
      const auto known = std::find(first.names.begin(), first.names.end(), reading.topic) - first.names.begin();
      const bool listed = counts.contains(reading.topic) && first.json["topics"][known]["latest"]["seq"] >= reading.seq;
      if (!listed) ++counts[reading.topic];
    }
  };
  count_next();
  pouring.request_stop();
  pouring.join();
  while (!counts.contains(base + "/end")) count_next();
  EXPECT_EQ(counts, topics_under(hall(), base).counts);
}

INSTANTIATE_TEST_SUITE_P(N6, TopicListBefore, each_transport(), transport_name);

// [H-3], [H-4], [H-7], [H-8], [O-3], [T-4], [T-6]
TEST(TopicList, KeepsTheRulesOfHttp) {
  const auto refused = [](const std::string& query, const std::string& code, const std::string& named) {
    const auto response = http_get(port(), "/v1/topics?" + query);
    EXPECT_EQ(response.status, code == "too_many" ? 503 : 400) << query;
    record("Problem", response.body);
    const auto json = nlohmann::json::parse(response.body);
    EXPECT_EQ(json.at("code"), code) << query;
    EXPECT_NE(json.at("detail").get<std::string>().find(named), std::string::npos) << json;
  };
  refused("limit=0", "bad_request", "limit");
  refused("limit=10001", "bad_request", "limit");
  refused("limit=1&limit=1", "bad_request", "limit");
  refused("after=", "bad_request", "after");
  refused("after=a&after=b", "bad_request", "after");
  refused("topic=", "bad_request", "topic");
  refused("from=now", "bad_request", "from");
  refused("topics=a", "bad_request", "topics");
  refused("topic=a/", "bad_filter", "%23");
  refused("topic=a%23", "bad_filter", "a#");
  std::string many = "topic=0";
  for (int i = 1; i <= 64; ++i) many += "&topic=" + std::to_string(i);
  refused(many, "too_many", "64");

  EXPECT_EQ(http_get(port(), "/v1/topics/").status, 404);
  EXPECT_EQ(http(port(), {"/v1/topics", {{"Content-Length", "0"}}, "POST"}).status, 405);
  EXPECT_EQ(http(port(), {"/v1/topics", {{"Origin", "https://evil.example"}}}).status, 403);
  EXPECT_EQ(http(port(), {"/v1/topics", {}, "OPTIONS"}).status, 204);
  HttpConnection connection(port());
  EXPECT_EQ(connection({"/v1/topics", {}, "HEAD"}).status, 200);
  EXPECT_EQ(connection({"/v1/topics?limit=0", {}, "HEAD"}).status, 400);
  EXPECT_EQ(nlohmann::json::parse(connection({"/v1/topics?limit=1", {}}).body).at("type"), "topics")
      << "no body of the HEADs is in the way";
}

}  // namespace
}  // namespace fieldcast::test

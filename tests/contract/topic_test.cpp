// [T-1] to [T-7]: topics and filters, in a URL of each transport and in a WebSocket message.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/contract/transports.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/websocket_subscriber.hpp"

namespace fieldcast::test {
namespace {

struct TopicCase {
  std::string name;
  std::string filter;
  std::vector<std::string> matching;
  std::vector<std::string> others;
};

void PrintTo(const TopicCase& c, std::ostream* out) {
  *out << c.name;
}

const std::vector<TopicCase> kTopicCases{
    {"Exact", "t1/a", {"t1/a"}, {"t1/a/b", "t1", "t1/A", "t1/ab"}},
    {"Plus", "t2/+/x", {"t2/a/x", "t2//x"}, {"t2/a/b/x", "t2/x"}},
    {"PlusAtTheEnd", "t3/+", {"t3/a", "t3/"}, {"t3", "t3/a/b"}},
    {"Hash", "t4/#", {"t4", "t4/", "t4/a", "t4/a/b"}, {"t4a", "t40/a"}},
    {"PlusAndHash", "+/t5/#", {"a/t5", "a/t5/b", "/t5"}, {"a/b/t5"}},
    {"EmptyLevels", "t6//b", {"t6//b"}, {"t6/b", "t6/a/b"}},
    {"LeadingSlash", "/t7", {"/t7"}, {"t7", "//t7"}},
    {"TrailingSlash", "t8/", {"t8/"}, {"t8", "t8/a"}},
    {"Quotes", "t9/\"'`\\", {"t9/\"'`\\"}, {"t9/'"}},
    {"Spaces", "t10/ a  b ", {"t10/ a  b "}, {"t10/a  b", "t10/ a b "}},
    {"Percent", "t11/100%25", {"t11/100%25"}, {"t11/100%"}},
    {"Ampersand", "t12/a&b=c?d;e", {"t12/a&b=c?d;e"}, {"t12/a"}},
    {"Emoji", "t13/\xF0\x9F\x8C\xA1/\xC3\xA9", {"t13/\xF0\x9F\x8C\xA1/\xC3\xA9"}, {"t13/e"}},
    {"Composed", "t14/e\xCC\x81", {"t14/e\xCC\x81"}, {"t14/\xC3\xA9"}},
    {"ByteOrderMark", "t15/\xEF\xBB\xBF", {"t15/\xEF\xBB\xBF"}, {"t15/"}},
    {"LineSeparator", "t16/\xE2\x80\xA8", {"t16/\xE2\x80\xA8"}, {"t16/"}},
    {"Dollar", "$hall/t17", {"$hall/t17"}, {"hall/t17"}},
    {"DollarWithWildcard", "$hall/+/t18", {"$hall/a/t18"}, {"a/a/t18"}},
    {"PlusIsNoDollar", "+/t19", {"a/t19"}, {"$hall/t19"}},
    {"DollarInsideIsOrdinary", "t20/+", {"t20/$a"}, {}},
    {"Script", "t21/</script>", {"t21/</script>"}, {}},
    {"LongLevel", "t22/" + std::string(5'000, 'x'), {"t22/" + std::string(5'000, 'x')}, {"t22/x"}},
};

/// Publishes to the others first, so that one that comes nevertheless comes first.
void publish_all(const TopicCase& c) {
  for (const auto& topic : c.others) shared_hall().publisher().send({topic, "0"});
  for (const auto& topic : c.matching) shared_hall().publisher().send({topic, "1"});
  shared_hall().settle();
}

void expect_matching(const std::vector<Reading>& readings, const TopicCase& c) {
  ASSERT_EQ(readings.size(), c.matching.size());
  for (std::size_t i = 0; i < readings.size(); ++i) {
    EXPECT_EQ(readings[i].topic, c.matching[i]);
    EXPECT_EQ(readings[i].payload, 1);
  }
}

class InUrl : public CasesOverTransports<TopicCase> {};

TEST_P(InUrl, MatchesAsMqttSays) {
  const auto live = open({{tested().filter}, "", ""});
  const auto start = live->batch().cursor;
  publish_all(tested());
  expect_matching(live->readings(tested().matching.size()), tested());
  expect_matching(open({{tested().filter}, start, ""})->readings(tested().matching.size()), tested());
}

INSTANTIATE_TEST_SUITE_P(T1and7, InUrl, ::testing::Combine(::testing::ValuesIn(kTopicCases), each_transport()),
                         case_name<TopicCase>);

class InMessage : public ::testing::TestWithParam<TopicCase> {};

TEST_P(InMessage, MatchesAsMqttSays) {
  WebSocketSubscriber client(shared_hall().port());
  const auto answer = client.subscribe({GetParam().filter}, "");
  EXPECT_EQ(answer.at("topics"), nlohmann::json({GetParam().filter}));
  publish_all(GetParam());
  expect_matching(client.readings(GetParam().matching.size()), GetParam());
}

INSTANTIATE_TEST_SUITE_P(T1and7, InMessage, ::testing::ValuesIn(kTopicCases),
                         [](const auto& instance) { return instance.param.name; });

// Mosquitto carries no control characters, but other brokers do.
TEST(LongAndStrangeTopics, CanBeSubscribedTo) {
  WebSocketSubscriber client(shared_hall().port());
  const std::string longest = "long/" + std::string(65'530, 'x');
  const std::string controls = "a\x01\x1f\x7f\n\r\t/b";
  const auto answer = client.subscribe({longest, controls}, "");
  EXPECT_EQ(answer.at("topics"), nlohmann::json({controls, longest}));
  shared_hall().publish(longest, "1");
  EXPECT_EQ(client.readings(1).at(0).topic, longest);
  for (const auto transport : kTransports)
    EXPECT_TRUE(shared_hall().open(transport, {{controls}, "", ""})->batch().readings.empty());
}

// [T-2]
class Overlap : public OverTransports {};

TEST_P(Overlap, AReadingThatMatchesSeveralFiltersComesOnce) {
  const auto topic = hall().topic("a");
  const auto parent = topic.substr(0, topic.rfind('/'));
  const auto stream = open({{topic, parent + "/+", parent + "/#", topic}, "", ""});
  const auto start = stream->batch().cursor;
  for (int i = 0; i < 3; ++i) hall().publish(topic, std::to_string(i));
  for (const auto& readings : {stream->readings(3), open({{topic, parent + "/#"}, start, ""})->readings(3)})
    for (int i = 0; i < 3; ++i) EXPECT_EQ(readings[static_cast<std::size_t>(i)].payload, i);
}

INSTANTIATE_TEST_SUITE_P(T2, Overlap, each_transport(), transport_name);

// [T-3], [T-4]: what stands in the URL, and a topic that it then matches.
struct Written {
  std::string name;
  std::string query;
  std::string topic;
};

void PrintTo(const Written& c, std::ostream* out) {
  *out << c.name;
}

const std::vector<Written> kWritten{
    {"PlusAsALevel", "w1/+/x", "w1/anything/x"},
    {"PlusAlone", "+&topic=w2", "w2"},
    {"PlusFirst", "+/w3", "any/w3"},
    {"PlusLast", "w4/+", "w4/any"},
    {"TwoPlusLevels", "w5/+/+", "w5/a/b"},
    {"PlusIsASpace", "w6/a+b", "w6/a b"},
    {"PlusAtTheEndOfALevel", "w7/a+", "w7/a "},
    {"TwoPlusesAreSpaces", "w8/++", "w8/  "},
    {"EncodedPlusAsALevel", "w9/%2B", "w9/any"},
    {"EncodedPlusLowerCase", "w10/%2b/x", "w10/any/x"},
    {"LevelOfOneSpace", "w11/%20/x", "w11/ /x"},
    {"EncodedSlash", "w12%2Fa", "w12/a"},
    {"EncodedHash", "w13/%23", "w13/any/thing"},
    {"EncodedSlashAtTheEnd", "w14/a%2F", "w14/a/"},
    {"EncodedPercent", "w15/%2525", "w15/%25"},
};

class InQuery : public CasesOverTransports<Written> {};

TEST_P(InQuery, MeansWhatItSays) {
  const auto stream = open({{}, "", "&topic=" + tested().query});
  stream->batch();
  hall().publisher().send({"w/other", "0"});
  hall().publish(tested().topic, "1");
  const auto readings = stream->batch_with_readings().readings;
  EXPECT_EQ(readings[0].topic, tested().topic);
  EXPECT_EQ(readings[0].payload, 1);
}

INSTANTIATE_TEST_SUITE_P(T3, InQuery, ::testing::Combine(::testing::ValuesIn(kWritten), each_transport()),
                         case_name<Written>);

TEST(CutFilter, IsRefusedWithTheHint) {
  for (const std::string query : {"topic=hall/", "topic=hall/&from=now", "from=now&topic=a&topic=hall/"}) {
    const auto response = http_get(shared_hall().port(), "/v1/poll?timeout=0&" + query);
    EXPECT_EQ(response.status, 400) << query;
    EXPECT_NE(response.body.find("%23"), std::string::npos) << response.body;
  }
}

// [T-5], [T-6]
struct Faulty {
  std::string name;
  std::string filter;
};

const std::vector<Faulty> kFaulty{
    {"HashNotLast", "a/#/b"},
    {"HashInALevel", "a/b#"},
    {"PlusInALevel", "a/b+/c"},
    {"PlusBeforeHash", "a/+#"},
    {"Nul", std::string("a\0b", 3)},
    {"TooManyLevels", "a" +
                          [] {
                            std::string levels;
                            for (int i = 0; i < 64; ++i) levels += "/a";
                            return levels;
                          }()},
};

TEST(FaultyFilter, IsRefusedInAUrl) {
  for (const auto& [name, filter] : kFaulty) {
    for (const std::string path : {"/v1/poll", "/v1/events"}) {
      const auto response = http_get(shared_hall().port(), path + "?topic=" + percent_encoded(filter));
      EXPECT_EQ(response.status, 400) << name;
      EXPECT_EQ(nlohmann::json::parse(response.body).at("code"), "bad_filter") << name;
    }
    WebSocketSubscriber client(shared_hall().port(), "?topic=" + percent_encoded(filter));
    EXPECT_EQ(client.error().at("code"), "bad_filter") << name;
    EXPECT_EQ(client.close_code(), 1008) << name;
  }
}

TEST(FaultyFilter, IsRefusedInAMessage) {
  WebSocketSubscriber client(shared_hall().port());
  for (const auto& [name, filter] : kFaulty) {
    client.send({{"op", "subscribe"}, {"id", name}, {"topics", {filter}}});
    const auto error = client.error();
    EXPECT_EQ(error.at("code"), "bad_filter") << name;
    EXPECT_EQ(error.at("id"), name);
  }
  for (const auto& filter : {std::string(), std::string(65'536, 'x')}) {
    client.send({{"op", "subscribe"}, {"id", 1}, {"topics", {filter}}});
    EXPECT_EQ(client.error().at("code"), "bad_filter") << filter.size();
  }
  client.subscribe({"still/open"}, "");
}

TEST(FaultyFilter, IsRefusedWhereItIsNotUtf8) {
  EXPECT_EQ(nlohmann::json::parse(http_get(shared_hall().port(), "/v1/poll?topic=a%FF").body).at("code"), "bad_filter");
}

TEST(Filters, AreLimited) {
  std::string query = "topic=f0";
  nlohmann::json topics{"f0"};
  for (int i = 1; i < 64; ++i) {
    query += "&topic=f" + std::to_string(i);
    topics.push_back("f" + std::to_string(i));
  }
  const auto port = shared_hall().port();
  EXPECT_EQ(http_get(port, "/v1/poll?" + query).status, 200);
  const auto response = http_get(port, "/v1/poll?topic=one/more&" + query);
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(nlohmann::json::parse(response.body).at("code"), "too_many");

  WebSocketSubscriber client(port);
  client.subscribe(topics, "");
  client.send({{"op", "subscribe"}, {"id", 2}, {"topics", {"one/more"}}});
  EXPECT_EQ(client.error().at("code"), "too_many");

  WebSocketSubscriber too_many(port, "?topic=one/more&" + query);
  EXPECT_EQ(too_many.error().at("code"), "too_many");
  EXPECT_EQ(too_many.close_code(), 1013);
}

}  // namespace
}  // namespace fieldcast::test

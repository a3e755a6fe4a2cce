// The query of a URL: percent-encoding, and the contract's three meanings of '+'.
#include <gtest/gtest.h>

#include <string>

#include "adapters/http/query.hpp"

namespace fieldcast::http {
namespace {

std::string topic(const std::string& raw) {
  const auto parameters = parse_query("topic=" + raw);
  EXPECT_TRUE(parameters);
  return parameters ? parameters->at(0).value : "";
}

TEST(HttpQuery, TakesParametersInOrder) {
  const auto parameters = parse_query("topic=a%2Fb&&topic=c&limit=5&empty=&bare&=x");
  ASSERT_TRUE(parameters);
  ASSERT_EQ(parameters->size(), 6u);
  EXPECT_EQ(parameters->at(0).value, "a/b");
  EXPECT_EQ(parameters->at(1).value, "c");
  EXPECT_EQ(parameters->at(2).name, "limit");
  EXPECT_EQ(parameters->at(2).value, "5");
  EXPECT_EQ(parameters->at(3).value, "");
  EXPECT_EQ(parameters->at(4).name, "bare");
  EXPECT_EQ(parameters->at(5).name, "");
  EXPECT_TRUE(parse_query("")->empty());
}

TEST(HttpQuery, APlusThatIsALevelOfATopicIsTheWildcard) {
  EXPECT_EQ(topic("+"), "+");
  EXPECT_EQ(topic("a/+"), "a/+");
  EXPECT_EQ(topic("+/b"), "+/b");
  EXPECT_EQ(topic("a/+/+/b"), "a/+/+/b");
  EXPECT_EQ(topic("a%2F+%2fb"), "a/+/b");
  EXPECT_EQ(topic("a%2F%2B%2Fb"), "a/+/b");
}

TEST(HttpQuery, AnyOtherPlusOfATopicIsASpaceUnlessEncoded) {
  EXPECT_EQ(topic("hall+3/a"), "hall 3/a");
  EXPECT_EQ(topic("a/++/b"), "a/  /b");
  EXPECT_EQ(topic("a/+b"), "a/ b");
  EXPECT_EQ(topic("a%2Bb"), "a+b");
  EXPECT_EQ(topic("a/%20/b"), "a/ /b");
}

TEST(HttpQuery, APlusInATimeIsAPlusAndElsewhereASpace) {
  for (const std::string name : {"from", "start", "end"}) {
    for (const std::string plus : {"+", "%2B"}) {
      const auto parameters = parse_query(name + "=2026-01-01T00:00:00" + plus + "01:00");
      ASSERT_TRUE(parameters);
      EXPECT_EQ(parameters->at(0).value, "2026-01-01T00:00:00+01:00");
    }
  }
  const auto parameters = parse_query("id=a+b&a+b=c");
  ASSERT_TRUE(parameters);
  EXPECT_EQ(parameters->at(0).value, "a b");
  EXPECT_EQ(parameters->at(1).name, "a b");
}

TEST(HttpQuery, TellsATopicThatWasCut) {
  const auto parameters = parse_query("topic=a/&topic=a%2F&topic=a/b&topic=");
  ASSERT_TRUE(parameters);
  EXPECT_TRUE(parameters->at(0).cut);
  EXPECT_FALSE(parameters->at(1).cut);
  EXPECT_FALSE(parameters->at(2).cut);
  EXPECT_FALSE(parameters->at(3).cut);
}

TEST(HttpQuery, RefusesAMalformedPercent) {
  for (const char* query : {"a=%", "a=%4", "a=%g0", "a=%0g", "%=a", "topic=%zz", "from=%1"}) {
    const auto parameters = parse_query(query);
    ASSERT_FALSE(parameters) << query;
    EXPECT_EQ(parameters.problem().code, Code::bad_request);
  }
  EXPECT_EQ(parse_query("a=%00%ff")->at(0).value, std::string("\0\xff", 2));
}

TEST(HttpQuery, BoundsTheNumberOfParameters) {
  std::string query;
  for (std::size_t i = 0; i < kParameters; ++i) query += "a&";
  EXPECT_TRUE(parse_query(query));
  EXPECT_FALSE(parse_query(query + "a"));
}

}  // namespace
}  // namespace fieldcast::http

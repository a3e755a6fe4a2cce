// What a stream may be asked for in a URL.
#include <gtest/gtest.h>

#include "gateway/parameters.hpp"

namespace fieldcast {
namespace {

Result<StreamRequest> parse(StreamKind kind, std::vector<Parameter> parameters) {
  return parse_stream_request(parameters, kind, Limits{});
}

TEST(StreamRequest, HasDefaults) {
  const auto poll = parse(StreamKind::poll, {{"topic", "a/#"}, {"topic", "b"}, {"topic", "b"}});
  ASSERT_TRUE(poll);
  EXPECT_EQ(poll->filters, FilterSet({"a/#", "b"}));
  EXPECT_EQ(poll->from.kind, From::Kind::now);
  EXPECT_FALSE(poll->from_given);
  EXPECT_EQ(poll->timeout.count(), 25);
  EXPECT_EQ(poll->limit, 500u);
  EXPECT_EQ(parse(StreamKind::events, {{"topic", "a"}})->heartbeat.count(), 15);
  EXPECT_TRUE(parse(StreamKind::websocket, {})->filters.empty());
}

TEST(StreamRequest, TakesWhatIsInRange) {
  EXPECT_EQ(parse(StreamKind::poll, {{"topic", "a"}, {"timeout", "0"}, {"limit", "10000"}})->limit, 10'000u);
  EXPECT_EQ(parse(StreamKind::poll, {{"topic", "a"}, {"timeout", "60"}, {"limit", "1"}})->timeout.count(), 60);
  EXPECT_EQ(parse(StreamKind::events, {{"topic", "a"}, {"heartbeat", "1"}})->heartbeat.count(), 1);
  EXPECT_EQ(parse(StreamKind::events, {{"topic", "a"}, {"heartbeat", "60"}})->heartbeat.count(), 60);
}

TEST(StreamRequest, NamesTheFaultyParameter) {
  struct Case {
    StreamKind kind;
    std::vector<Parameter> parameters;
    Code code;
    std::string named;
  };
  const StreamKind poll = StreamKind::poll, events = StreamKind::events, websocket = StreamKind::websocket;
  const std::vector<Case> cases{
      {poll, {}, Code::bad_request, "topic"},
      {events, {{"from", "now"}}, Code::bad_request, "topic"},
      {websocket, {{"from", "now"}}, Code::bad_request, "from"},
      {poll, {{"topic", ""}}, Code::bad_request, "topic"},
      {poll, {{"topic", "a/", true}}, Code::bad_filter, "%23"},
      {poll, {{"topic", "a#"}}, Code::bad_filter, "a#"},
      {poll, {{"topic", "a"}, {"from", "x"}}, Code::bad_from, "from"},
      {poll, {{"topic", "a"}, {"from", "now"}, {"from", "now"}}, Code::bad_request, "from"},
      {poll, {{"topic", "a"}, {"limit", "0"}}, Code::bad_request, "limit"},
      {poll, {{"topic", "a"}, {"limit", "10001"}}, Code::bad_request, "limit"},
      {poll, {{"topic", "a"}, {"limit", "5x"}}, Code::bad_request, "limit"},
      {poll, {{"topic", "a"}, {"limit", "99999999999999999999"}}, Code::bad_request, "limit"},
      {poll, {{"topic", "a"}, {"timeout", "61"}}, Code::bad_request, "timeout"},
      {poll, {{"topic", "a"}, {"timeout", "-1"}}, Code::bad_request, "timeout"},
      {poll, {{"topic", "a"}, {"heartbeat", "5"}}, Code::bad_request, "heartbeat"},
      {events, {{"topic", "a"}, {"heartbeat", "0"}}, Code::bad_request, "heartbeat"},
      {events, {{"topic", "a"}, {"heartbeat", "61"}}, Code::bad_request, "heartbeat"},
      {events, {{"topic", "a"}, {"limit", "5"}}, Code::bad_request, "limit"},
      {websocket, {{"topics", "a"}}, Code::bad_request, "topics"},
  };
  for (const Case& c : cases) {
    const auto request = parse(c.kind, c.parameters);
    ASSERT_FALSE(request) << c.named;
    EXPECT_EQ(request.problem().code, c.code) << request.problem().detail;
    EXPECT_NE(request.problem().detail.find(c.named), std::string::npos) << request.problem().detail;
  }
}

}  // namespace
}  // namespace fieldcast

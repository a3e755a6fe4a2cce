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
      {websocket, {{"limit", "5"}}, Code::bad_request, "takes topic, from and heartbeat"},
      {poll, {{"order", "asc"}}, Code::bad_request, "takes topic, from, timeout and limit"},
  };
  for (const Case& c : cases) {
    const auto request = parse(c.kind, c.parameters);
    ASSERT_FALSE(request) << c.named;
    EXPECT_EQ(request.problem().code, c.code) << request.problem().detail;
    EXPECT_NE(request.problem().detail.find(c.named), std::string::npos) << request.problem().detail;
  }
}

constexpr std::int64_t kHistoryNow = 1'764'000'000'000;

Result<HistoryPageRequest> parse_history(std::vector<Parameter> parameters) {
  return parse_history_request(parameters, Limits{}, kHistoryNow);
}

TEST(HistoryRequest, HasDefaults) {
  const auto request = parse_history({{"topic", "a/#"}, {"topic", "b"}, {"topic", "b"}});
  ASSERT_TRUE(request);
  EXPECT_EQ(request->filters, FilterSet({"a/#", "b"}));
  EXPECT_FALSE(request->from);
  EXPECT_FALSE(request->start);
  EXPECT_FALSE(request->end);
  EXPECT_EQ(request->limit, 500u);
  EXPECT_EQ(request->order, Order::ascending);
}

TEST(HistoryRequest, TakesWhatIsInRange) {
  const auto request = parse_history({{"order", "asc"},
                                      {"topic", "a"},
                                      {"from", "oldest"},
                                      {"start", "-1m"},
                                      {"end", "1764000000000"},
                                      {"limit", "10000"}});
  ASSERT_TRUE(request) << request.problem().detail;
  EXPECT_EQ(request->from->kind, From::Kind::oldest);
  EXPECT_EQ(request->start, kHistoryNow - 60'000);
  EXPECT_EQ(request->end, kHistoryNow);
  EXPECT_EQ(request->limit, 10'000u);
  EXPECT_EQ(parse_history({{"topic", "a"}, {"from", "-1h"}})->from->kind, From::Kind::ago);
  EXPECT_EQ(parse_history({{"topic", "a"}, {"from", "2026-01-01T00:00:00Z"}})->from->kind, From::Kind::time);
  const Cursor cursor{1, 2, {}};
  for (const std::string order : {"asc", "desc"}) {
    const auto behind = parse_history({{"topic", "a"}, {"from", to_string(cursor)}, {"order", order}});
    ASSERT_TRUE(behind);
    EXPECT_EQ(behind->from->cursor, cursor);
    EXPECT_EQ(behind->order, order == "asc" ? Order::ascending : Order::descending);
  }
  EXPECT_TRUE(parse_history({{"topic", "a"}, {"start", "5"}, {"end", "6"}}));
}

TEST(HistoryRequest, NamesTheFaultyParameter) {
  struct Case {
    std::vector<Parameter> parameters;
    Code code;
    std::string named;
  };
  const Parameter topic{"topic", "a"};
  const std::vector<Case> cases{
      {{}, Code::bad_request, "topic"},
      {{{"start", "-1h"}}, Code::bad_request, "topic"},
      {{{"topic", "a/", true}}, Code::bad_filter, "%23"},
      {{{"topic", "a#"}}, Code::bad_filter, "a#"},
      {{topic, {"timeout", "1"}}, Code::bad_request, "takes topic, from, start, end, limit and order"},
      {{topic, {"from", ""}}, Code::bad_request, "from"},
      {{topic, {"from", "now"}}, Code::bad_from, "from"},
      {{topic, {"from", "latest"}}, Code::bad_from, "from"},
      {{topic, {"from", "x"}}, Code::bad_from, "from"},
      {{topic, {"from", "oldest"}, {"order", "desc"}}, Code::bad_from, "end"},
      {{topic, {"order", "desc"}, {"from", "-1h"}}, Code::bad_from, "end"},
      {{topic, {"order", "desc"}, {"from", "2026-01-01T00:00:00Z"}}, Code::bad_from, "end"},
      {{topic, {"start", ""}}, Code::bad_request, "start"},
      {{topic, {"start", "yesterday"}}, Code::bad_request, "start"},
      {{topic, {"end", "2026-01-01"}}, Code::bad_request, "end"},
      {{topic, {"end", "1"}, {"end", "1"}}, Code::bad_request, "end"},
      {{topic, {"start", "5"}, {"end", "5"}}, Code::bad_request, "start"},
      {{topic, {"start", "-1m"}, {"end", "-1h"}}, Code::bad_request, "start"},
      {{topic, {"limit", "0"}}, Code::bad_request, "limit"},
      {{topic, {"limit", "10001"}}, Code::bad_request, "limit"},
      {{topic, {"order", "ASC"}}, Code::bad_request, "order"},
      {{topic, {"order", "asc"}, {"order", "asc"}}, Code::bad_request, "order"},
  };
  for (const Case& c : cases) {
    const auto request = parse_history(c.parameters);
    ASSERT_FALSE(request) << c.named;
    EXPECT_EQ(request.problem().code, c.code) << request.problem().detail;
    EXPECT_NE(request.problem().detail.find(c.named), std::string::npos) << request.problem().detail;
  }
}

TEST(TopicsRequest, TakesAllTopicsWhereNoneIsNamed) {
  const auto all = parse_topics_request({}, {});
  ASSERT_TRUE(all);
  EXPECT_TRUE(all->filters.empty());
  EXPECT_EQ(all->after, "");
  EXPECT_EQ(all->limit, 500u);
  const std::vector<Parameter> given{{"topic", "b"}, {"after", "no topic / #"}, {"topic", "a/#"}, {"limit", "10000"}};
  const auto some = parse_topics_request(given, {});
  ASSERT_TRUE(some);
  EXPECT_EQ(some->filters, FilterSet({"a/#", "b"}));
  EXPECT_EQ(some->after, "no topic / #");
  EXPECT_EQ(some->limit, 10'000u);
}

TEST(TopicsRequest, NamesTheFaultyParameter) {
  struct Case {
    std::vector<Parameter> parameters;
    Code code;
    std::string named;
  };
  Limits limits;
  limits.filters = 2;
  const std::vector<Case> cases{
      {{{"topic", ""}}, Code::bad_request, "topic"},
      {{{"topic", "a/", true}}, Code::bad_filter, "%23"},
      {{{"topic", "a#"}}, Code::bad_filter, "a#"},
      {{{"topic", "a"}, {"topic", "b"}, {"topic", "c"}}, Code::too_many, "filters"},
      {{{"after", ""}}, Code::bad_request, "after"},
      {{{"after", "a"}, {"after", "b"}}, Code::bad_request, "after"},
      {{{"limit", "0"}}, Code::bad_request, "limit"},
      {{{"limit", "10001"}}, Code::bad_request, "limit"},
      {{{"from", "now"}}, Code::bad_request, "topic, after and limit"},
  };
  for (const Case& c : cases) {
    const auto request = parse_topics_request(c.parameters, limits);
    ASSERT_FALSE(request) << c.named;
    EXPECT_EQ(request.problem().code, c.code) << request.problem().detail;
    EXPECT_NE(request.problem().detail.find(c.named), std::string::npos) << request.problem().detail;
  }
}

}  // namespace
}  // namespace fieldcast

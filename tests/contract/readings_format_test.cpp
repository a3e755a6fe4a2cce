// [Q-8] to [Q-11], [R-12], [H-1], [H-2], [H-8]: pages of history as JSON, as lines and as a table, over HTTP.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/contract/readings_pages.hpp"
#include "tests/contract/transports.hpp"
#include "tests/support/http_client.hpp"

namespace fieldcast::test {
namespace {

using namespace std::string_literals;

// [Q-9]: byte for byte.
TEST(HistoryTable, IsRfc4180) {
  Hall own({.limits = "payload = 1024\n"});
  struct {
    std::string topic, payload, row;  // of the row what is behind the time
  } const cases[] = {
      {"t/plain", "21.50", "t/plain,21.50,,,,"},
      {"t/json", R"("on")", R"(t/json,"""on""",,,,)"},
      {"t/object", R"({"a":1, "b":[2,3]})", R"(t/object,"{""a"":1,""b"":[2,3]}",,,,)"},
      {"t/text", "on", "t/text,on,text,,,"},
      {"t/empty", "", "t/empty,,text,,,"},
      {"t/comma", "1,5", "t/comma,\"1,5\",text,,,"},
      {"t/quotes", "say \"hi\"", R"(t/quotes,"say ""hi""",text,,,)"},
      {"t/lines", "a\nb\r\nc\r", "t/lines,\"a\nb\r\nc\r\",text,,,"},
      {"t/binary", "\xFF\x00\xFE"s, "t/binary,/wD+,base64,,,"},
      {"t/long", std::string(1'025, 'x'), "t/long,,omitted,,,"},
      {"t/\"5,5\"", "1", R"("t/""5,5""",1,,,,)"},
      {"t/ \xC3\xA9;", "1", "t/ \xC3\xA9;,1,,,,"},
  };
  for (const auto& c : cases) own.publish(c.topic, c.payload);
  const auto json = get_page(own.port(), "topic=t/%23");
  ASSERT_EQ(json.readings.size(), std::size(cases));
  std::string expected = "seq,time,topic,payload,encoding,retained,redelivered,broker\r\n";
  for (std::size_t i = 0; i < std::size(cases); ++i)
    expected += std::to_string(json.readings[i].seq) + "," + std::to_string(json.readings[i].time) + "," +
                cases[i].row + "\r\n";
  EXPECT_EQ(get_page(own.port(), "topic=t/%23", PageFormat::csv).raw, expected);
}

// [Q-9], [R-8]: what the broker had stored before the gateway came.
TEST(HistoryTable, MarksWhatIsRetainedAndNamesTheBroker) {
  Mosquitto press;
  Publisher(press.port(), "press").publish({.topic = "a", .payload = "1", .retain = true});
  Hall own({.more_brokers = {{"press", mqtt_url(press.port()), "prefix = \"press/\"\n"}}});
  own.open(Transport::poll, {{"press/a"}, "latest", ""})->batch_with_readings();
  own.publish("a", "2");
  const auto row = [&](const std::string& topic) {
    const auto rows = parse_csv(get_page(own.port(), "topic=" + topic, PageFormat::csv).raw);
    EXPECT_EQ(rows.size(), 2u);
    return std::vector<std::string>(rows.back().begin() + 2, rows.back().end());
  };
  EXPECT_EQ(row("press/a"), (std::vector<std::string>{"press/a", "1", "", "true", "", "press"}));
  EXPECT_EQ(row("a"), (std::vector<std::string>{"a", "2", "", "", "", "local"}));
  for (const auto format : {PageFormat::json, PageFormat::ndjson})
    EXPECT_NE(get_page(own.port(), "topic=a", format).raw.find(R"("topic":"a","payload":2,"broker":"local"})"),
              std::string::npos);
}

// [Q-8]: the same objects as in a page of JSON, byte for byte.
TEST(HistoryLines, AreTheReadingsOfTheJson) {
  auto& hall = shared_hall();
  const auto topic = hall.topic();
  for (const std::string payload : {"1.50", "a\nb", "\xFF", R"({"a":1,"a":2})"}) hall.publish(topic, payload);
  const auto query = "topic=" + percent_encoded(topic);
  auto lines = get_page(hall.port(), query, PageFormat::ndjson).raw;
  ASSERT_TRUE(lines.ends_with("}\n"));
  lines.pop_back();
  for (auto at = lines.find('\n'); at != std::string::npos; at = lines.find('\n', at)) lines.replace(at, 1, ",");
  const auto json = get_page(hall.port(), query).raw;
  EXPECT_TRUE(json.ends_with("\"readings\":[" + lines + "]}")) << json << "\n" << lines;
}

// [Q-10]
TEST(HistoryFields, SayWhatTheJsonSays) {
  auto& hall = shared_hall();
  const auto topic = hall.topic();
  for (const std::string payload : {"1", "2", "3"}) hall.publish(topic, payload);
  for (const std::string more : {"&limit=2", "&limit=3"}) {
    const auto query = "topic=" + percent_encoded(topic) + more;
    const auto json = get_page(hall.port(), query);
    EXPECT_EQ(json.more, more == "&limit=2");
    for (const auto format : {PageFormat::ndjson, PageFormat::csv}) {
      const auto page = get_page(hall.port(), query, format);
      EXPECT_EQ(page.more, json.more);
      if (json.more) {
        EXPECT_EQ(page.cursor, json.cursor) << "behind the second reading";
      }
      EXPECT_EQ(readings_of({get_page(hall.port(), query + "&from=" + page.cursor)}).size(), json.more ? 1u : 0u);
    }
  }
}

// [Q-11]
TEST(HistoryFormat, IsWhatAcceptAsksFor) {
  const std::string json = "application/json", lines = "application/x-ndjson",
                    table = "text/csv; charset=utf-8; header=present";
  const std::vector<std::pair<std::string, std::string>> cases{
      {"text/csv", table},
      {"text/*", table},
      {"TEXT/CSV;header=present", table},
      {"application/x-ndjson, application/json;q=0.9", lines},
      {"application/x-ndjson;q=0.5, application/json;q=0.6, text/csv;q=0.4", json},
      {"text/csv, */*;q=0.1", table},
      {"text/csv;q=0, */*", json},
      {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", json},
      {"*/*", json},
      {"image/png", json},
      {"", json},
  };
  HttpConnection connection(port());
  const auto expect = [&](const Request& request, const std::string& type) {
    for (const std::string method : {"GET", "HEAD"}) {
      auto asked = request;
      asked.method = method;
      const auto response = connection(asked);
      EXPECT_EQ(response.status, 200);
      EXPECT_EQ(response["content-type"], type) << to_text(asked, port());
      EXPECT_EQ(response["cache-control"], "no-store, no-transform");
      std::string vary;
      for (const auto& [name, value] : response.headers)
        if (name == "vary") vary += value + ", ";
      EXPECT_EQ(vary, "Accept, Origin, ");
    }
  };
  for (const auto& [accept, type] : cases) expect({"/v1/readings?topic=a", {{"Accept", accept}}}, type);
  expect({"/v1/readings?topic=a", {}}, json);
  expect({"/v1/readings?topic=a", {{"Accept", "text/csv;q=0.1"}, {"Accept", "application/x-ndjson"}}}, lines);
}

// [H-1]
TEST(HistoryRequests, InOneGoAreAnsweredInOrder) {
  auto& hall = shared_hall();
  const auto topic = hall.topic();
  for (const std::string payload : {"1", "2"}) hall.publish(topic, payload);
  const auto target = "/v1/readings?limit=1&topic=" + percent_encoded(topic);
  HttpConnection connection(hall.port());
  std::string requests;
  for (const auto format : kPageFormats)
    for (const std::string order : {"asc", "desc"})
      requests += to_text({target + "&order=" + order, {{"Accept", media_type(format)}}}, port());
  connection.send(requests + to_text({target + "&limit=1", {}}, port()) + to_text({target, {}, "HEAD"}, port()) +
                  to_text({target, {}, "GET", "HTTP/1.0"}, port()));
  for (const auto format : kPageFormats)
    for (const int first : {1, 2})
      EXPECT_EQ(numbers(parse_page(connection.read(), format).readings), std::vector<int>{first});
  EXPECT_EQ(connection.read().status, 400);
  EXPECT_EQ(connection.read(true).status, 200);
  EXPECT_EQ(numbers(parse_page(connection.read(), PageFormat::json).readings), std::vector<int>{1});
  EXPECT_TRUE(connection.socket().ends()) << "[H-2]";
}

}  // namespace
}  // namespace fieldcast::test

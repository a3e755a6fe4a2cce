// Pages of history behind a real socket, while their readings are on their way from disk.
#include <gtest/gtest.h>

#include <map>

#include "adapters/http/readings.hpp"
#include "tests/unit/http_server_fixture.hpp"

namespace fieldcast::http {
namespace {

DurableLog::Options small_memory() {
  DurableLog::Options options;
  options.memory_entries = 1;
  return options;
}

/// Keeps next to nothing in memory, and reads from disk only when the test says so.
class HttpReadings : public HttpServer {
 protected:
  HttpReadings() : HttpServer(small_memory()) {}

  std::uint16_t start_with_history() {
    start();
    for (const char* payload : {"1", "2", "3"}) append("a", payload);
    log_.store_turn();
    append("b", "4");  // which takes the place of those on disk
    return port_;
  }
  /// Comes back when the request is with its session.
  void ask_and_wait(Client& client, const std::string& target, const std::string& fields = "") {
    const auto before = counters_.requests.value();
    client.get(target, fields);
    ASSERT_TRUE(until([&] { return counters_.requests.value() > before; }));
    run([] {});
  }
  bool read_disk() {
    return until([this] { return log_.history_turn(); });
  }
};

TEST_F(HttpReadings, AnswerWhenTheDiskHas) {
  Client client(start_with_history());
  ask_and_wait(client, "/v1/readings?topic=a&limit=2&order=desc");
  client.get("/healthz");  // waits for the page
  ASSERT_TRUE(read_disk());
  const auto page = read_answer(client);
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.field("Content-Type"), "application/json");
  EXPECT_EQ(page.field("Vary"), "Accept");
  EXPECT_EQ(page.field("Fieldcast-Cursor"), std::nullopt);
  ASSERT_EQ(page.json()["readings"].size(), 2u);
  EXPECT_EQ(page.json()["readings"][0]["payload"], 3);
  EXPECT_EQ(page.json()["readings"][1]["payload"], 2);
  EXPECT_EQ(page.json()["more"], true);
  EXPECT_EQ(read_answer(client).body, "ok\n");
}

TEST_F(HttpReadings, AreToldOfAStopInsteadOfWaiting) {
  Client client(start_with_history());
  ask_and_wait(client, "/v1/readings?topic=a", "Origin: https://page.example\r\n");
  run([&] { server_->stop([] {}); });
  const auto answer = read_answer(client);
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.json()["code"], "stopping");
  EXPECT_TRUE(answer.field("Retry-After"));
  EXPECT_EQ(answer.field("Connection"), "close");
  EXPECT_EQ(answer.field("Access-Control-Allow-Origin"), "https://page.example");
  EXPECT_EQ(client.read_to_end(), "");
  EXPECT_EQ(counters_.problems[static_cast<std::size_t>(Code::stopping)].value(), 1u);
  EXPECT_TRUE(read_disk()) << "whose answer nobody waits for any more";
  run([] {});
}

TEST_F(HttpReadings, OfAClientThatLeftAreForgotten) {
  start_with_history();
  Client client(port_);
  ask_and_wait(client, "/v1/readings?topic=a");
  client.leave();
  ASSERT_TRUE(until([&] { return counters_.connections.value() == 0; }));
  EXPECT_TRUE(read_disk());
  run([] {});
}

TEST_F(HttpReadings, HeadReadsNothing) {
  Client client(start_with_history());
  for (const auto& [accept, type] : std::map<std::string, std::string>{
           {"*/*", "application/json"}, {"text/csv", "text/csv; charset=utf-8; header=present"}}) {
    client.send("HEAD /v1/readings?topic=a HTTP/1.1\r\nHost: localhost\r\nAccept: " + accept + "\r\n\r\n");
    const auto answer = read_head(client);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.field("Content-Type"), type);
    EXPECT_EQ(answer.field("Content-Length"), std::nullopt);
    EXPECT_EQ(answer.field("Vary"), "Accept");
  }
  client.send("HEAD /v1/readings?topic=a&from=now HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(read_head(client).status, 400);
  EXPECT_FALSE(log_.history_turn());
}

HistoryPage page_with(std::optional<Gap> gap, bool more) {
  HistoryPage page;
  page.cursor = {1, 8, {}};
  page.head = {1, 9, {}};
  page.gap = gap;
  page.more = more;
  Entry entry;
  entry.kind = Kind::text;
  entry.seq = 7;
  entry.time = 5;
  entry.topic = "a";
  entry.broker = "local";
  page.chunk.entries = {entry, entry};
  return page;
}

TEST(HttpReadingsPage, HasWhatIsNoReadingInItsFields) {
  const auto page = page_with(Gap{GapReason::expired, 3}, true);
  for (const bool broker : {false, true}) {
    const std::string line = std::string(R"({"seq":7,"time":5,"topic":"a","payload":"","encoding":"text")") +
                             (broker ? R"(,"broker":"local"})" : "}");
    const auto lines = page_response(page, PageFormat::ndjson, broker);
    EXPECT_EQ(lines.type, "application/x-ndjson");
    EXPECT_EQ(*lines.body, line + "\n" + line + "\n");
    const std::string row = std::string("7,5,a,,text,,,") + (broker ? "local\r\n" : "\r\n");
    const auto table = page_response(page, PageFormat::csv, broker);
    EXPECT_EQ(table.type, "text/csv; charset=utf-8; header=present");
    EXPECT_EQ(*table.body, "seq,time,topic,payload,encoding,retained,redelivered,broker\r\n" + row + row);
    EXPECT_EQ(table.headers, lines.headers);
    EXPECT_EQ(table.headers,
              "Vary: Accept\r\nFieldcast-Cursor: " + to_string(page.cursor) +
                  "\r\nFieldcast-Head: " + to_string(page.head) +
                  "\r\nFieldcast-More: true\r\nFieldcast-Gap: {\"reason\":\"expired\",\"missed\":3}\r\n");
    EXPECT_EQ(page_response(page, PageFormat::json, broker).headers, "Vary: Accept\r\n");
  }
  const auto last = page_response(page_with({}, false), PageFormat::ndjson, false);
  EXPECT_TRUE(last.headers.ends_with("\r\nFieldcast-More: false\r\n")) << last.headers;
}

}  // namespace
}  // namespace fieldcast::http

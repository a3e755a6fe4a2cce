// The JSON of the wire, byte for byte.
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "gateway/encoding.hpp"
#include "gateway/history_page.hpp"

namespace fieldcast {
namespace {

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string encoded(const Entry& entry, bool with_broker = false) {
  std::string out;
  append_entry(out, entry, with_broker);
  return out;
}

Entry reading(Kind kind, std::string_view payload) {
  Entry entry;
  entry.kind = kind;
  entry.broker = "hall \"3\"";
  entry.topic = "a/b";
  entry.payload = payload;
  entry.seq = 7;
  entry.time = 1'764'000'000'123;
  return entry;
}

TEST(JsonString, SaysWhatItWasGiven) {
  std::string every;
  for (int c = 0; c < 0x80; ++c) every += static_cast<char>(c);
  every += "é€😀";
  const std::string text = json_string(every);
  EXPECT_EQ(nlohmann::json::parse(text).get<std::string>(), every);
  for (const char c : text) EXPECT_GE(static_cast<unsigned char>(c), 0x20) << "no control character, so no line break";
  EXPECT_EQ(json_string("\"\\\n\r\t\x01\x7F"), R"("\"\\\n\r\t\u0001\u007f")");
}

TEST(JsonString, ReplacesWhatIsNotUtf8) {
  for (const std::string broken : {"\xFF", "\xC0", "\x80", "\xF5"}) {
    EXPECT_EQ(json_string("a" + broken + "b"),
              "\"a\xEF\xBF\xBD"
              "b\"");
  }
  for (const std::string broken : {"\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82"}) {
    const std::string text = json_string(broken);
    EXPECT_EQ(nlohmann::json::parse(text).get<std::string>().find(broken), std::string::npos);
  }
}

TEST(Encoding, OfEachKindOfReading) {
  const std::string head = R"({"seq":7,"time":1764000000123,"topic":"a/b","payload":)";
  EXPECT_EQ(encoded(reading(Kind::json, R"({"a":1,"a":1e5})")), head + R"({"a":1,"a":1e5}})");
  EXPECT_EQ(encoded(reading(Kind::text, "on")), head + R"("on","encoding":"text"})");
  EXPECT_EQ(encoded(reading(Kind::text, "")), head + R"("","encoding":"text"})");
  Entry omitted = reading(Kind::omitted, "");
  omitted.size = 300'000;
  EXPECT_EQ(encoded(omitted), head + R"("","encoding":"omitted","size":300000})");
  Entry marked = reading(Kind::json, "1");
  marked.retained = marked.redelivered = true;
  EXPECT_EQ(encoded(marked), head + R"(1,"retained":true,"redelivered":true})");
  EXPECT_EQ(encoded(marked, true), head + R"(1,"retained":true,"redelivered":true,"broker":"hall \"3\""})");
  Entry early = reading(Kind::json, "1");
  early.time = std::numeric_limits<std::int64_t>::min();
  EXPECT_NE(encoded(early).find(R"("time":-9223372036854775808,)"), std::string::npos);
}

TEST(Encoding, OfBase64AsRfc4648HasIt) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"f", "Zg=="},         {"fo", "Zm8="},         {"foo", "Zm9v"},     {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}, {"\xFF\xFE", "//4="}};
  for (const auto& [bytes, text] : cases) {
    EXPECT_NE(encoded(reading(Kind::binary, bytes)).find("\"payload\":\"" + text + "\",\"encoding\":\"base64\"}"),
              std::string::npos)
        << text;
  }
}

Entry link(LinkState state, bool resumed) {
  Entry entry;
  entry.kind = Kind::link;
  entry.broker = "local";
  entry.payload = "hall-3";
  entry.state = state;
  entry.session_resumed = resumed;
  entry.seq = 8;
  entry.time = 9;
  return entry;
}

TEST(Encoding, OfLinkEntries) {
  const std::string head = R"({"seq":8,"time":9,"gateway":"hall-3","broker":"local","state":)";
  EXPECT_EQ(encoded(link(LinkState::up, true)), head + R"("up","session_resumed":true})");
  EXPECT_EQ(encoded(link(LinkState::up, false)), head + R"("up","session_resumed":false})");
  EXPECT_EQ(encoded(link(LinkState::down, true)), head + R"("down"})");
  EXPECT_EQ(encoded(link(LinkState::down, true), true), head + R"("down"})") << "its broker is named in any case";
  std::string snapshot;
  append_snapshot_link(snapshot, link(LinkState::down, false));
  EXPECT_EQ(snapshot, head + R"("down","snapshot":true})");
}

TEST(BatchBuilder, MakesTheBatchOfTheContract) {
  BatchBuilder builder;
  EXPECT_TRUE(builder.empty());
  const Cursor cursor{1, 8, {}};
  const std::string start = R"({"type":"readings","cursor":")" + to_string(cursor) + "\"";
  EXPECT_EQ(builder.seal(cursor, 8, 8)->json, start + R"(,"readings":[]})");

  builder.set_snapshot();
  builder.set_gap({GapReason::expired, 120});
  builder.set_snapshot_links("S");
  builder.add_encoded(link(LinkState::up, true), "L");
  builder.add_encoded(reading(Kind::json, "1"), "R");
  builder.add_encoded(reading(Kind::json, "2"), "Q");
  EXPECT_EQ(builder.entries(), 3u) << "the present states of links do not count";
  const auto batch = builder.seal(cursor, 0, 8);
  EXPECT_EQ(batch->json,
            start + R"(,"snapshot":true,"gap":{"reason":"expired","missed":120},"links":[S,L],"readings":[R,Q]})");
  EXPECT_EQ(batch->cursor(), to_string(cursor));
  EXPECT_EQ(batch->readings, 2u);
  EXPECT_EQ(batch->links, 1u);
  EXPECT_TRUE(builder.empty()) << "and begins anew";

  builder.set_gap({GapReason::unknown, 7});
  builder.forget_missed();
  EXPECT_FALSE(builder.empty());
  EXPECT_EQ(builder.seal(cursor, 8, 8)->json, start + R"(,"gap":{"reason":"unknown","missed":null},"readings":[]})");
}

TEST(BatchBuilder, JoinsBatchesWithoutEncodingAgain) {
  const Cursor cursor{1, 8, {}};
  BatchBuilder builder, whole;
  std::vector<std::shared_ptr<const Batch>> parts;
  for (const std::string name : {"A", "B", "C"}) {
    builder.add_encoded(reading(Kind::json, "1"), name);
    whole.add_encoded(reading(Kind::json, "1"), name);
    if (name != "A") {
      builder.add_encoded(link(LinkState::up, true), "L" + name);
      whole.add_encoded(link(LinkState::up, true), "L" + name);
    }
    parts.push_back(builder.seal(cursor, 0, 8));
  }
  for (const auto& part : parts) builder.join(*part);
  EXPECT_EQ(builder.seal(cursor, 0, 8)->json, whole.seal(cursor, 0, 8)->json);
}

TEST(Encoding, OfAPageOfHistory) {
  HistoryPage page;
  page.cursor = {1, 8, {}};
  page.head = {1, 9, {}};
  const std::string start = R"({"type":"readings","cursor":")" + to_string(page.cursor) + R"(","head":")" +
                            to_string(page.head) + R"(","more":)";
  EXPECT_EQ(encode_page(page, false), start + R"(false,"readings":[]})");
  page.more = true;
  page.gap = Gap{GapReason::storage, std::nullopt};
  page.chunk.entries = {reading(Kind::json, "1"), reading(Kind::text, "on")};
  for (const bool with_broker : {false, true})
    EXPECT_EQ(encode_page(page, with_broker), start + R"(true,"gap":{"reason":"storage","missed":null},"readings":[)" +
                                                  encoded(page.chunk.entries[0], with_broker) + "," +
                                                  encoded(page.chunk.entries[1], with_broker) + "]}");
}

TEST(Encoding, OfAListOfTopics) {
  const Cursor cursor{1, 8, {}};
  std::string topic;
  append_topic(topic, reading(Kind::text, "on"), 12, true);
  EXPECT_EQ(topic, R"({"topic":"a/b","count":12,"latest":)" + encoded(reading(Kind::text, "on"), true) + "}");
  const std::string start = R"({"type":"topics","cursor":")" + to_string(cursor) + "\"";
  EXPECT_EQ(encode_topics(cursor, std::nullopt, false, ""), start + R"(,"more":false,"topics":[]})");
  EXPECT_EQ(encode_topics(cursor, Gap{GapReason::storage, std::nullopt}, true, "A,B"),
            start + R"(,"gap":{"reason":"storage","missed":null},"more":true,"topics":[A,B]})");
}

TEST(Encoding, OfAnswersAndErrors) {
  const Cursor cursor{1, 8, {}};
  EXPECT_EQ(encode_answer("subscribed", "\"x\"", FilterSet({"b", "a/#"}), cursor),
            R"({"type":"subscribed","id":"x","topics":["a/#","b"],"cursor":")" + to_string(cursor) + "\"}");
  EXPECT_EQ(encode_error("null", {Code::bad_from, "say \"now\""}),
            R"({"type":"error","id":null,"code":"bad_from","message":"say \"now\""})");
}

}  // namespace
}  // namespace fieldcast

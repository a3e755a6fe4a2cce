// A reading as a row of RFC 4180, byte for byte.
#include <gtest/gtest.h>

#include <string>

#include "gateway/csv.hpp"

namespace fieldcast {
namespace {

Entry row_of(Kind kind, std::string_view payload) {
  Entry entry;
  entry.kind = kind;
  entry.seq = 7;
  entry.time = -5;
  entry.topic = "a/b";
  entry.payload = payload;
  entry.broker = "hall, \"3\"";
  return entry;
}

std::string row(const Entry& entry, bool with_broker = false) {
  std::string out;
  append_csv(out, entry, with_broker);
  return out;
}

TEST(Csv, OfEachKindOfReading) {
  EXPECT_EQ(row(row_of(Kind::json, "21.500")), "7,-5,a/b,21.500,,,,\r\n");
  EXPECT_EQ(row(row_of(Kind::json, R"("on")")), "7,-5,a/b,\"\"\"on\"\"\",,,,\r\n");
  EXPECT_EQ(row(row_of(Kind::json, R"({"a":1,"b":2})")), "7,-5,a/b,\"{\"\"a\"\":1,\"\"b\"\":2}\",,,,\r\n");
  EXPECT_EQ(row(row_of(Kind::text, "on")), "7,-5,a/b,on,text,,,\r\n");
  EXPECT_EQ(row(row_of(Kind::text, "")), "7,-5,a/b,,text,,,\r\n");
  EXPECT_EQ(row(row_of(Kind::binary, "\xFF\xFE")), "7,-5,a/b,//4=,base64,,,\r\n");
  EXPECT_EQ(row(row_of(Kind::omitted, "")), "7,-5,a/b,,omitted,,,\r\n");
}

TEST(Csv, QuotesWhatWouldEndAField) {
  for (const std::string text : {"a,b", "a\rb", "a\nb", "\r\n", ","})
    EXPECT_EQ(row(row_of(Kind::text, text)), "7,-5,a/b,\"" + text + "\",text,,,\r\n");
  EXPECT_EQ(row(row_of(Kind::text, "\"")), "7,-5,a/b,\"\"\"\",text,,,\r\n");
  EXPECT_EQ(row(row_of(Kind::text, " é;\t'")), "7,-5,a/b, é;\t',text,,,\r\n");
  Entry entry = row_of(Kind::json, "1");
  entry.topic = "a,\"b\"\n";
  EXPECT_EQ(row(entry), "7,-5,\"a,\"\"b\"\"\n\",1,,,,\r\n");
}

TEST(Csv, HasEachColumnInEveryRow) {
  EXPECT_EQ(kCsvHeader, "seq,time,topic,payload,encoding,retained,redelivered,broker\r\n");
  Entry entry = row_of(Kind::json, "1");
  EXPECT_EQ(row(entry, true), "7,-5,a/b,1,,,,\"hall, \"\"3\"\"\"\r\n");
  entry.retained = true;
  EXPECT_EQ(row(entry), "7,-5,a/b,1,,true,,\r\n");
  entry.redelivered = true;
  EXPECT_EQ(row(entry), "7,-5,a/b,1,,true,true,\r\n");
  entry.retained = false;
  EXPECT_EQ(row(entry), "7,-5,a/b,1,,,true,\r\n");
}

}  // namespace
}  // namespace fieldcast

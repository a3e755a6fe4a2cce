// Commands as clients write them: what goes out for each encoding, and what is refused.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "adapters/json/classify.hpp"
#include "adapters/json/command.hpp"

namespace fieldcast::json {
namespace {

Command command_of(const std::string& text) {
  const auto command = parse_command(text);
  EXPECT_TRUE(command) << text << ": " << (command ? "" : command.problem().detail);
  return command ? *command : Command{};
}

std::string payload_of(const std::string& members) {
  return command_of(R"({"topic":"a",)" + members + "}").payload;
}

std::string fault_of(const std::string& text) {
  const auto command = parse_command(text);
  EXPECT_FALSE(command) << text;
  if (command) return {};
  EXPECT_EQ(command.problem().code, Code::bad_message);
  return command.problem().detail;
}

std::string fault_of_member(const std::string& members) {
  return fault_of(R"({"topic":"a","payload":1,)" + members + "}");
}

TEST(JsonCommand, OnlyTopicAndPayloadAreRequired) {
  const Command least = command_of(R"({"topic":"hall/valve-1/set","payload":1})");
  EXPECT_EQ(least.topic, "hall/valve-1/set");
  EXPECT_EQ(least.payload, "1");
  EXPECT_EQ(least.qos, 1);
  EXPECT_FALSE(least.retain);
  EXPECT_FALSE(least.broker);
  const Command all = command_of(
      " {\"op\":\"publish\",\r\n\t\"broker\" : \"press\",\"retain\":true , \"qos\":2,\"encoding\":\"text\","
      "\"payload\":\"closed\",\"topic\":\"a\\/\\u00e9\",\"id\":3} \n");
  EXPECT_EQ(all.topic, "a/\u00e9");
  EXPECT_EQ(all.payload, "closed");
  EXPECT_EQ(all.qos, 2);
  EXPECT_TRUE(all.retain);
  EXPECT_EQ(all.broker, "press");
}

TEST(JsonCommand, JsonGoesOutAsItWasWritten) {
  for (const std::string payload :
       {"0", "-0.0", "21.50", "1E+2", "18446744073709551616", "123456789012345678901234567890.10", "true", "null",
        "\"on\"", R"("\u00e9\/\n")", "[]", "{}", "[1,[2,{}],\"]\"]",
        R"({"b":1,"a":2,"b":3,"topic":"x","payload":"}"})"}) {
    EXPECT_EQ(payload_of(R"("payload":)" + payload), payload);
    EXPECT_EQ(payload_of(R"("payload":)" + payload + R"(,"qos":1)"), payload);
  }
  EXPECT_EQ(payload_of("\"payload\" : { \"a\" : [ 1 , \" \" ] } \n"), R"({"a":[1," "]})");
}

TEST(JsonCommand, TextGoesOutBare) {
  for (const auto& [written, bytes] :
       std::vector<std::pair<std::string, std::string>>{{"", ""},
                                                        {"on", "on"},
                                                        {R"(\"\\\/\n\u0000)", std::string("\"\\/\n\0", 5)},
                                                        {R"(\ud83d\ude00)", "\U0001F600"}}) {
    EXPECT_EQ(payload_of(R"("encoding":"text","payload":")" + written + '"'), bytes);
  }
}

TEST(JsonCommand, Base64GoesOutDecoded) {
  for (const auto& [written, bytes] : std::vector<std::pair<std::string, std::string>>{{"", ""},
                                                                                       {"Zg==", "f"},
                                                                                       {"Zm8=", "fo"},
                                                                                       {"Zm9v", "foo"},
                                                                                       {"Zm9vYmFy", "foobar"},
                                                                                       {"AP/+", {"\0\xFF\xFE", 3}},
                                                                                       {"+/+/", "\xFB\xFF\xBF"}}) {
    EXPECT_EQ(payload_of(R"("payload":")" + written + R"(","encoding":"base64")"), bytes) << written;
  }
  for (const char* wrong : {"Z", "Zg", "Zg=", "Zm8", "Zg===", "====", "=",
                            "Zh==", "Zm9=", "Zg==Zg==", "Z=g=", "Zm9v\\n", " Zm9v", "Zm-v", "Zm_v", "Zm9vYmF\\u00e9"}) {
    EXPECT_NE(fault_of(R"({"topic":"a","encoding":"base64","payload":")" + std::string(wrong) + "\"}").find("base64"),
              std::string::npos)
        << wrong;
  }
}

TEST(JsonCommand, AFaultNamesItsMember) {
  EXPECT_NE(fault_of(R"({"payload":1})").find("`topic`"), std::string::npos);
  EXPECT_NE(fault_of(R"({"topic":7,"payload":1})").find("`topic`"), std::string::npos);
  EXPECT_NE(fault_of(R"({"topic":"a"})").find("`payload` is missing"), std::string::npos);
  for (const char* encoding : {R"("json")", R"("Text")", "null", "1", R"("")", "{}"})
    EXPECT_NE(fault_of_member(R"("encoding":)" + std::string(encoding)).find("`encoding`"), std::string::npos);
  for (const char* payload : {"1", "null", "{}", "[\"a\"]"}) {
    for (const std::string encoding : {"text", "base64"}) {
      EXPECT_NE(
          fault_of(R"({"topic":"a","encoding":")" + encoding + R"(","payload":)" + payload + "}").find("`payload`"),
          std::string::npos);
    }
  }
  for (const char* qos : {"0", "3", "-1", "1.0", "\"1\"", "null", "true"})
    EXPECT_NE(fault_of_member(R"("qos":)" + std::string(qos)).find("`qos` takes 1 or 2"), std::string::npos);
  for (const char* retain : {"0", "1", "\"true\"", "null"})
    EXPECT_NE(fault_of_member(R"("retain":)" + std::string(retain)).find("`retain`"), std::string::npos);
  for (const char* broker : {"0", "null", "[\"local\"]"})
    EXPECT_NE(fault_of_member(R"("broker":)" + std::string(broker)).find("`broker`"), std::string::npos);
}

TEST(JsonCommand, AKnownMemberComesOnce) {
  for (const std::string member : {R"("topic":"a")", R"("payload":1)", R"("qos":1)", R"("\u0071os":2)"}) {
    EXPECT_NE(fault_of(R"({"topic":"a","payload":1,"qos":1,)" + member + "}").find("twice"), std::string::npos);
  }
  EXPECT_EQ(payload_of(R"("payload":1,"note":{"payload":2},"note":3)"), "1");
}

TEST(JsonCommand, AnythingElseIsNoCommand) {
  const std::string whole = R"({"topic":"a","payload":1})";
  for (const std::string& text :
       {std::string(), std::string("null"), std::string("1"), "[" + whole + "]", whole + whole, whole + '\0',
        "\xEF\xBB\xBF" + whole, whole.substr(0, whole.size() - 1), std::string(R"({"topic":"a","payload":1,})"),
        std::string(R"({"topic":"a","payload":1,"note":tru})"), std::string(R"({"topic":"a","payload":01})"),
        std::string(R"({"topic":"a","payload":1e})"), std::string(R"({"topic":"a","payload":1e999})"),
        std::string(R"({"topic":"a","payload":"\ud800"})"), std::string("{\"topic\":\"a\xFF\",\"payload\":1}"),
        std::string(100'000, '[')}) {
    EXPECT_NE(fault_of(text).find("JSON object"), std::string::npos);
  }
  // The levels of the message count.
  const auto nested = [](std::size_t levels) {
    return R"({"topic":"a","payload":)" + std::string(levels, '[') + std::string(levels, ']') + "}";
  };
  EXPECT_EQ(command_of(nested(kMaxDepth - 1)).payload.size(), 2 * (kMaxDepth - 1));
  fault_of(nested(kMaxDepth));
}

}  // namespace
}  // namespace fieldcast::json

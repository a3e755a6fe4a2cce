// [R-3] to [R-7], [R-11]: what becomes of a payload, live and replayed, over each transport.
#include <gtest/gtest.h>
#include <signal.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/contract/transports.hpp"

namespace fieldcast::test {
namespace {

using namespace std::string_literals;

std::string nested(int levels) {
  return std::string(static_cast<std::size_t>(levels), '[') + std::string(static_cast<std::size_t>(levels), ']');
}

struct PayloadCase {
  std::string name;
  std::string bytes;
  enum Kind { json, text, base64 } kind;
};

void PrintTo(const PayloadCase& c, std::ostream* out) {
  *out << c.name;
}

const std::vector<PayloadCase> kCases{
    {"Number", "21.5", PayloadCase::json},
    {"NumberWithDigits", "21.500", PayloadCase::json},
    {"NegativeZero", "-0", PayloadCase::json},
    {"Exponent", "1E+2", PayloadCase::json},
    {"SmallestDouble", "1e-400", PayloadCase::json},
    {"LargestDouble", "1.7976931348623157e308", PayloadCase::json},
    {"Int64Min", "-9223372036854775808", PayloadCase::json},
    {"Uint64Max", "18446744073709551615", PayloadCase::json},
    {"TwoTo64", "18446744073709551616", PayloadCase::json},
    {"BelowInt64Min", "-9223372036854775809", PayloadCase::json},
    {"FortyDigits", "1234567890123456789012345678901234567890", PayloadCase::json},
    {"FortyDigitsInside", R"({"energy":1234567890123456789012345678901234567890})", PayloadCase::json},
    {"TooLargeForDouble", "1e400", PayloadCase::text},
    {"TooLargeForDoubleInside", R"({"a":[1,-1e400]})", PayloadCase::text},
    {"NaN", "NaN", PayloadCase::text},
    {"Infinity", "-Infinity", PayloadCase::text},
    {"LeadingZero", "007", PayloadCase::text},
    {"LeadingPlus", "+1", PayloadCase::text},
    {"PointWithoutDigits", "1.", PayloadCase::text},
    {"Hexadecimal", "0x10", PayloadCase::text},
    {"String", R"("on")", PayloadCase::json},
    {"BareText", "on", PayloadCase::text},
    {"True", "true", PayloadCase::json},
    {"TrueInCapitals", "True", PayloadCase::text},
    {"Null", "null", PayloadCase::json},
    {"Empty", "", PayloadCase::text},
    {"OnlySpace", "  ", PayloadCase::text},
    {"Object", R"({"b":1,"a":[true,null,"x"],"é":{}})", PayloadCase::json},
    {"Duplicates", R"({"a":1,"a":2,"a":1})", PayloadCase::json},
    {"SpaceBetweenTokens", "{ \"a\" :\t[ 1 ,\r\n2 ] }\n", PayloadCase::json},
    {"SpaceInsideStrings", R"({"a b":"c  d"})", PayloadCase::json},
    {"TrailingComma", "[1,]", PayloadCase::text},
    {"SingleQuotes", "{'a':1}", PayloadCase::text},
    {"Comment", "[1] // one", PayloadCase::text},
    {"TwoValues", "1 2", PayloadCase::text},
    {"TwoLines", "{\"a\":1}\n{\"a\":2}", PayloadCase::text},
    {"Unfinished", R"({"a":)", PayloadCase::text},
    {"SixtyLevels", nested(60), PayloadCase::json},
    {"SixtyOneLevels", nested(61), PayloadCase::text},
    {"SixtyOneLevelsWithValue", std::string(61, '[') + "1" + std::string(61, ']'), PayloadCase::text},
    {"SurrogatePair", R"("\ud83d\ude00")", PayloadCase::json},
    {"LoneHighSurrogate", R"("\ud83d")", PayloadCase::text},
    {"LoneLowSurrogate", R"({"a":"\ude00x"})", PayloadCase::text},
    {"SurrogatesSwapped", R"("\ude00\ud83d")", PayloadCase::text},
    {"EscapedBackslashBeforeU", R"("\\ud83d")", PayloadCase::json},
    {"SurrogateInKey", R"({"\ud800":1})", PayloadCase::text},
    {"ByteOrderMark", "\xEF\xBB\xBF{\"a\":1}", PayloadCase::text},
    {"TrailingNul", "{\"a\":1}\0"s, PayloadCase::text},
    {"NulInside", "a\0b"s, PayloadCase::text},
    {"NulInJsonString", "\"a\0b\""s, PayloadCase::text},
    {"EscapedNul", R"("a\u0000b")", PayloadCase::json},
    {"ControlInJsonString", "\"a\x01\"", PayloadCase::text},
    {"AllControls",
     [] {
       std::string all;
       for (char c = 0; c < 0x20; ++c) all += c;
       return all + "\x7f\"\\/";
     }(),
     PayloadCase::text},
    {"Emoji", "\"\xF0\x9F\x8C\xA1\"", PayloadCase::json},
    {"EmojiBare", "\xF0\x9F\x8C\xA1", PayloadCase::text},
    {"NonCharacter", "\xEF\xBF\xBF", PayloadCase::text},
    {"LineSeparators", "\"a\xE2\x80\xA8\x62\xE2\x80\xA9\"", PayloadCase::json},
    {"LineSeparatorsBare", "a\xE2\x80\xA8\x62\xE2\x80\xA9\xC2\x85", PayloadCase::text},
    {"LineFeed", "a\n\nevent: problem\ndata: forged\n\n", PayloadCase::text},
    {"CarriageReturn", "a\r\rdata: forged\r\r", PayloadCase::text},
    {"CrLf", "a\r\n\r\ndata: forged\r\n\r\n", PayloadCase::text},
    {"LineFeedsBetweenTokens", "[1,\n\n\"data: forged\"\n\n]", PayloadCase::json},
    {"CarriageReturnsBetweenTokens", "[1,\r\r\"data: forged\"\r\r]", PayloadCase::json},
    {"Script", "</script><!--", PayloadCase::text},
    {"InvalidUtf8", "\xFF\xFE", PayloadCase::base64},
    {"InvalidUtf8InJsonString", "\"\xC3\x28\"", PayloadCase::base64},
    {"OverlongUtf8", "\xC0\x80", PayloadCase::base64},
    {"SurrogateAsUtf8", "\xED\xA0\x80", PayloadCase::base64},
    {"BeyondUnicode", "\xF4\x90\x80\x80", PayloadCase::base64},
    {"CutUtf8", "abc\xE2\x82", PayloadCase::base64},
    {"OneByte", "\x80", PayloadCase::base64},
    {"BinaryWithNul", "\x00\x01\xFE\xFF"s, PayloadCase::base64},
};

/// RFC 4648 section 4, strict.
std::string base64_decoded(const std::string& text) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  if (text.size() % 4 != 0) throw std::runtime_error("base64 of a wrong length: " + text);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    unsigned bits = 0, padding = 0;
    for (std::size_t j = i; j < i + 4; ++j) {
      const auto value = kAlphabet.find(text[j]);
      if (text[j] == '=' && j + 2 >= text.size()) {
        ++padding;
      } else if (value == std::string_view::npos || padding != 0) {
        throw std::runtime_error("no base64: " + text);
      }
      bits = bits << 6 | (text[j] == '=' ? 0 : static_cast<unsigned>(value));
    }
    for (unsigned k = 0; k < 3 - padding; ++k) bytes += static_cast<char>(bits >> (16 - 8 * k) & 255);
  }
  return bytes;
}

/// JSON without the space between its tokens.
std::string without_space(const std::string& json) {
  std::string out;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (in_string && json[i] == '\\') out += json[i++];
    if (json[i] == '"') in_string = !in_string;
    if (in_string || std::string_view(" \t\r\n").find(json[i]) == std::string_view::npos) out += json[i];
  }
  return out;
}

class Payload : public CasesOverTransports<PayloadCase> {
 protected:
  void expect(const Batch& batch) {
    ASSERT_EQ(batch.readings.size(), 1u) << batch.raw;
    const auto& reading = batch.readings[0];
    EXPECT_FALSE(reading.size) << batch.raw;
    switch (tested().kind) {
      case PayloadCase::json:
        EXPECT_EQ(reading.encoding, "") << batch.raw;
        EXPECT_EQ(without_space(batch.raw_payload()), without_space(tested().bytes));
        break;
      case PayloadCase::text:
        EXPECT_EQ(reading.encoding, "text") << batch.raw;
        EXPECT_EQ(reading.payload.get<std::string>(), tested().bytes);
        break;
      case PayloadCase::base64:
        EXPECT_EQ(reading.encoding, "base64") << batch.raw;
        EXPECT_EQ(base64_decoded(reading.payload.get<std::string>()), tested().bytes);
        break;
    }
  }
};

// [R-4], [R-5], [R-6]
TEST_P(Payload, ComesAsTheContractSays) {
  const auto topic = hall().topic();
  const auto live = open({{topic}, "", ""});
  const auto start = live->batch().cursor;
  hall().publish(topic, tested().bytes);
  expect(live->batch_with_readings());
  expect(open({{topic}, start, ""})->batch_with_readings());
}

INSTANTIATE_TEST_SUITE_P(R3to6, Payload, ::testing::Combine(::testing::ValuesIn(kCases), each_transport()),
                         case_name<PayloadCase>);

// [R-7]
class PayloadSize : public ::testing::TestWithParam<Transport> {
 protected:
  static void SetUpTestSuite() { hall_ = std::make_unique<Hall>(Gateway::Options{.limits = "payload = 1024\n"}); }
  static void TearDownTestSuite() { hall_.reset(); }
  static inline std::unique_ptr<Hall> hall_;
};

TEST_P(PayloadSize, LimitAndOneByteMore) {
  const auto topic = hall_->topic();
  const auto stream = hall_->open(GetParam(), {{topic}, "", ""});
  stream->batch();
  struct {
    std::string bytes;
    bool kept;
  } const cases[] = {{std::string(1024, 'x'), true},
                     {std::string(1025, 'x'), false},
                     {"\"" + std::string(1022, 'x') + "\"", true},
                     {"\"" + std::string(1023, 'x') + "\"", false},
                     {std::string(1024, '\xff'), true},
                     {std::string(1025, '\xff'), false},
                     {std::string(100'000, ' ') + "1", false}};
  for (const auto& [bytes, kept] : cases) {
    hall_->publish(topic, bytes);
    const auto reading = stream->readings(1).at(0);
    EXPECT_EQ(reading.encoding == "omitted", !kept) << bytes.size();
    EXPECT_EQ(reading.size, kept ? std::optional<std::uint64_t>() : bytes.size());
    EXPECT_EQ(reading.payload.get<std::string>().empty(), !kept);
  }
}

INSTANTIATE_TEST_SUITE_P(R7, PayloadSize, each_transport(), transport_name);

// [R-8]
TEST(Retained, IsMarkedOnlyWhereTheBrokerHadStoredIt) {
  Hall own;
  const auto topic = own.topic("state");
  const auto before = own.open(Transport::poll, {{topic}, "", ""});
  before->batch();
  own.publish(Message{topic, "1", 1, true});
  EXPECT_FALSE(before->readings(1).at(0).retained) << "it came live";

  own.gateway().kill();
  own.broker().kill();  // with it the gateway's session
  own.broker().start();
  own.publisher().publish(Message{topic, "2", 1, true});
  own.gateway().start();
  own.settle();
  for (const auto transport : kTransports) {
    const auto readings = own.open(transport, {{topic}, "oldest", ""})->readings(2);
    EXPECT_FALSE(readings[0].retained) << to_string(transport);
    EXPECT_TRUE(readings[1].retained) << to_string(transport);
    EXPECT_EQ(readings[1].payload, 2) << to_string(transport);
  }
}

// [R-9]
TEST(Retained, ARepeatIsLeftOut) {
  Hall own;
  const auto topic = own.topic("state");
  own.publish(Message{topic, "1", 1, true});
  // While the gateway stands still the broker loses its sessions and is told the same again.
  own.gateway().process().freeze();
  own.broker().kill();
  own.broker().start();
  own.publisher().publish(Message{topic, "1", 1, true});
  own.gateway().process().signal(SIGCONT);
  own.settle();  // the gateway has subscribed again
  EXPECT_EQ(own.metric("fieldcast_retained_repeats_total"), 1);
  own.publish(topic, "2");
  for (const auto transport : kTransports) {
    const auto readings = own.open(transport, {{topic}, "oldest", ""})->readings(2);
    EXPECT_EQ(readings[0].payload, 1) << to_string(transport);
    EXPECT_EQ(readings[1].payload, 2) << to_string(transport);
  }
}

// [R-10]
TEST(Redelivered, IsMarkedWhereItMayBeThereAlready) {
  Hall own;
  const auto topic = own.topic();
  own.publish(topic, "1");
  own.gateway().process().freeze();  // the broker sends, but nobody acknowledges
  own.publisher().publish({topic, "2"});
  own.gateway().kill();
  own.publisher().publish({topic, "3"});  // for the first time when the gateway is back
  own.gateway().start();
  own.settle();
  own.publish(topic, "4");
  for (const auto transport : kTransports) {
    const auto readings = own.open(transport, {{topic}, "oldest", ""})->readings(4);
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(readings[i].payload, i + 1);
      EXPECT_EQ(readings[i].redelivered, i == 1) << readings[i].payload;
    }
  }
}

}  // namespace
}  // namespace fieldcast::test

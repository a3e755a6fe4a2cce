// The judgement at the door, case by case. What is JSON here must be taken by JavaScript's JSON.parse and Python's
// json.loads, and must come back from them with nothing lost but what a double cannot hold.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "adapters/json/classify.hpp"

namespace fieldcast::json {
namespace {

using namespace std::string_view_literals;

std::string nested(std::size_t levels, std::string_view open, std::string_view close, std::string_view inside = "") {
  std::string text;
  for (std::size_t i = 0; i < levels; ++i) text += open;
  text += inside;
  for (std::size_t i = 0; i < levels; ++i) text += close;
  return text;
}

struct Case {
  std::string_view name;
  std::string_view payload;
  Kind kind;
  std::string_view kept;  // of JSON only; the others are kept as they are
};

class Cases : public testing::TestWithParam<Case> {};

TEST_P(Cases, IsClassified) {
  Classifier classifier;
  const Case& c = GetParam();
  const Classified got = classifier.classify(c.payload);
  EXPECT_EQ(got.kind, c.kind);
  EXPECT_EQ(got.payload, c.kind == Kind::json ? c.kept : c.payload);
}

constexpr Case json(std::string_view name, std::string_view payload) {
  return {name, payload, Kind::json, payload};
}
constexpr Case json(std::string_view name, std::string_view payload, std::string_view kept) {
  return {name, payload, Kind::json, kept};
}
constexpr Case text(std::string_view name, std::string_view payload) {
  return {name, payload, Kind::text, {}};
}
constexpr Case binary(std::string_view name, std::string_view payload) {
  return {name, payload, Kind::binary, {}};
}

constexpr Case kCases[] = {
    // scalars are JSON texts (RFC 8259 section 2)
    json("number", "21.5"),
    json("zero", "0"),
    json("minus_zero", "-0"),
    json("minus_zero_point", "-0.0"),
    json("exponent", "1E5"),
    json("exponent_plus", "1e+5"),
    json("exponent_minus", "1.5E-7"),
    json("true_", "true"),
    json("false_", "false"),
    json("null_", "null"),
    json("string_on", "\"on\""),
    json("empty_string", "\"\""),
    json("empty_object", "{}"),
    json("empty_array", "[]"),

    // digits stay
    json("trailing_zeros", "1.50000"),
    json("int64_max", "9223372036854775807"),
    json("int64_min", "-9223372036854775808"),
    json("below_int64_min", "-9223372036854775809"),
    json("uint64_max", "18446744073709551615"),
    json("two_to_64", "18446744073709551616"),
    json("forty_digits", "1234567890123456789012345678901234567890"),
    json("forty_digits_inside", R"({"a":[1234567890123456789012345678901234567890,-1]})"),
    json("many_fraction_digits", "0.1234567890123456789012345678901234567890"),
    json("largest_double", "1.7976931348623157e308"),
    json("underflow", "1e-400"),
    json("largest_denormal_digits", "2.2250738585072011e-308"),

    // numbers that no double holds, and what is no number
    text("too_large", "1e400"),
    text("too_large_negative", "-1e400"),
    text("too_large_inside", R"({"a":1e309})"),
    text("too_large_with_big_integer", "[18446744073709551616,1e400]"),
    text("rounds_to_infinity", "1.7976931348623159e308"),
    text("nan", "NaN"),
    text("infinity", "Infinity"),
    text("minus_infinity", "-Infinity"),
    text("nan_inside", R"({"a":NaN})"),
    text("leading_zero", "01"),
    text("leading_plus", "+1"),
    text("leading_point", ".5"),
    text("trailing_point", "5."),
    text("bare_exponent", "1e"),
    text("hexadecimal", "0x1F"),
    text("minus_only", "-"),
    text("big_integer_leading_zero", "018446744073709551616"),
    text("big_integer_then_rest", "18446744073709551616 x"),

    // white space between tokens goes, inside strings it stays
    json("spaces_around", "  21.5\t", "21.5"),
    json("line_end", "21.5\r\n", "21.5"),
    json("pretty", "{\r\n\t\"a\" : [ 1 , 2 ] ,\n\t\"b\" : null\r\n}\n", R"({"a":[1,2],"b":null})"),
    json("space_in_string", R"({ "a b" : " c  d " })", R"({"a b":" c  d "})"),
    json("quote_in_string", R"({ "a\" : " : "\\" , "b" : 1 })", R"({"a\" : ":"\\","b":1})"),
    json("big_integer_spaces", "[ 18446744073709551616 ,\n1 ]", "[18446744073709551616,1]"),
    text("only_space", "  "),
    text("form_feed", "\f1"),
    text("no_break_space",
         "\xC2\xA0"
         "1"),
    text("line_feed_in_string", "\"a\nb\""),
    text("tab_in_string", "\"a\tb\""),

    // member order and duplicates stay
    json("order", R"({"b":1,"a":2})"),
    json("duplicates", R"({"a":1,"a":2,"a":{"a":3}})"),
    json("empty_key", R"({"":1})"),

    // escapes and Unicode
    json("escapes", R"("\"\\\/\b\f\n\r\t\u00e9")"),
    json("escaped_nul", R"("\u0000")"),
    json("utf8", "\"gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x98\x80\""),
    json("line_separator", "\"\xE2\x80\xA8\xE2\x80\xA9\""),
    json("delete_character", "\"\x7F\""),
    json("noncharacter", "\"\xEF\xBF\xBF\""),
    json("pair", R"("\ud83d\ude00")"),
    json("pair_upper_case", R"("\uD83D\uDE00")"),
    json("two_pairs", R"("\ud83d\ude00\ud83d\ude00")"),
    json("pair_in_key", R"({"\ud83d\ude00":1})"),
    json("backslash_before_u", R"("\\ud800")"),
    json("code_point_before_surrogates", R"("\ud7ff\ue000")"),
    text("lone_high", R"("\ud800")"),
    text("lone_low", R"("\udc00")"),
    text("reversed_pair", R"("\ude00\ud83d")"),
    text("high_high_low", R"("\ud83d\ud83d\ude00")"),
    text("pair_then_low", R"("\ud83d\ude00\ude00")"),
    text("high_then_character", R"("\ud83dx\ude00")"),
    text("high_then_escape", R"("\ud83d\n")"),
    text("high_then_escaped_backslash", R"("\ud83d\\ude00")"),
    text("high_and_low_in_two_strings", R"(["\ud83d","\ude00"])"),
    text("lone_high_in_key", R"({"\ud800":1})"),
    text("lone_low_in_key", R"({"\udc00":1})"),
    text("lone_low_with_big_integer", R"(["\udc00",18446744073709551616])"),
    text("bad_escape", R"("\x41")"),
    text("short_escape", R"("\u12")"),
    text("no_hex", R"("\u12g4")"),

    // what is not RFC 8259, whatever some parsers take
    text("empty", ""),
    text("bare_word", "on"),
    text("capital_true", "True"),
    text("true_and_more", "truex"),
    text("two_values", "1 2"),
    text("trailing_comma_array", "[1,]"),
    text("trailing_comma_object", R"({"a":1,})"),
    text("comment", "/* c */1"),
    text("single_quotes", "'a'"),
    text("no_quotes", "{a:1}"),
    text("unclosed_array", "[1"),
    text("unclosed_object", R"({"a":1)"),
    text("unclosed_string", "\"a"),
    text("surplus_close", "[]]"),
    text("mismatch", "[}"),
    text("key_without_value", R"({"a"})"),
    text("number_as_key", "{1:2}"),
    text("byte_order_mark", "\xEF\xBB\xBF{}"),
    text("byte_order_mark_big_integer",
         "\xEF\xBB\xBF"
         "18446744073709551616"),
    text("trailing_nul", "21.5\0"sv),
    text("trailing_nul_object", "{}\0"sv),
    text("trailing_nul_big_integer", "18446744073709551616\0"sv),
    text("nul_in_string", "\"a\0b\""sv),
    text("nul_between", "[1,\0 2]"sv),
    text("only_nul", "\0"sv),

    // not UTF-8
    binary("bytes", "\x08\x96\xFF\x01"sv),
    binary("latin_1", "gr\xFC\xDF"sv),
    binary("bad_utf8_in_json", "\"\xFF\""sv),
    binary("overlong", "\"\xC0\x80\""sv),
    binary("encoded_surrogate", "\"\xED\xA0\x80\""sv),
    binary("above_unicode", "\"\xF4\x90\x80\x80\""sv),
    binary("cut_character", "\xE2\x82"sv),
    binary("bad_utf8_with_big_integer", "[18446744073709551616,\"\xFF\"]"sv),
};
static_assert(std::size(kCases) >= 60);

INSTANTIATE_TEST_SUITE_P(JsonClassify, Cases, testing::ValuesIn(kCases),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(JsonClassifyDepth, SixtyLevelsAreJsonAndSixtyOneAreText) {
  Classifier classifier;
  for (const std::string_view inside : {"", "1", "18446744073709551616"}) {
    EXPECT_EQ(classifier.classify(nested(60, "[", "]", inside)).kind, Kind::json) << inside;
    EXPECT_EQ(classifier.classify(nested(61, "[", "]", inside)).kind, Kind::text) << inside;
  }
  for (const std::string_view inside : {"1", "{}", "18446744073709551616"}) {
    const std::size_t own = inside == "{}" ? 1 : 0;
    EXPECT_EQ(classifier.classify(nested(60 - own, "{\"a\":", "}", inside)).kind, Kind::json) << inside;
    EXPECT_EQ(classifier.classify(nested(61 - own, "{\"a\":", "}", inside)).kind, Kind::text) << inside;
  }
  EXPECT_EQ(classifier.classify(nested(30, "[{\"a\":", "}]", "1")).kind, Kind::json);
  EXPECT_EQ(classifier.classify(nested(30, "[{\"a\":", "}]", "[]")).kind, Kind::text);
}

TEST(JsonClassifyDepth, LevelsSideBySideDoNotAddUp) {
  Classifier classifier;
  const std::string deep = nested(59, "[", "]");
  EXPECT_EQ(classifier.classify("[" + deep + "," + deep + ",18446744073709551616]").kind, Kind::json);
  EXPECT_EQ(classifier.classify("[" + deep + "," + deep + "]").kind, Kind::json);
}

TEST(JsonClassifyDepth, HopelesslyDeepIsText) {
  Classifier classifier;
  EXPECT_EQ(classifier.classify(nested(100'000, "[", "]")).kind, Kind::text);
  EXPECT_EQ(classifier.classify("[18446744073709551616," + nested(100'000, "[", "]") + "]").kind, Kind::text);
}

// Every length around the blocks that the parser reads, so that a read past the end would show under ASan.
TEST(JsonClassify, EveryLength) {
  Classifier classifier;
  for (std::size_t length = 0; length < 600; ++length) {
    const std::string string = "\"" + std::string(length, 'x') + "\"";
    const Classified got = classifier.classify("[ " + string + " ]");
    EXPECT_EQ(got.kind, Kind::json);
    EXPECT_EQ(got.payload, "[" + string + "]");
    const std::string word(length, 'x');
    EXPECT_EQ(classifier.classify(word).kind, Kind::text);
  }
}

TEST(JsonClassify, LongPayloadsAndThenShortOnes) {
  Classifier classifier;
  std::string numbers = "[0";
  while (numbers.size() < 256 * 1024) numbers += ",18446744073709551616, 1";
  numbers += "]";
  EXPECT_EQ(classifier.classify(numbers).kind, Kind::json);
  EXPECT_EQ(classifier.classify(numbers).payload.find(' '), std::string_view::npos);
  EXPECT_EQ(classifier.classify(numbers + "]").kind, Kind::text);
  EXPECT_EQ(classifier.classify(" 1 ").payload, "1");
  EXPECT_EQ(classifier.classify("on").kind, Kind::text);
}

// One faulty payload leaves nothing behind for the next.
TEST(JsonClassify, KeepsNothingBetweenPayloads) {
  Classifier classifier;
  for (const Case& c : kCases) {
    EXPECT_EQ(classifier.classify(c.payload).kind, c.kind) << c.name;
    EXPECT_EQ(classifier.classify(R"({"a":[1]})").kind, Kind::json) << "after " << c.name;
  }
}

}  // namespace
}  // namespace fieldcast::json

// Cursors and the other values of `from`.
#include <gtest/gtest.h>

#include <limits>

#include "gateway/cursor.hpp"
#include "gateway/from.hpp"

namespace fieldcast {
namespace {

const std::vector<Cursor> kCursors{{0, 0, {}}, {~std::uint64_t{0}, kMaxSeq, {}},      {0x0123456789ABCDEF, 1'024, {}},
                                   {1, 0, 0},  {~std::uint64_t{0}, kMaxSeq, kMaxSeq}, {42, 7, 1'000'000}};

TEST(Cursor, ComesBackAsItWas) {
  for (const Cursor& cursor : kCursors) {
    const std::string text = to_string(cursor);
    EXPECT_LE(text.size(), 64u);
    EXPECT_EQ(text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
              std::string::npos);
    EXPECT_EQ(parse_cursor(text), cursor) << text;
    const auto from = parse_from(text);
    ASSERT_TRUE(from) << text;
    EXPECT_EQ(from->kind, From::Kind::cursor);
    EXPECT_EQ(from->cursor, cursor);
  }
}

TEST(Cursor, WithOneWrongCharacterIsFoundOut) {
  for (const Cursor& cursor : kCursors) {
    const std::string text = to_string(cursor);
    for (std::size_t i = 0; i < text.size(); ++i) {
      for (const char c : {'A', 'B', 'p', 's', '_', '9'}) {
        if (text[i] == c) continue;
        std::string wrong = text;
        wrong[i] = c;
        EXPECT_EQ(parse_cursor(wrong), std::nullopt) << wrong;
      }
    }
    EXPECT_EQ(parse_cursor(text.substr(0, text.size() - 1)), std::nullopt);
    EXPECT_EQ(parse_cursor(text + "A"), std::nullopt);
  }
  for (const std::string text : {"", "p", "s", "now", "p%20", "pAAAA"}) EXPECT_EQ(parse_cursor(text), std::nullopt);
}

TEST(From, TakesWordsAndSpans) {
  EXPECT_EQ(parse_from("now")->kind, From::Kind::now);
  EXPECT_EQ(parse_from("latest")->kind, From::Kind::latest);
  EXPECT_EQ(parse_from("oldest")->kind, From::Kind::oldest);
  const std::vector<std::pair<std::string, std::int64_t>> spans{
      {"-10m", 600'000}, {"-1ms", 1}, {"-0s", 0}, {"-7d", 604'800'000}, {"-2h", 7'200'000}, {"-30s", 30'000}};
  for (const auto& [text, ms] : spans) {
    const auto from = parse_from(text);
    ASSERT_TRUE(from) << text;
    EXPECT_EQ(from->kind, From::Kind::ago);
    EXPECT_EQ(from->time, ms) << text;
  }
  for (const std::string text :
       {"", "Now", "-", "-10", "-m", "--1m", "-1.5h", "-10w", "10m", "-10m ", "-99999999999999999d", "tomorrow"}) {
    const auto from = parse_from(text);
    ASSERT_FALSE(from) << text;
    EXPECT_EQ(from.problem().code, Code::bad_from);
  }
}

TEST(From, TakesRfc3339) {
  const std::vector<std::pair<std::string, std::int64_t>> times{{"1970-01-01T00:00:00Z", 0},
                                                                {"1985-04-12T23:20:50.52Z", 482'196'050'520},
                                                                {"1996-12-19T16:39:57-08:00", 851'042'397'000},
                                                                {"1990-12-31T23:59:60Z", 662'687'999'000},
                                                                {"1937-01-01T12:00:27.87+00:20", -1'041'337'172'130},
                                                                {"2038-01-19T03:14:08Z", 2'147'483'648'000},
                                                                {"2024-02-29t00:00:00.123999z", 1'709'164'800'123}};
  for (const auto& [text, ms] : times) EXPECT_EQ(parse_rfc3339(text), ms) << text;
  for (const std::string text :
       {"", "2026", "2026-01-01", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00+1:00", "2026-01-01T00:00:00Zx", "2026-1-1T00:00:00Z"}) {
    EXPECT_EQ(parse_rfc3339(text), std::nullopt) << text;
  }
}

TEST(Moment, IsATimeInMillisecondsOrASpanBack) {
  constexpr std::int64_t kNow = 1'764'000'000'000;
  EXPECT_EQ(parse_moment("0", kNow), 0);
  EXPECT_EQ(parse_moment("1763999999999", kNow), 1'763'999'999'999);
  EXPECT_EQ(parse_moment("-10m", kNow), kNow - 600'000);
  EXPECT_EQ(parse_moment("-0s", kNow), kNow);
  EXPECT_EQ(parse_moment("-9223372036854775807ms", kNow), kNow - std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(parse_moment("1970-01-01T01:00:00.007+01:00", kNow), 7);
  for (const std::string text :
       {"", "-", "-10", "--10", "+5", "1.5", "5 ", "9223372036854775808", "10m", "now", "1e3", "2026-01-01", "pAAAA"})
    EXPECT_EQ(parse_moment(text, kNow), std::nullopt) << text;
}

}  // namespace
}  // namespace fieldcast

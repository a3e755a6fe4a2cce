// RFC 9110 section 12.5.1, as far as it matters to who asks for JSON, lines or a table.
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <string>

#include "adapters/http/accept.hpp"

namespace fieldcast::http {
namespace {

constexpr std::array<std::string_view, 3> kOffered{"application/json", "application/x-ndjson", "text/csv"};

TEST(HttpAccept, TakesWhatTheClientLikesBest) {
  const std::map<std::string, std::string_view> cases{
      {"application/json", "application/json"},
      {"application/x-ndjson", "application/x-ndjson"},
      {"text/csv", "text/csv"},
      {"TEXT/CSV", "text/csv"},
      {"text/csv;header=present;charset=utf-8", "text/csv"},
      {"*/*", "application/json"},
      {"application/*", "application/json"},
      {"text/*", "text/csv"},
      // weights
      {"application/json;q=0.5, text/csv", "text/csv"},
      {"application/json;q=0.5,text/csv;q=0.6,application/x-ndjson;q=0.55", "text/csv"},
      {"application/json;q=0.501, text/csv;q=0.5", "application/json"},
      {"application/json ; Q=0.1 , text/csv\t;\tq=0.2", "text/csv"},
      {"text/csv;q=0, */*;q=0.1", "application/json"},
      {"application/json;q=0, */*", "application/x-ndjson"},
      {"application/*;q=0, text/csv;q=0.001", "text/csv"},
      // the range that names a type most exactly counts for it, wherever it stands
      {"*/*, application/json;q=0.2", "application/x-ndjson"},
      {"text/*;q=0.9, text/csv;q=0.1, application/json;q=0.5", "application/json"},
      {"application/*;q=0.3, */*;q=0.9", "text/csv"},
      // the same weight: named more exactly, then ours
      {"text/csv, */*", "text/csv"},
      {"*/*, text/csv", "text/csv"},
      {"text/*, */*", "text/csv"},
      {"text/csv, application/json", "application/json"},
      {"text/csv, application/x-ndjson", "application/x-ndjson"},
      // what clients really send
      {"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", "application/json"},
      {"application/json, text/plain, */*", "application/json"},
      {"text/csv;q=1.0, application/json;q=0.5", "text/csv"},
  };
  for (const auto& [accept, type] : cases) EXPECT_EQ(kOffered[preferred(accept, kOffered)], type) << accept;
}

TEST(HttpAccept, TakesTheFirstWhereNothingFits) {
  EXPECT_EQ(preferred(std::nullopt, kOffered), 0u);
  for (const std::string accept : {"", ",", ", ,", "image/png", "text/csvx", "text", "csv", "*", "text/csv;q=0",
                                   "*/*;q=0", "text", "/", "*/csv", "texts/*", "tex/*"})
    EXPECT_EQ(preferred(accept, kOffered), 0u) << accept;
}

TEST(HttpAccept, PassesOverARangeWhoseWeightIsNone) {
  for (const std::string weight : {"", "2", "1.5", "1.001", "0.1234", "-1", ".5", "0,5", "0.a", "1x", "00", "0.5 0"})
    EXPECT_EQ(preferred("text/csv;q=" + weight, kOffered), 0u) << weight;
  EXPECT_EQ(preferred("text/csv;q=x, text/*;q=0.5, application/json;q=0.4", kOffered), 2u);
  for (const std::string weight : {"1", "1.", "1.0", "1.000", "0.001", "0.9"})
    EXPECT_EQ(preferred("text/csv;q=" + weight, kOffered), 2u) << weight;
}

}  // namespace
}  // namespace fieldcast::http

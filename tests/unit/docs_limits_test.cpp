// docs/limits.md against the table of limits: neither may drift from it.
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "app/config_keys.hpp"
#include "gateway/limit.hpp"

namespace fieldcast {
namespace {

/// The cells of a row of Markdown, without the spaces around them.
std::vector<std::string> cells(const std::string& row) {
  std::vector<std::string> out;
  for (std::size_t at = 1; at < row.size();) {
    const auto end = row.find(" |", at);
    if (end == std::string::npos) break;
    out.push_back(row.substr(at, end - at));
    out.back().erase(0, out.back().find_first_not_of(' '));
    at = end + 2;
  }
  return out;
}

TEST(DocsLimits, HasExactlyTheRowsOfTheTable) {
  std::ifstream in(FIELDCAST_SOURCE_DIR "/docs/limits.md");
  ASSERT_TRUE(in);
  std::size_t row = 0;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("| `")) continue;
    ASSERT_LT(row, kLimits) << "is in no table: " << line;
    const auto& limit = info(static_cast<Limit>(row++));
    const auto found = cells(line);
    ASSERT_EQ(found.size(), 4u) << line;
    EXPECT_EQ(found[0], "`" + std::string(limit.word) + "`");
    EXPECT_EQ(found[1], "`" + std::string(limit.bound) + "`");
    // A constant's value stands in gateway/limits.hpp.
    const auto dot = limit.bound.find('.');
    if (dot == std::string_view::npos) continue;
    const auto* key = config::find_key(limit.bound.substr(0, dot), limit.bound.substr(dot + 1));
    ASSERT_NE(key, nullptr) << limit.bound;
    EXPECT_EQ(found[2], "`" + config::default_text(*key) + "`") << line;
  }
  EXPECT_EQ(row, kLimits);
}

}  // namespace
}  // namespace fieldcast

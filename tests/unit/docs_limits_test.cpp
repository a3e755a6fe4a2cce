// docs/limits.md against the table of limits: neither may drift from it.
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "app/config_keys.hpp"
#include "app/config_values.hpp"
#include "gateway/limit.hpp"
#include "gateway/limits.hpp"

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

/// What docs/limits.md writes for a constant.
std::string constant(std::string_view name) {
  const auto size = [](std::size_t bytes) { return config::format_size(bytes); };
  const auto time = [](std::chrono::milliseconds span) { return config::format_duration(span); };
  const std::map<std::string_view, std::string> all{
      {"kExtraConnections", std::to_string(kExtraConnections)},
      {"kIdleTime", time(kIdleTime)},
      {"kRequestTime", time(kRequestTime)},
      {"kLingerBytes", size(kLingerBytes)},
      {"kHeadBytes", size(kHeadBytes)},
      {"kHeadFields", std::to_string(kHeadFields)},
      {"kHeadsBytes", size(kHeadsBytes)},
      {"kParameters", std::to_string(kParameters)},
      {"kBodyBytes", size(kBodyBytes)},
      {"kPublishBytes", size(kPublishBytes)},
      {"kBodiesBytes", size(kBodiesBytes)},
      {"kMessageBytes", size(kMessageBytes)},
      {"kMessagesBytes", size(kMessagesBytes)},
      {"kMessageTime", time(kMessageTime)},
      {"kIdBytes", size(kIdBytes)},
      {"kReplyBytes", size(kReplyBytes)},
      {"kUnansweredPings", std::to_string(kUnansweredPings)},
      {"kStreamFilterBytes", size(kStreamFilterBytes)},
      {"kFilterLevels", std::to_string(kFilterLevels)},
      {"kTopicBytes", size(kTopicBytes)},
      {"kPendingChanges", std::to_string(kPendingChanges)},
      {"kViewFilterBytes", size(kViewFilterBytes)},
      {"kHistoryReads", std::to_string(kHistoryReads)},
      {"kPagesBytes", size(kPagesBytes)},
      {"kPendingPublishes", std::to_string(kPendingPublishes)},
      {"kShardPublishes", std::to_string(kShardPublishes)},
      {"kShardPublishBytes", size(kShardPublishBytes)},
      {"kOpenCommands", std::to_string(kOpenCommands)},
      {"kOpenCommandBytes", size(kOpenCommandBytes)},
      {"kPublishTime", time(kPublishTime)},
  };
  const auto found = all.find(name);
  return found == all.end() ? "a constant that this test does not know" : found->second;
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
    const auto dot = limit.bound.find('.');
    if (dot == std::string_view::npos) {
      EXPECT_EQ(found[2], "`" + constant(limit.bound) + "`") << line;
      continue;
    }
    const auto* key = config::find_key(limit.bound.substr(0, dot), limit.bound.substr(dot + 1));
    ASSERT_NE(key, nullptr) << limit.bound;
    EXPECT_EQ(found[2], "`" + config::default_text(*key) + "`") << line;
  }
  EXPECT_EQ(row, kLimits);
}

}  // namespace
}  // namespace fieldcast

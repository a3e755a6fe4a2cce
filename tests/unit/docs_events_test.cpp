// docs/events.md against the table of events.
#include <gtest/gtest.h>

#include <cctype>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "gateway/event.hpp"

namespace fieldcast {
namespace {

std::string level_word(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warning:
      return "warning";
    case Level::error:
      return "error";
  }
  return "";
}

std::string code(std::string_view word) {
  return word.empty() ? "" : "`" + std::string(word) + "`";
}

TEST(DocsEvents, HasExactlyTheRowsOfTheTable) {
  std::vector<std::string> expected;
  for (std::size_t i = 0; i < kEvents; ++i) {
    const EventInfo& row = info(static_cast<Event>(i));
    const std::string about = code(row.subject) + (row.part.empty() ? "" : ", ") + code(row.part);
    expected.push_back("| " + code(row.word) + " | " + level_word(row.level) + " | " + about + " | " +
                       std::string(row.meaning) + " | " + std::string(row.remedy) + " |");
  }
  std::vector<std::string> found;
  std::ifstream in(FIELDCAST_SOURCE_DIR "/docs/events.md");
  bool in_table = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("| event | level |")) in_table = true;
    if (in_table && line.starts_with("| `")) found.push_back(line);
  }
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i], expected[i]);
}

TEST(Events, HaveAWordEachAndSayWhatToDoWhereSomethingIsWrong) {
  std::set<std::string_view> words;
  for (std::size_t i = 0; i < kEvents; ++i) {
    const EventInfo& row = info(static_cast<Event>(i));
    EXPECT_TRUE(words.insert(row.word).second) << row.word;
    // It becomes a field of the journal: FIELDCAST_BROKER.
    for (const std::string_view word : {row.word, row.subject, row.part}) {
      for (const char c : word) EXPECT_TRUE(std::islower(c) != 0 || c == '_') << word;
    }
    EXPECT_TRUE(row.meaning.ends_with('.')) << row.word;
    const bool says_what_to_do = row.remedy.ends_with('.');
    EXPECT_TRUE(says_what_to_do || row.level < Level::warning || row.word == "log_end_unknown") << row.word;
  }
}

}  // namespace
}  // namespace fieldcast

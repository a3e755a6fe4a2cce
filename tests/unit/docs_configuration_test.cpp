// docs/configuration.md and config/fieldcast.toml against the table of keys: neither may drift from it.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "app/config.hpp"
#include "app/config_keys.hpp"

namespace fieldcast::config {
namespace {

const std::string kSource = FIELDCAST_SOURCE_DIR;

std::vector<std::string> lines_of(const std::string& file) {
  std::ifstream in(file);
  EXPECT_TRUE(in) << file;
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string heading(std::string_view section) {
  return section == kMqttSection ? "[[mqtt]]" : "[" + std::string(section) + "]";
}

TEST(DocsConfiguration, HasExactlyTheRowsOfTheTable) {
  std::vector<std::string> expected;
  std::string_view section;
  for (const Key& key : config_keys()) {
    if (key.section != section) expected.push_back("## " + heading(section = key.section));
    const std::string value = key.derived.empty() ? "`" + default_text(key) + "`" : std::string(key.derived);
    expected.push_back("| `" + std::string(key.name) + "` | " + type_text(key) + " | " + value + " | " +
                       range_text(key) + " | " + std::string(key.doc) + " |");
  }
  std::vector<std::string> found;
  for (const std::string& line : lines_of(kSource + "/docs/configuration.md")) {
    if (line.starts_with("| `") || line.starts_with("## [")) found.push_back(line);
  }
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i], expected[i]);
}

/// An assignment of config/fieldcast.toml with what stands around it.
struct Shown {
  std::string section, comment, name, value;
  bool active = false;
};

std::vector<Shown> shown_keys(const std::string& file) {
  std::vector<Shown> out;
  std::string section, comment;
  for (const std::string& line : lines_of(file)) {
    if (line.starts_with('[')) section = line;
    if (line.starts_with("# ")) comment += line.substr(comment.empty() ? 2 : 1);
    if (line.empty() || line.starts_with('[')) comment.clear();
    const auto equals = line.find(" = ");
    if (equals == std::string::npos || line.starts_with("# ")) continue;
    const bool active = line[0] != '#';
    out.push_back(
        {section, comment, line.substr(active ? 0 : 1, equals - (active ? 0 : 1)), line.substr(equals + 3), active});
    comment.clear();
  }
  return out;
}

TEST(ExampleConfiguration, ShowsExactlyTheKeysOfTheTable) {
  const auto keys = config_keys();
  const auto shown = shown_keys(kSource + "/config/fieldcast.toml");
  ASSERT_EQ(shown.size(), keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    EXPECT_EQ(shown[i].section, heading(keys[i].section));
    EXPECT_EQ(shown[i].name, keys[i].name);
    EXPECT_EQ(shown[i].comment, keys[i].doc) << keys[i].name;
    EXPECT_EQ(shown[i].active, keys[i].derived.empty()) << keys[i].name;
    EXPECT_EQ(shown[i].value, keys[i].derived.empty()
                                  ? default_text(keys[i])
                                  : std::string(keys[i].example) + "  # default: " + std::string(keys[i].derived));
  }
}

TEST(ExampleConfiguration, HasNoProblems) {
  const std::string file = kSource + "/config/fieldcast.toml";
  for (const auto& problem : load_config(file).problems) {
    // But that /var/lib/fieldcast is not on this machine.
    if (!problem.warning) ADD_FAILURE() << to_string(problem, file);
  }
}

}  // namespace
}  // namespace fieldcast::config

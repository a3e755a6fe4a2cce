// Every key of the configuration against every class of fault: an unknown neighbour, a wrong type, a value out of
// range, a file that cannot be used. Each is told at its line and column, names the key, and says what to write; and
// all of them at once.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "app/config.hpp"
#include "app/config_keys.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/temp_dir.hpp"

namespace fieldcast::config {
namespace {

using Problems = std::vector<std::string>;

Problems problems(const std::string& text, const std::string& directory = "/nonexistent") {
  Problems out;
  for (const auto& problem : parse_config(text, directory).problems) out.push_back(to_string(problem, "f"));
  return out;
}

std::string joined(const Problems& all) {
  std::string out;
  for (const std::string& one : all) out += one + '\n';
  return out;
}

std::string path_of(const Key& key) {
  return std::string(key.section) + '.' + std::string(key.name);
}

std::string heading(const Key& key) {
  return key.section == kMqttSection ? "[[mqtt]]\n" : "[" + std::string(key.section) + "]\n";
}

/// One assignment in the key's section, in line 2.
std::string with(const Key& key, const std::string& value) {
  return heading(key) + std::string(key.name) + " = " + value + '\n';
}

/// The values, as TOML, that are just out of the key's range.
std::vector<std::string> out_of_range(const Key& key) {
  Config config;
  std::vector<std::string> out;
  const auto number = [&](std::uint64_t n) { return std::to_string(n); };
  const auto quoted = [](const std::string& text) { return '"' + text + '"'; };
  const auto each = [&](const std::function<std::string(std::uint64_t)>& text) {
    if (key.min > 0) out.push_back(text(key.min - 1));
    if (key.max > 0) out.push_back(text(key.max + 1));
  };
  const auto elements = [&](const std::string& one) {
    each([&](std::uint64_t n) {
      std::string list = "[";
      for (std::uint64_t i = 0; i < n; ++i) list += (i == 0 ? "" : ", ") + one;
      return list + ']';
    });
  };
  std::visit(
      [&](auto value) {
        using T = decltype(value);
        if constexpr (std::is_same_v<T, Count> || std::is_same_v<T, Bytes>) {
          each(number);
          out.emplace_back("-1");
        } else if constexpr (std::is_same_v<T, std::chrono::milliseconds*> ||
                             std::is_same_v<T, std::chrono::seconds*>) {
          each([&](std::uint64_t n) { return quoted(number(n) + "ms"); });
        } else if constexpr (std::is_same_v<T, Addresses>) {
          elements("\"127.0.0.1:0\"");
        } else if constexpr (std::is_same_v<T, Hosts> || std::is_same_v<T, Filters>) {
          elements("\"a\"");
        } else if constexpr (std::is_same_v<T, Origins>) {
          elements("\"http://a\"");
        } else if constexpr (std::is_same_v<T, Url>) {
          out = {"\"mqtt://a:65536\"", "\"\""};
        } else if constexpr (requires { words(*value); }) {
          out = {"\"no such word\"", "\"\""};
        } else {
          each([&](std::uint64_t n) { return quoted(std::string(n, 'x')); });
        }
      },
      key.target(config));
  return out;
}

class EachKey : public testing::TestWithParam<std::size_t> {
 protected:
  const Key& key() const { return config_keys()[GetParam()]; }

  /// The one problem of a value, at its place, which names the key.
  void expect_problem(const std::string& value) {
    const Problems all = problems(with(key(), value));
    ASSERT_EQ(all.size(), 1u) << value.substr(0, 100) << "\n" << joined(all);
    const std::string place = "f:2:" + std::to_string(key().name.size() + 4) + ": ";
    EXPECT_TRUE(all[0].starts_with(place + path_of(key()))) << all[0];
    // What to do about it: the form that it has, an example, or the range.
    EXPECT_TRUE(all[0].find("write") != std::string::npos || all[0].find("it takes") != std::string::npos ||
                all[0].find("take it out") != std::string::npos)
        << all[0];
  }
};

TEST_P(EachKey, AnUnknownNeighbourNamesIt) {
  const std::string name = std::string(key().name) + 'x';
  const Problems all = problems(heading(key()) + name + " = 1\n");
  ASSERT_EQ(all.size(), 1u) << joined(all);
  const std::size_t dot = name.rfind('.');
  const std::string column = std::to_string(dot == std::string::npos ? 1 : dot + 2);
  EXPECT_EQ(all[0], "f:2:" + column + ": unknown key " + path_of(key()) + "x: did you mean " + path_of(key()) + "?");
}

TEST_P(EachKey, AWrongTypeIsToldWithAnExample) {
  for (const char* value : {"true", "1.5", "2026-01-31", "{ a = 1 }", "12:00:00"}) {
    const Problems all = problems(with(key(), value));
    ASSERT_EQ(all.size(), 1u) << value << joined(all);
    EXPECT_TRUE(all[0].starts_with("f:2:" + std::to_string(key().name.size() + 4) + ": " + path_of(key()) + " is "))
        << all[0];
    EXPECT_NE(all[0].find("write it like " + std::string(key().name) + " = " + example_text(key())) == std::string::npos
                  ? all[0].find("write ")
                  : 0,
              std::string::npos)
        << all[0];
  }
}

TEST_P(EachKey, AValueOutOfRangeIsToldWithItsRange) {
  for (const std::string& value : out_of_range(key())) expect_problem(value);
}

TEST_P(EachKey, ANumberOrAListInTheOthersPlaceIsToldToo) {
  const std::string good = example_text(key());
  if (!good.starts_with('[')) expect_problem("[" + good + "]");
  if (good.starts_with('"')) {
    // A size may be a number, too.
    Config config;
    if (!std::holds_alternative<Bytes>(key().target(config))) expect_problem("1");
  } else {
    expect_problem("\"text\"");
  }
}

std::string name_of_case(const testing::TestParamInfo<std::size_t>& tried) {
  std::string name = path_of(config_keys()[tried.param]);
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, EachKey, testing::Range<std::size_t>(0, config_keys().size()), name_of_case);

TEST(EveryKey, IsToldAtOnce) {
  std::string text;
  std::string_view section;
  std::size_t line = 0;
  std::vector<std::string> expected;
  for (const Key& key : config_keys()) {
    if (key.section != section) {
      text += heading(key);
      section = key.section;
      ++line;
    }
    text += std::string(key.name) + " = true\n";
    expected.push_back("f:" + std::to_string(++line) + ":" + std::to_string(key.name.size() + 4) + ": " + path_of(key));
  }
  const Problems all = problems(text);
  ASSERT_EQ(all.size(), expected.size()) << joined(all);
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_TRUE(all[i].starts_with(expected[i])) << all[i];
}

/// A file that a key names, and what must be wrong with it.
TEST(EachFile, ThatCannotBeUsedIsToldWithARemedy) {
  const test::Certificates certificates;
  const auto pair = certificates.issue("one", "DNS:localhost");
  const std::filesystem::path folder = std::filesystem::path(pair.key).parent_path();
  const std::string secret = (folder / "secret").string();
  const auto make = [](const std::string& file, const std::string& text, mode_t mode) {
    std::ofstream(file) << text;
    chmod(file.c_str(), mode);
  };
  make(secret, "secret", 0600);
  make(folder / "empty", "", 0600);
  make(folder / "for-all", "secret", 0644);
  make(
      folder / "one-for-all.key",
      [&] {
        std::ifstream in(pair.key);
        return std::string(std::istreambuf_iterator<char>(in), {});
      }(),
      0604);
  struct Case {
    std::string lines;  // `{}` is the file
    std::vector<std::pair<std::string, std::string>> faults;
  };
  const std::pair<std::string, std::string> missing{"none", "cannot be read (No such file or directory): create it"},
      directory{".", "is no regular file: name the file"}, empty{"empty", "is empty: write "};
  const std::string broker = "[[mqtt]]\nurl = \"mqtts://b\"\n";
  const Case cases[] = {
      {"[[mqtt]]\nuser = \"u\"\npassword_file = \"{}\"",
       {missing,
        directory,
        empty,
        {"for-all", "can be read by every user of this machine: take that right away with chmod o="}}},
      {"[server]\ntls.key = \"one.key\"\ntls.certificate = \"{}\"",
       {missing, directory, empty, {"secret", "holds no certificate in PEM form"}}},
      {"[server]\ntls.certificate = \"one.crt\"\ntls.key = \"{}\"",
       {missing,
        directory,
        empty,
        {"one-for-all.key", "can be read by every user"},
        {"secret", "holds no private key"}}},
      {broker + "tls.key = \"one.key\"\ntls.certificate = \"{}\"", {missing, directory, empty}},
      {broker + "tls.certificate = \"one.crt\"\ntls.key = \"{}\"",
       {missing, directory, empty, {"one-for-all.key", "can be read by every user"}}},
      {broker + "tls.ca = \"{}\"", {missing, directory, empty, {"secret", "holds no certificate"}}},
      {"[storage]\n# The path's own folder is there.\npath = \"{}\"",
       {{".", "is a directory: name the database file"}}},
      {"[storage]\n# As above.\njournal = \"{}\"",
       {{"secret", "is no directory: name one"}, {"none/j", "there is no directory"}}},
  };
  for (const Case& tried : cases) {
    for (const auto& [file, part] : tried.faults) {
      std::string text = tried.lines;
      text.replace(text.find("{}"), 2, file);
      const std::size_t line_begin = text.rfind('\n') + 1;
      const Problems all = problems(text, folder);
      ASSERT_EQ(all.size(), 1u) << text << '\n' << joined(all);
      const auto line = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(line_begin), '\n') + 1;
      const auto column = text.find('"', line_begin) - line_begin + 1;
      EXPECT_TRUE(all[0].starts_with("f:" + std::to_string(line) + ":" + std::to_string(column) + ": ")) << all[0];
      EXPECT_NE(all[0].find(part), std::string::npos) << text << '\n' << all[0];
    }
  }
}

}  // namespace
}  // namespace fieldcast::config

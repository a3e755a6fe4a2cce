// What `cmake --install` puts where, and whether systemd is content with it.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

namespace fieldcast::test {
namespace {

namespace fs = std::filesystem;

struct Run {
  int code;
  std::string output;
};

Run run_command(std::vector<std::string> command) {
  command.insert(command.begin(), "/usr/bin/env");
  Process process(std::move(command));
  const int code = process.wait_for_exit();
  return {code, process.output()};
}

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

class Installed : public testing::Test {
 protected:
  void SetUp() override { install(); }

  void install() const {
    const auto [code, output] =
        run_command({"DESTDIR=" + root_.path().string(), CMAKE_PROGRAM, "--install", FIELDCAST_BUILD_DIR});
    ASSERT_EQ(code, 0) << output;
  }
  fs::path at(const std::string& path) const { return root_.path() / path; }

  TempDir root_;
};

TEST_F(Installed, IsWhereDebianExpectsIt) {
  std::set<std::string> expected{"usr/bin/fieldcast",
                                 "usr/lib/systemd/system/fieldcast.service",
                                 "usr/lib/systemd/system/fieldcast.socket",
                                 "etc/fieldcast/fieldcast.toml",
                                 "usr/share/doc/fieldcast/examples/fieldcast.toml",
                                 "usr/share/doc/fieldcast/CHANGELOG.md",
                                 "usr/share/doc/fieldcast/README.md",
                                 "usr/share/doc/fieldcast/copyright",
                                 "usr/share/man/man1/fieldcast.1"};
  for (const auto& page : fs::directory_iterator(fs::path(FIELDCAST_SOURCE_DIR) / "docs"))
    if (page.path().extension() != ".1") expected.insert("usr/share/doc/fieldcast/" + page.path().filename().string());
  for (const auto& file : fs::directory_iterator(fs::path(FIELDCAST_SOURCE_DIR) / "monitoring"))
    expected.insert("usr/share/doc/fieldcast/monitoring/" + file.path().filename().string());
  std::set<std::string> found;
  for (const auto& file : fs::recursive_directory_iterator(root_.path()))
    if (!file.is_directory()) found.insert(fs::relative(file, root_.path()));
  EXPECT_EQ(found, expected);
}

TEST_F(Installed, RunsWithItsConfiguration) {
  const std::string program = at("usr/bin/fieldcast"), config = at("etc/fieldcast/fieldcast.toml");
  EXPECT_EQ(run_command({program, "--version"}).code, 0);
  const auto [code, output] = run_command({program, "--check-config", config});
  EXPECT_EQ(code, 0) << output;
}

TEST_F(Installed, KeepsTheOperatorsConfiguration) {
  const auto config = at("etc/fieldcast/fieldcast.toml");
  std::ofstream(config) << "[server]\nname = \"hall-3\"\n";
  install();
  EXPECT_EQ(text_of(config), "[server]\nname = \"hall-3\"\n");
}

TEST_F(Installed, UnitsAreVerified) {
  // systemd looks for the program where the unit says, which is not where this installation is.
  std::string service = text_of(at("usr/lib/systemd/system/fieldcast.service"));
  const std::string program = "ExecStart=/usr/bin/";
  const auto place = service.find(program);
  ASSERT_NE(place, std::string::npos) << service;
  service.replace(place, program.size(), "ExecStart=" + at("usr/bin/").string());
  const TempDir units;
  const auto unit = units.write("fieldcast.service", service);
  const auto socket = units.write("fieldcast.socket", text_of(at("usr/lib/systemd/system/fieldcast.socket")));
  const auto verified = run_command({SYSTEMD_ANALYZE_PROGRAM, "verify", unit, socket});
  EXPECT_EQ(verified.code, 0);
  EXPECT_EQ(verified.output, "");
}

TEST_F(Installed, ServiceIsShutIn) {
  const auto judged = run_command(
      {SYSTEMD_ANALYZE_PROGRAM, "security", "--offline=true", at("usr/lib/systemd/system/fieldcast.service")});
  const std::string before = "Overall exposure level for fieldcast.service: ";
  const auto place = judged.output.find(before);
  ASSERT_NE(place, std::string::npos) << judged.output;
  EXPECT_LE(std::stod(judged.output.substr(place + before.size())), 1.5) << judged.output;
}

}  // namespace
}  // namespace fieldcast::test

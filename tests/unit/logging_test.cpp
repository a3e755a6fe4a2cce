#include "adapters/logging/logging.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "tests/support/temp_dir.hpp"

namespace fieldcast::logging {
namespace {

/// Puts the logger of other tests back.
class Logging : public testing::Test {
 protected:
  void TearDown() override { spdlog::set_default_logger(before_); }

 private:
  const std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
};

/// What `body` writes to standard error.
template <class Body>
std::string captured(Body body) {
  testing::internal::CaptureStderr();
  body();
  return testing::internal::GetCapturedStderr();
}

TEST_F(Logging, WritesTimeInUtcAndLevel) {
  const std::string text = captured([] {
    set_up(Level::info, Style::plain);
    spdlog::debug("not this");
    spdlog::warn("broker {} is away", "local");
  });
  // The digits of the time are the clock's.
  std::string shape = text;
  for (char& c : shape) c = c >= '0' && c <= '9' ? '0' : c;
  EXPECT_EQ(shape, "0000-00-00T00:00:00.000Z warning broker local is away\n");
}

TEST_F(Logging, GivesTheJournalPriorities) {
  const std::string text = captured([] {
    set_up(Level::debug, Style::journal);
    spdlog::debug("d");
    spdlog::info("i");
    spdlog::warn("w");
    spdlog::error("e");
    spdlog::critical("c");
  });
  EXPECT_EQ(text, "<7>d\n<6>i\n<4>w\n<3>e\n<2>c\n");
}

TEST_F(Logging, ColoursTheLevelOnly) {
  const std::string text = captured([] {
    set_up(Level::error, Style::coloured);
    spdlog::warn("not this");
    spdlog::error("e");
  });
  const auto colour = text.find("Z \033["), level = text.find("error\033[m e\n");
  ASSERT_NE(colour, std::string::npos) << text;
  ASSERT_NE(level, std::string::npos) << text;
  EXPECT_LT(colour, level);
}

TEST_F(Logging, LetsNoTextForgeALine) {
  const std::string text = captured([] {
    set_up(Level::info, Style::journal);
    spdlog::info("{}", std::string("a\n<3>b\r\x1b[2J\x7f\0ü", 15));
  });
  EXPECT_EQ(text, "<6>a\\x0a<3>b\\x0d\\x1b[2J\\x7f\\x00ü\n");
}

TEST(LoggingEscape, LeavesNothingThatEndsALineOrTurnsTextAround) {
  for (const std::string plain : {"", "hall/press-1", "grün 温度 🌡", "tab is none: \\t", "\ufeff"})
    EXPECT_EQ(escape(plain), plain);
  EXPECT_EQ(escape("a\tb\u0085c\u009b2J"), "a\\x09b\\xc2\\x85c\\xc2\\x9b2J");
  EXPECT_EQ(escape("\u2028\u2029"), "\\xe2\\x80\\xa8\\xe2\\x80\\xa9");
  for (const std::string turned : {"\u061c", "\u200e", "\u200f", "\u202a", "\u202b", "\u202c", "\u202d", "\u202e",
                                   "\u2066", "\u2067", "\u2068", "\u2069"})
    EXPECT_EQ(escape(turned).find(turned), std::string::npos) << escape(turned);
}

TEST(LoggingEscape, LeavesNoBytesThatAreNoUtf8) {
  EXPECT_EQ(escape("\x80\xff"), "\\x80\\xff");
  EXPECT_EQ(escape("a\xc3"), "a\\xc3") << "cut off";
  EXPECT_EQ(escape("\xe2\x80z"), "\\xe2\\x80z");
  EXPECT_EQ(escape("\xc0\x8a"), "\\xc0\\x8a") << "a line feed in two bytes";
  EXPECT_EQ(escape("\xe0\x80\x8a"), "\\xe0\\x80\\x8a");
  EXPECT_EQ(escape("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "a surrogate";
  EXPECT_EQ(escape("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "past the last";
  EXPECT_EQ(escape("\xf0\x9f\x8c"), "\\xf0\\x9f\\x8c");
}

TEST_F(Logging, KnowsTheJournalByItsFile) {
  const test::TempDir dir;
  const std::string file = dir.write("stderr", "");
  struct stat status {};
  ASSERT_EQ(stat(file.c_str(), &status), 0);
  const int fd = open(file.c_str(), O_WRONLY);
  ASSERT_GE(fd, 0);
  const std::string stream = std::to_string(status.st_dev) + ':' + std::to_string(status.st_ino);
  EXPECT_EQ(choose_style(fd, stream.c_str()), Style::journal);
  EXPECT_EQ(choose_style(fd, (stream + "0").c_str()), Style::plain);  // redirected since
  EXPECT_EQ(choose_style(fd, nullptr), Style::plain);
  close(fd);
}

TEST_F(Logging, ColoursOnATerminalUnlessAskedNotTo) {
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  ASSERT_GE(terminal, 0);
  unsetenv("NO_COLOR");
  EXPECT_EQ(choose_style(terminal, nullptr), Style::coloured);
  setenv("NO_COLOR", "1", 1);
  EXPECT_EQ(choose_style(terminal, nullptr), Style::plain);
  unsetenv("NO_COLOR");
  close(terminal);
}

}  // namespace
}  // namespace fieldcast::logging

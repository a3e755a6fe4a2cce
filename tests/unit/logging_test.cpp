#include "adapters/logging/logging.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/temp_dir.hpp"

namespace fieldcast::logging {
namespace {

using namespace std::chrono_literals;

class LoggingClock final : public Clock {
 public:
  std::int64_t wall_ms() const noexcept override { return 0; }
  Instant now() const noexcept override { return at; }
  Instant at = 1h;
};

/// What `body` writes to standard error.
template <class Body>
std::string captured(Body body) {
  testing::internal::CaptureStderr();
  body();
  return testing::internal::GetCapturedStderr();
}

class Logging : public testing::Test {
 protected:
  /// What a writer of that level and style writes of `body`, with no journal.
  template <class Body>
  std::string written(Level level, Style style, Body body) {
    return captured([&] {
      Writer writer(level, style, clock_, "/nonexistent/socket");
      body(writer);
    });
  }

  LoggingClock clock_;
};

/// The digits of the time are the machine's.
std::string without_time(std::string text) {
  for (std::size_t at = 0; (at = text.find("Z ", at)) != std::string::npos; ++at) {
    for (std::size_t digit = at >= 23 ? at - 23 : 0; digit < at; ++digit) {
      if (text[digit] >= '0' && text[digit] <= '9') text[digit] = '0';
    }
  }
  return text;
}

TEST_F(Logging, WritesTimeInUtcLevelTextAndEvent) {
  const std::string text = written(Level::info, Style::plain, [](Writer&) {
    note(Event::subscribed, {"local", "a/#"}, "not this");
    note(Event::broker_down, {"local", {}}, "broker \"local\" is away");
  });
  EXPECT_EQ(without_time(text), "0000-00-00T00:00:00.000Z warning broker \"local\" is away [broker_down]\n");
}

TEST_F(Logging, GivesPrioritiesOnStandardErrorWhereTheJournalsSocketIsNotThere) {
  const std::string text = written(Level::debug, Style::journal, [](Writer&) {
    note(Event::subscribed, {"local", "a"}, "d");
    note(Event::stopping, {}, "i");
    note(Event::faulty_topic, {"local", {}}, "w");
    note(Event::storage_down, {"/db", {}}, "e");
  });
  EXPECT_EQ(text, "<7>d [subscribed]\n<6>i [stopping]\n<4>w [faulty_topic]\n<3>e [storage_down]\n");
}

TEST_F(Logging, ColoursTheLevelOnly) {
  const std::string text = written(Level::error, Style::coloured, [](Writer&) {
    note(Event::broker_down, {"local", {}}, "not this");
    note(Event::storage_down, {"/db", {}}, "e");
  });
  const auto colour = text.find("Z \033["), level = text.find("error\033[m e [storage_down]\n");
  ASSERT_NE(colour, std::string::npos) << text;
  ASSERT_NE(level, std::string::npos) << text;
  EXPECT_LT(colour, level);
}

TEST_F(Logging, LetsNoTextForgeALine) {
  const std::string text = written(Level::info, Style::journal, [](Writer&) {
    note(Event::stopping, {}, std::string("a\n<3>b\r\x1b[2J\x7f\0ü", 15));
  });
  EXPECT_EQ(text, "<6>a\\x0a<3>b\\x0d\\x1b[2J\\x7f\\x00ü [stopping]\n");
}

TEST_F(Logging, CutsALineBetweenCharacters) {
  std::string long_text(kLineBytes - 1, 'a');
  const std::string text =
      written(Level::info, Style::journal, [&](Writer&) { note(Event::stopping, {}, long_text + "üb"); });
  EXPECT_EQ(text, "<6>" + long_text + " [stopping]\n");
}

TEST_F(Logging, WritesAFloodOnceAndThenItsNumberOnceAMinute) {
  EventCounts counts;
  const std::string text = written(Level::info, Style::journal, [&](Writer& writer) {
    const auto flood = [&](int times) {
      for (int i = 1; i <= times; ++i) note(Event::faulty_topic, {"local", {}}, "topic " + std::to_string(i));
      writer.tick();
    };
    flood(1'000);
    clock_.at += 59s;
    flood(235);
    clock_.at += 1s;
    writer.tick();
    clock_.at += 30s;
    flood(1);
    clock_.at += 30s;
    writer.tick();
    clock_.at += 60s;  // nothing in a whole minute: the next is news
    writer.tick();
    flood(3);
    counts = writer.counts();
  });
  EXPECT_EQ(text,
            "<4>topic 1 [faulty_topic]\n"
            "<4>topic 235 (1,234 times more in the last minute) [faulty_topic]\n"
            "<4>topic 1 (1 time more in the last minute) [faulty_topic]\n"
            "<4>topic 1 [faulty_topic]\n"
            "<4>topic 3 (2 times more) [faulty_topic]\n");  // at the end
  EXPECT_EQ(counts.noted[static_cast<std::size_t>(Event::faulty_topic)], 1'239u);
  EXPECT_EQ(counts.lines, 4u);
}

TEST_F(Logging, CountsWhatIsNotWrittenBecauseOfItsLevel) {
  const std::string text = written(Level::error, Style::plain, [](Writer& writer) {
    note(Event::broker_down, {"local", {}}, "not this");
    EXPECT_EQ(writer.counts().noted[static_cast<std::size_t>(Event::broker_down)], 1u);
    EXPECT_EQ(writer.counts().lines, 0u);
  });
  EXPECT_EQ(text, "");
}

TEST_F(Logging, KeepsLinesOfSeveralThreadsWhole) {
  const std::string text = written(Level::debug, Style::journal, [](Writer&) {
    std::vector<std::jthread> threads;
    for (char name = 'a'; name < 'e'; ++name) {
      threads.emplace_back([name] {
        for (int i = 0; i < 50; ++i) note(Event::subscribed, {std::string(1, name), std::to_string(i)}, "xxxxxxxxxx");
      });
    }
  });
  std::string expected;
  for (int i = 0; i < 200; ++i) expected += "<7>xxxxxxxxxx [subscribed]\n";
  EXPECT_EQ(text, expected);
}

/// systemd's end of the journal's socket.
class JournalEnd {
 public:
  explicit JournalEnd(const std::string& path) : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    if (bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) throw std::runtime_error(path);
  }
  ~JournalEnd() { close(fd_); }
  JournalEnd(const JournalEnd&) = delete;
  JournalEnd& operator=(const JournalEnd&) = delete;

  /// The next datagram, which is there when the writer has returned; empty where there is none.
  std::string next() {
    std::array<char, 100'000> buffer;
    const auto size = recv(fd_, buffer.data(), buffer.size(), 0);
    return size > 0 ? std::string(buffer.data(), static_cast<std::size_t>(size)) : "";
  }

 private:
  const int fd_;
};

TEST_F(Logging, GivesTheJournalFields) {
  const test::TempDir dir;
  const std::string path = dir.path() / "socket";
  JournalEnd journal(path);
  const std::string text = captured([&] {
    Writer writer(Level::debug, Style::journal, clock_, path.c_str());
    note(Event::subscription_refused, {"lo\ncal", "a/#"}, "no\nPRIORITY=0");
    note(Event::stopping, {"unnamed", {}}, "i");
    for (int i = 0; i < 3; ++i) note(Event::limit_reached, {"views", {}}, "limits.views is reached");
  });
  EXPECT_EQ(text, "");
  EXPECT_EQ(journal.next(),
            "MESSAGE=no\\x0aPRIORITY=0 [subscription_refused]\nPRIORITY=3\nSYSLOG_IDENTIFIER=fieldcast\n"
            "FIELDCAST_EVENT=subscription_refused\nFIELDCAST_BROKER=lo\\x0acal\nFIELDCAST_FILTER=a/#\n");
  EXPECT_EQ(journal.next(),
            "MESSAGE=i [stopping]\nPRIORITY=6\nSYSLOG_IDENTIFIER=fieldcast\nFIELDCAST_EVENT=stopping\n");
  EXPECT_EQ(journal.next(),
            "MESSAGE=limits.views is reached [limit_reached]\nPRIORITY=4\nSYSLOG_IDENTIFIER=fieldcast\n"
            "FIELDCAST_EVENT=limit_reached\nFIELDCAST_LIMIT=views\n");
  EXPECT_EQ(journal.next(),
            "MESSAGE=limits.views is reached (2 times more) [limit_reached]\nPRIORITY=4\n"
            "SYSLOG_IDENTIFIER=fieldcast\nFIELDCAST_EVENT=limit_reached\nFIELDCAST_LIMIT=views\nFIELDCAST_TIMES=2\n");
  EXPECT_EQ(journal.next(), "");
}

TEST_F(Logging, GivesTheJournalNoMoreThanItTakes) {
  const test::TempDir dir;
  const std::string path = dir.path() / "socket";
  JournalEnd journal(path);
  {
    Writer writer(Level::debug, Style::journal, clock_, path.c_str());
    const std::string longest(65'535, '\n');
    note(Event::subscribed, {longest, longest}, longest);
    EXPECT_EQ(writer.counts().lost_lines, 0u);
  }
  const std::string datagram = journal.next();
  EXPECT_TRUE(datagram.starts_with("MESSAGE=\\x0a")) << datagram;
  EXPECT_GT(datagram.size(), 3 * 4 * kLineBytes);
}

TEST_F(Logging, FindsAJournalThatIsStartedAnewAndNeverWaitsForIt) {
  const test::TempDir dir;
  const std::string path = dir.path() / "socket";
  EventCounts counts;
  const std::string text = captured([&] {
    Writer writer(Level::debug, Style::journal, clock_, path.c_str());
    note(Event::started, {}, "before");
    {
      JournalEnd journal(path);
      note(Event::stopping, {}, "there");
      EXPECT_TRUE(journal.next().starts_with("MESSAGE=there [stopping]\n"));
    }
    note(Event::stopped, {}, "gone");  // the file is there, and nobody listens
    unlink(path.c_str());
    JournalEnd journal(path);
    // Nobody reads: sooner or later its queue is full (net.unix.max_dgram_qlen).
    for (int i = 0; i < 100'000 && writer.counts().lost_lines == 0; ++i)
      note(Event::subscribed, {std::to_string(i), {}}, std::string(1'000, 'x'));
    counts = writer.counts();
    while (!journal.next().empty()) {
    }
  });
  EXPECT_EQ(text, "<6>before [started]\n<6>gone [stopped]\n");
  EXPECT_EQ(counts.lost_lines, 1u);
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

// What a start finds in the crash journal after a kill at any moment, after damage, and after forgery.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <deque>
#include <filesystem>
#include <functional>
#include <random>

#include "tests/unit/storage_journal_fixture.hpp"

namespace fieldcast {
namespace {

namespace fs = std::filesystem;

TEST_F(JournalTest, SurvivesKillsAtAnyMoment) {
  std::mt19937 random(7);
  open();
  journal->begin_epoch({1, 1});
  std::uint64_t head = 0;
  for (int round = 0; round < 100; ++round) {
    journal.reset();
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      Journal putting(options());
      for (;;) {
        const std::uint64_t seq = putting.head() + 1;
        putting.put(Made(seq).entry);
        if (write(pipe_ends[1], &seq, sizeof seq) != sizeof seq) _exit(1);
        if (seq % 3 == 0) putting.set_stored(seq - 2);
      }
    }
    close(pipe_ends[1]);
    std::uint64_t reported = 0;
    for (auto more = 1 + random() % 200; more > 0; --more) {
      ASSERT_EQ(read(pipe_ends[0], &reported, sizeof reported), ssize_t{sizeof reported});
    }
    kill(child, SIGKILL);
    while (read(pipe_ends[0], &reported, sizeof reported) == ssize_t{sizeof reported}) continue;
    close(pipe_ends[0]);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));

    open();
    ASSERT_TRUE(journal->found());
    ASSERT_GE(journal->head(), reported);
    ASSERT_LE(journal->head(), reported + 1);
    ASSERT_GT(journal->entries(), 0u);
    ASSERT_TRUE(is_right(*journal));
    ASSERT_GT(reported, head);
    head = journal->head();
  }
}

// One instruction after the other, and after each that changed the file a start that finds it so.
class SteppedJournalTest : public JournalTest {
 protected:
  /// `work` runs in a child over the journal; `look` is told of each state of the file, in a journal opened over a
  /// copy.
  void step(const std::function<void(Journal&)>& work, const std::function<void(const Journal&)>& look) {
    journal.reset();
    const std::string watched = file(), name = fs::path(watched).filename().string();
    const auto size = fs::file_size(watched);
    const int fd = ::open(watched.c_str(), O_RDONLY | O_CLOEXEC);
    ASSERT_GE(fd, 0);
    void* mapped = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    ASSERT_NE(mapped, MAP_FAILED);
    const std::string_view now(static_cast<const char*>(mapped), size);

    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      Journal stepped(options(wanted));
      if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(1);
      raise(SIGSTOP);
      work(stepped);
      _exit(0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSTOPPED(status));
    test::TempDir copies;
    Journal::Options elsewhere = options(wanted);
    elsewhere.directory = copies.path().string();
    std::string before;
    int states = 0;
    while (WIFSTOPPED(status) && !HasFatalFailure()) {
      if (now != before) {
        before = now;
        overwrite((copies.path() / name).string(), before);
        look(Journal(elsewhere));
        ++states;
      }
      ASSERT_EQ(ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr), 0);
      ASSERT_EQ(waitpid(child, &status, 0), child);
    }
    if (WIFSTOPPED(status)) {
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
    }
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    EXPECT_GT(states, 3);
    munmap(mapped, size);
  }

  std::size_t wanted = kSmallest;

  void fill(int entries) {
    open();
    journal->begin_epoch({1, 1});
    for (int i = 0; i < entries; ++i) put();
  }
};

TEST_F(SteppedJournalTest, EachPutHappensAtOnce) {
  for (const int before : {0, 57}) {
    fill(before);
    const std::uint64_t begin = journal->head();
    constexpr int kPuts = 12;
    std::uint64_t reached = begin, most = journal->entries();
    std::deque<Made> entries;
    for (std::uint64_t seq = begin + 1; seq <= begin + kPuts; ++seq) entries.emplace_back(seq);
    step(
        [&](Journal& stepped) {
          for (const Made& made : entries) stepped.put(made.entry);
        },
        [&](const Journal& found) {
          ASSERT_TRUE(found.found());
          ASSERT_TRUE(found.head() == reached || found.head() == reached + 1) << found.head() << " after " << reached;
          reached = found.head();
          most = std::max<std::uint64_t>(most, found.entries());
          ASSERT_TRUE(is_right(found));
        });
    EXPECT_EQ(reached, begin + kPuts);
    EXPECT_GT(most, 3u);
    open();
    journal->restart(0);
  }
}

TEST_F(SteppedJournalTest, ARestartLeavesTheOldTheNewOrNothing) {
  fill(60);
  const auto floor = journal->floor(), head = journal->head();
  bool gone = false;
  step(
      [](Journal& stepped) {
        stepped.restart(5);
        stepped.begin_epoch({2, 6});
      },
      [&](const Journal& found) {
        if (!found.found()) {
          gone = true;
        } else if (!gone) {
          ASSERT_EQ(found.found()->epochs, (std::vector<Epoch>{{1, 1}}));
          ASSERT_EQ(found.floor(), floor);
          ASSERT_EQ(found.head(), head);
          ASSERT_TRUE(is_right(found));
        } else {
          ASSERT_EQ(found.found()->epochs, (std::vector<Epoch>{{2, 6}}));
          ASSERT_EQ(found.head(), 5u);
          ASSERT_EQ(found.entries(), 0u);
        }
      });
  EXPECT_TRUE(gone);
}

TEST_F(SteppedJournalTest, AnotherSizeLeavesTheOldTheNewOrNothing) {
  fill(60);
  const auto floor = journal->floor(), head = journal->head();
  wanted = 2 * kSmallest;
  open(wanted);  // the file grows only here
  bool gone = false, resized = false;
  step([](Journal& stepped) { stepped.resize(); },
       [&](const Journal& found) {
         if (!found.found()) {
           gone = true;
         } else if (found.entries() != 0) {
           ASSERT_FALSE(gone);
           ASSERT_EQ(found.floor(), floor);
           ASSERT_EQ(found.head(), head);
           ASSERT_TRUE(is_right(found));
         } else {
           resized = true;
           ASSERT_EQ(found.head(), head);
           ASSERT_EQ(found.found()->epochs, (std::vector<Epoch>{{1, 1}}));
         }
       });
  EXPECT_TRUE(gone);
  EXPECT_TRUE(resized);
}

TEST_F(SteppedJournalTest, AnEpochIsBegunAtOnce) {
  fill(60);
  for (std::uint64_t i = 2; i <= kJournalEpochs; ++i) journal->begin_epoch({i, 1});
  bool begun = false;
  step(
      [](Journal& stepped) {
        stepped.begin_epoch({100, 61});
      },
      [&](const Journal& found) {
        ASSERT_TRUE(found.found());
        ASSERT_TRUE(is_right(found));
        const auto& epochs = found.found()->epochs;
        ASSERT_EQ(epochs.size(), kJournalEpochs);
        if (epochs.back() == Epoch{100, 61}) begun = true;
        ASSERT_EQ(epochs.front(), (begun ? Epoch{2, 1} : Epoch{1, 1}));
      });
  EXPECT_TRUE(begun);
}

// --- Another version -----------------------------------------------------------------------------------------------

/// The file with another version in its header, and the checksums that belong to that: as the format has them, said
/// here a second time.
std::string with_version(std::string file, std::uint64_t version) {
  // | magic | number, version, bytes, life, database, count of epochs, epochs; checksum | the same again | …
  constexpr std::size_t kWords = 6 + 2 * kJournalEpochs;
  for (const std::size_t slot : {std::size_t{8}, 8 + (kWords + 1) * 8}) {
    file.replace(slot + 8, 8, reinterpret_cast<const char*>(&version), 8);
    std::uint64_t sum = 0x9e3779b97f4a7c15;
    for (std::size_t word = 0; word < kWords; ++word) {
      std::uint64_t value = 0;
      file.copy(reinterpret_cast<char*>(&value), 8, slot + word * 8);
      sum = (sum ^ value) * 0xff51afd7ed558ccd;
      sum ^= sum >> 32;
    }
    file.replace(slot + kWords * 8, 8, reinterpret_cast<const char*>(&sum), 8);
  }
  return file;
}

TEST_F(JournalTest, WhatAnotherVersionWroteCountsAsNotThere) {
  constexpr std::uint64_t kOurs = 2;
  open();
  journal->begin_epoch({1, 1});
  for (int i = 0; i < 5; ++i) put();
  journal.reset();
  const std::string path = file(), whole = contents(path);
  ASSERT_EQ(with_version(whole, kOurs).substr(8 + 8, 600), whole.substr(8 + 8, 600)) << "the checksums are right";
  for (const std::uint64_t version : {kOurs - 1, kOurs + 1}) {
    overwrite(path, with_version(whole, version));
    open();
    EXPECT_FALSE(journal->found()) << version;
    EXPECT_EQ(journal->entries(), 0u);
    EXPECT_EQ(journal->head(), 0u);
    journal->begin_epoch({2, 1});
    put();
    open();
    ASSERT_TRUE(journal->found()) << "it is ours now";
    EXPECT_EQ(journal->found()->epochs, (std::vector<Epoch>{{2, 1}}));
    EXPECT_TRUE(is_right(*journal));
  }
  overwrite(path, with_version(whole, kOurs));
  open();
  EXPECT_EQ(journal->head(), 5u);
}

// --- Damage --------------------------------------------------------------------------------------------------------

TEST_F(JournalTest, NeverTakesDamageForAnEntry) {
  std::mt19937 random(3);
  open();
  for (std::uint64_t i = 1; i <= 3; ++i) journal->begin_epoch({i * 111, i});
  for (int i = 0; i < 60; ++i) put();
  const auto floor = journal->floor(), head = journal->head();
  journal.reset();
  const std::string path = file(), whole = contents(path);
  int shorter = 0;
  const auto look = [&](const std::string& damaged) {
    overwrite(path, damaged);
    open();
    ASSERT_TRUE(is_right(*journal));
    ASSERT_LE(journal->head(), head);
    if (!journal->found()) {
      ASSERT_EQ(journal->head(), 0u);
      return;
    }
    for (const Epoch& epoch : journal->found()->epochs) ASSERT_EQ(epoch.tag, epoch.first_seq * 111);
    if (journal->head() < head) ++shorter;
    ASSERT_GE(journal->floor() + 10, std::min(floor, journal->head())) << "an anchor from before the last at most";
    // And it goes on from there.
    for (int i = 0; i < 3; ++i) put();
    ASSERT_TRUE(is_right(*journal));
  };
  // Each byte, one bit of it.
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << random() % 8));
    ASSERT_NO_FATAL_FAILURE(look(damaged)) << at;
  }
  EXPECT_GT(shorter, 0);
  // Torn: a piece is of something else, or gone.
  for (int i = 0; i < 1'000; ++i) {
    std::string damaged = whole;
    const std::size_t at = random() % whole.size(), size = 1 + random() % std::min<std::size_t>(600, whole.size() - at);
    for (std::size_t k = at; k < at + size; ++k) {
      damaged[k] = i % 3 == 0 ? '\0' : i % 3 == 1 ? whole[random() % whole.size()] : static_cast<char>(random());
    }
    if (i % 10 == 0) damaged.resize(at);
    ASSERT_NO_FATAL_FAILURE(look(damaged)) << at << " " << size;
  }
}

TEST_F(JournalTest, NeverTakesAPayloadForARecord) {
  // The worst case: whoever publishes knows the very bytes that this journal would write for the entry 4.
  int tried = 0;
  for (std::size_t shift = 0; shift < 64; shift += 8, ++tried) {
    open(4'096);
    journal->restart(0);
    journal->begin_epoch({1, 1});
    test::TempDir copies;
    Journal::Options elsewhere = options(4'096);
    elsewhere.directory = copies.path().string();
    fs::copy_file(file(), copies.path() / fs::path(file()).filename());
    std::string forged;
    {
      Journal copy(elsewhere);
      for (std::uint64_t seq = 1; seq <= 4; ++seq) {
        const std::string topic = "forged" + std::to_string(seq);
        Entry entry;
        entry.topic = topic;
        entry.seq = seq;
        copy.put(entry);
      }
      const std::string records = contents(copy.path()).substr(4'096);
      const std::size_t size = records.find("forged4") - records.find("forged3");
      forged = records.substr(3 * size, size);
      ASSERT_NE(forged.find("forged4"), std::string::npos);
    }
    // The first payload is full of it; the second, from the beginning again, covers some of that; the third ends where
    // one begins, at one of the shifts.
    std::string full(4, '1');
    while (full.size() < 3'500) full += forged;
    put("full", full);
    put("over", std::string(800, '2'));
    ASSERT_EQ(journal->floor(), 1u) << "it made room for the second";
    put("last", std::string(shift, '3'));
    open(4'096);
    ASSERT_EQ(journal->floor(), 1u);
    ASSERT_EQ(journal->head(), 3u) << shift;
  }
  EXPECT_EQ(tried, 8);
}

TEST_F(JournalTest, TheLengthBehindTheNewestRecordIsAlwaysZero) {
  open(4'096);
  journal->begin_epoch({1, 1});
  std::mt19937 random(5);
  for (int lap = 0; lap < 200; ++lap) {
    const std::string payload(8 * (random() % 60), '\xff');
    const std::string topic = "topic-" + std::to_string(1'000 + lap);
    put(topic, payload);
    const std::string records = contents(file()).substr(4'096);
    const std::size_t begin = records.find(topic);
    ASSERT_NE(begin, std::string::npos);
    const std::size_t end = (begin + topic.size() + payload.size() + 7) / 8 * 8;
    if (end < records.size()) {
      ASSERT_EQ(records.substr(end, 4), std::string(4, '\0')) << lap;
    }
  }
}

}  // namespace
}  // namespace fieldcast

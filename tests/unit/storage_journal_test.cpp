// The crash journal against a plain list of what was put into it, and what it asks of the machine.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <limits>
#include <random>

#include "storage/journal.hpp"
#include "tests/unit/storage_journal_fixture.hpp"

namespace fieldcast {
namespace {

namespace fs = std::filesystem;

TEST_F(JournalTest, ANewOneIsEmptyAndItsUsersOwn) {
  open();
  EXPECT_FALSE(journal->found());
  EXPECT_EQ(journal->head(), 0u);
  EXPECT_EQ(journal->floor(), 0u);
  EXPECT_EQ(journal->path(), file());
  EXPECT_EQ(fs::path(journal->path()).filename().string().size(), 16 + std::string(".journal").size());
  EXPECT_EQ(fs::status(directory()).permissions(), fs::perms::owner_all);
  EXPECT_EQ(fs::status(file()).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  journal.reset();
  open();
  EXPECT_FALSE(journal->found()) << "no epoch was begun in it";
}

TEST_F(JournalTest, HoldsTheNewestOverManyLaps) {
  std::mt19937 random(1);
  for (const std::size_t bytes : {kSmallest, kSmallest + 8, std::size_t{5'000}, std::size_t{100'000}}) {
    for (const std::size_t entries : {std::size_t{7}, std::size_t{1'000'000}}) {
      open(bytes, entries);
      journal->resize();
      journal->restart(0);
      journal->begin_epoch({1, 1});
      std::size_t lost = 0, given_up = 0;
      for (int i = 0; i < 6'000; ++i) {
        const std::uint64_t floor = journal->floor(), stored = journal->stored();
        lost += put();
        // What made room was on disk first.
        given_up += journal->floor() - std::clamp(stored, floor, journal->floor());
        ASSERT_TRUE(journal->entries() <= entries || journal->floor() >= stored) << "what is on disk goes by number";
        if (random() % 50 == 0) journal->set_stored(journal->head() - random() % 10 % journal->head());
        if (random() % 100 != 0) continue;
        ASSERT_EQ(lost, given_up);
        ASSERT_TRUE(is_right(*journal, 1 + random() % 5'000));
        if (random() % 4 != 0) continue;
        const auto floor_now = journal->floor(), head = journal->head();
        const auto stored_now = journal->stored();
        open(bytes, entries);
        ASSERT_TRUE(journal->found());
        ASSERT_EQ(journal->floor(), floor_now);
        ASSERT_EQ(journal->head(), head);
        ASSERT_EQ(journal->found()->floor, floor_now);
        ASSERT_EQ(journal->found()->head, head);
        ASSERT_TRUE(is_right(*journal));
        journal->set_stored(stored_now);
      }
      ASSERT_EQ(lost, given_up);
    }
  }
}

TEST_F(JournalTest, TellsWhatItsEntriesTake) {
  open(64 * 1024);
  EXPECT_EQ(journal->used_bytes(), 0u);
  EXPECT_EQ(journal->oldest_time(), 0);
  put("a", std::string(1'000, 'x'), 7);
  const std::size_t one = journal->used_bytes();
  EXPECT_GT(one, 1'000u);
  EXPECT_LT(one, 1'100u);
  put("b", std::string(1'000, 'x'), 8);
  EXPECT_EQ(journal->used_bytes(), 2 * one);
  EXPECT_EQ(journal->oldest_time(), 7);
  // Over some laps it is full, and never more than that.
  for (std::size_t bytes = 0; bytes < 3 * journal->bytes(); bytes += one) {
    put("c", std::string(1'000, 'x'), 9);
    ASSERT_LE(journal->used_bytes(), journal->bytes());
    ASSERT_GE(journal->used_bytes(), journal->entries() * one);
  }
  EXPECT_GT(journal->used_bytes(), journal->bytes() - 3 * one);
  EXPECT_EQ(journal->oldest_time(), 9);
}

TEST_F(JournalTest, HoldsAtLeastHalfOfItsBytes) {
  open(100'000);
  for (int i = 0; i < 5'000; ++i) put("t", std::string(100, '1'));
  EXPECT_GT(journal->entries(), 100'000u / 160 - 10);
}

TEST_F(JournalTest, HoldsTheLargestReadingInTheSmallest) {
  Limits limits;
  limits.payload = 4'096;
  open(Journal::smallest(limits));
  for (int i = 0; i < 10; ++i) {
    const std::string topic(65'535, static_cast<char>('a' + i));
    put("small" + std::string(static_cast<std::size_t>(i), 'x'), "1");
    const std::string broker(kBrokerNameBytes, static_cast<char>('A' + i));
    put(topic, std::string(limits.payload, '1'), 0, broker);
    Chunk chunk;
    journal->read(journal->head() - 1, journal->head(), 1, chunk);
    ASSERT_EQ(chunk.entries.size(), 1u);
    EXPECT_EQ(chunk.entries[0].broker, broker);
    EXPECT_EQ(chunk.entries[0].topic, topic);
    EXPECT_EQ(chunk.entries[0].payload, std::string(limits.payload, '1'));
  }
}

TEST_F(JournalTest, HoldsTwoOfTheLargestInTheSmallest) {
  Limits limits;
  limits.payload = 4'096;
  open(Journal::smallest(limits));
  for (int i = 0; i < 2; ++i) {
    put(std::string(65'535, 't'), std::string(limits.payload, '1'), 0, std::string(kBrokerNameBytes, 'b'));
  }
  EXPECT_EQ(journal->entries(), 2u);
}

TEST_F(JournalTest, GivesBackEachEntrysBrokerAlsoAfterAStart) {
  open(8'192);
  journal->begin_epoch({1, 1});
  const std::vector<std::string> brokers{"a", "", "b", std::string(kBrokerNameBytes, 'c'), "a", ""};
  for (const std::string& broker : brokers) put("t", "1", 0, broker);
  put("", "", 0, "all else is empty");
  for (const bool after_a_start : {false, true}) {
    if (after_a_start) open(8'192);
    Chunk chunk;
    journal->read(0, journal->head(), 8'192, chunk);
    ASSERT_EQ(chunk.entries.size(), brokers.size() + 1);
    for (std::size_t i = 0; i < brokers.size(); ++i) {
      EXPECT_EQ(chunk.entries[i].broker, brokers[i]);
      EXPECT_EQ(chunk.entries[i].topic, "t");
      EXPECT_EQ(chunk.entries[i].payload, "1");
    }
    EXPECT_EQ(chunk.entries.back().broker, "all else is empty");
    EXPECT_EQ(chunk.entries.back().topic, "");
  }
}

TEST_F(JournalTest, TakesWhatALargerLimitAllowsAlsoBeforeItIsResized) {
  open(1'024);
  journal->begin_epoch({1, 1});
  for (int i = 0; i < 4; ++i) put("t", "1");
  journal->set_stored(1);
  open(8'192);
  ASSERT_EQ(journal->entries(), 4u);
  journal->set_stored(1);
  EXPECT_EQ(put("t", std::string(3'000, '1')), 3u) << "lost, and it says so";
  EXPECT_EQ(journal->entries(), 1u);
  open(8'192);
  EXPECT_EQ(journal->head(), 5u);
  EXPECT_EQ(journal->entries(), 1u);
}

TEST_F(JournalTest, CopiesAboutAsMuchAsAskedFor) {
  open(100'000);
  for (int i = 0; i < 100; ++i) put("t", std::string(100, '1'));
  Chunk chunk;
  journal->read(10, 90, 1, chunk);
  ASSERT_EQ(chunk.entries.size(), 1u);
  EXPECT_EQ(chunk.entries[0].seq, 11u);
  journal->read(10, 90, 1'000, chunk);
  EXPECT_GE(chunk.entries.size(), 5u);
  EXPECT_LE(chunk.entries.size(), 10u);
  journal->read(10, 12, 100'000, chunk);
  EXPECT_EQ(chunk.entries.size(), 2u);
  journal->read(100, 200, 1'000, chunk);
  EXPECT_TRUE(chunk.entries.empty());
}

TEST_F(JournalTest, GivesUpWhatIsNotOnDiskByBytesOnly) {
  open(8'192, 10);
  std::size_t lost = 0;
  for (int i = 0; i < 20; ++i) lost += put("t", "1");
  EXPECT_EQ(lost, 0u);
  EXPECT_EQ(journal->entries(), 20u);
  journal->set_stored(5);
  EXPECT_EQ(put("t", "1"), 0u);
  EXPECT_EQ(journal->floor(), 5u) << "all that are on disk, and no more";
  journal->set_stored(18);
  EXPECT_EQ(put("t", "1"), 0u);
  EXPECT_EQ(journal->entries(), 10u);
  journal->set_stored(3);
  EXPECT_EQ(journal->stored(), 18u);
  while (lost == 0) lost = put("t", "1");
  EXPECT_EQ(lost, 1u);
  EXPECT_EQ(journal->floor(), 19u);
}

TEST_F(JournalTest, FindsATimeInTheOrderOfTheLog) {
  open(8'192, 5);
  EXPECT_EQ(journal->before(0), 0u);
  EXPECT_EQ(journal->latest_dropped(), std::numeric_limits<std::int64_t>::min());
  for (const std::int64_t time : {100, 200, 150, 300, 300, 50, 400}) put("a", "1", time);
  const std::vector<std::pair<std::int64_t, std::uint64_t>> cases{{0, 0},   {100, 0}, {101, 1}, {200, 1},
                                                                  {201, 3}, {300, 3}, {301, 6}, {401, 7}};
  for (const auto& [time, before] : cases) EXPECT_EQ(journal->before(time), before) << time;
  journal->set_stored(7);
  put("a", "1", 10);
  EXPECT_EQ(journal->floor(), 3u);
  EXPECT_EQ(journal->latest_dropped(), 200);
  EXPECT_EQ(journal->before(0), 3u);
  put("a", "1", 10);
  EXPECT_EQ(journal->latest_dropped(), 300);
}

TEST_F(JournalTest, RemembersTheNewestEpochsAndTheDatabase) {
  open();
  std::vector<Epoch> begun;
  for (std::uint64_t i = 1; i <= kJournalEpochs + 5; ++i) {
    begun.push_back({i * 1'000, i});
    journal->begin_epoch(begun.back());
    if (i == 3) journal->set_database(77);
    open();
    ASSERT_TRUE(journal->found());
    const auto expected = std::vector(begun.end() - std::min(i, kJournalEpochs), begun.end());
    ASSERT_EQ(journal->found()->epochs, expected);
    ASSERT_EQ(journal->found()->database, i < 3 ? 0u : 77u);
  }
}

TEST_F(JournalTest, RestartsBehindAnyPosition) {
  open();
  journal->begin_epoch({1, 1});
  journal->set_database(77);
  for (int i = 0; i < 5; ++i) put("aaaa", "1");
  journal->restart(2);
  EXPECT_EQ(journal->entries(), 0u);
  EXPECT_EQ(journal->head(), 2u);
  EXPECT_EQ(journal->stored(), 2u);
  open();
  EXPECT_FALSE(journal->found()) << "no epoch was begun since";
  journal->restart(2);
  journal->begin_epoch({2, 3});
  put("bbbb", "1");
  open();
  ASSERT_TRUE(journal->found());
  EXPECT_EQ(journal->found()->epochs, (std::vector<Epoch>{{2, 3}}));
  EXPECT_EQ(journal->found()->database, 0u);
  EXPECT_EQ(journal->floor(), 2u);
  EXPECT_EQ(journal->stored(), 2u);
  EXPECT_EQ(journal->head(), 3u) << "the records from before, with the seqs that follow, are void";
}

TEST_F(JournalTest, KeepsItsSizeUntilItIsTold) {
  for (const auto& [before, after] : {std::pair<std::size_t, std::size_t>{8'192, 32'768}, {32'768, 8'192}}) {
    open(before);
    journal->restart(100);
    journal->resize();
    journal->begin_epoch({1, 101});
    for (int i = 0; i < 500; ++i) put();
    const auto floor = journal->floor();
    open(after);
    EXPECT_EQ(journal->floor(), floor);
    EXPECT_TRUE(is_right(*journal));
    for (int i = 0; i < 500; ++i) put();
    ASSERT_TRUE(is_right(*journal));
    journal->resize();
    EXPECT_EQ(journal->entries(), 0u);
    EXPECT_EQ(journal->head(), 1'100u);
    for (int i = 0; i < 500; ++i) put();
    open(after);
    ASSERT_TRUE(journal->found());
    EXPECT_EQ(journal->found()->epochs, (std::vector<Epoch>{{1, 101}}));
    EXPECT_EQ(journal->head(), 1'600u);
    EXPECT_TRUE(is_right(*journal));
    EXPECT_EQ(fs::file_size(file()), 4'096 + after);
  }
}

// --- What the machine refuses --------------------------------------------------------------------------------------

TEST_F(JournalTest, IsOfOneProcessAtATime) {
  open();
  const std::string why = refusal();
  EXPECT_NE(why.find(journal->path()), std::string::npos) << why;
  EXPECT_NE(why.find("another process"), std::string::npos) << why;
  EXPECT_EQ(why.find('\n'), std::string::npos) << why;
  Journal::Options other = options();
  other.database = "/var/lib/fieldcast/other.db";
  EXPECT_NE(Journal(other).path(), journal->path());
  journal.reset();
  EXPECT_EQ(refusal(), "");
}

TEST_F(JournalTest, RefusesWhatIsNotItsUsersOwn) {
  // A folder whose parent is missing.
  Journal::Options nowhere = options();
  nowhere.directory += "/a/b";
  EXPECT_THROW(Journal{nowhere}, std::runtime_error);
  // A link where the folder should be, and where the file should be.
  const std::string target = (temp.path() / "target").string();
  fs::create_directory(target);
  fs::create_directory_symlink(target, directory());
  EXPECT_NE(refusal().find(directory()), std::string::npos) << refusal();
  fs::remove(directory());
  open();
  const std::string path = journal->path();
  journal.reset();
  fs::rename(path, target + "/file");
  fs::create_symlink(target + "/file", path);
  EXPECT_NE(refusal().find(path), std::string::npos) << refusal();
  fs::remove(path);
  // A folder, a file.
  fs::create_directory(path);
  EXPECT_NE(refusal().find(path), std::string::npos) << refusal();
  fs::remove_all(directory());
  temp.write("journal", "");
  EXPECT_NE(refusal().find(directory()), std::string::npos) << refusal();
}

/// Runs in a child, whose rights and limits are its own; true where it says so.
bool in_child(const std::function<bool()>& check) {
  const pid_t child = fork();
  if (child == 0) _exit(check() ? 0 : 1);
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_F(JournalTest, RefusesAFolderOfAnotherUser) {
  if (geteuid() == 0) {
    fs::create_directory(directory());
    ASSERT_EQ(chown(directory().c_str(), 65'534, 65'534), 0);
    EXPECT_NE(refusal().find("belongs to another user"), std::string::npos) << refusal();
  } else {
    Journal::Options roots = options();
    roots.directory = "/";
    EXPECT_THROW(Journal{roots}, std::runtime_error);
  }
}

TEST_F(JournalTest, RefusesAFolderThatCannotBeWritten) {
  fs::create_directory(directory());
  fs::permissions(temp.path(), fs::perms::all);
  fs::permissions(directory(), fs::perms::owner_read | fs::perms::owner_exec);
  const bool root = geteuid() == 0;
  ASSERT_TRUE(!root || chown(directory().c_str(), 65'534, 65'534) == 0);
  EXPECT_TRUE(in_child([&] {
    if (root && seteuid(65'534) != 0) return false;
    const std::string why = refusal();
    return why.find(directory()) != std::string::npos && why.find("Permission denied") != std::string::npos &&
           why.find("storage.journal") != std::string::npos;
  }));
}

TEST_F(JournalTest, SaysWhenThereIsNoRoom) {
  EXPECT_TRUE(in_child([&] {
    const rlimit room{16'384, 16'384};
    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &room) != 0) return false;
    try {
      Journal too_large(options(1u << 20));
    } catch (const std::runtime_error& error) {
      const std::string why = error.what();
      return why.find(file()) != std::string::npos &&
             why.find(std::to_string((1u << 20) + 4'096)) != std::string::npos &&
             why.find("storage.memory_bytes") != std::string::npos && why.find('\n') == std::string::npos;
    }
    return false;
  }));
}

}  // namespace
}  // namespace fieldcast

// A journal that is read beside its writer.
#include <gtest/gtest.h>

#include <atomic>
#include <system_error>
#include <thread>

#include "storage/journal_reader.hpp"
#include "tests/unit/storage_journal_fixture.hpp"

namespace fieldcast {
namespace {

class JournalReaderTest : public JournalTest {
 protected:
  std::unique_ptr<JournalReader> reader() const {
    return std::make_unique<JournalReader>(directory(), options().database);
  }
  /// The last seq that comes behind `after`, each entry held against what was put in.
  static std::uint64_t read(JournalReader& from, std::uint64_t after, bool* all = nullptr) {
    const bool whole = from.read(after, [&](std::span<const Entry> entries) {
      for (const Entry& entry : entries) ASSERT_TRUE(Made(++after).is(entry)) << after;
    });
    if (all != nullptr) *all = whole;
    return after;
  }
};

TEST_F(JournalReaderTest, GivesWhatTheJournalHolds) {
  open();
  journal->begin_epoch({7, 1});
  for (int i = 0; i < 500; ++i) {
    put();
    const auto found = reader()->end();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->epochs, (std::vector<Epoch>{{7, 1}}));
    ASSERT_EQ(found->floor, journal->floor()) << i;
    ASSERT_EQ(found->head, journal->head()) << i;
    ASSERT_EQ(read(*reader(), journal->floor()), journal->head());
    ASSERT_EQ(read(*reader(), journal->head() - 1), journal->head());
    ASSERT_EQ(read(*reader(), journal->head()), journal->head());
  }
  ASSERT_GT(journal->floor(), 0u);
  bool all = true;
  const auto behind = reader();
  EXPECT_EQ(read(*behind, 0, &all), 0u) << "it is not there any more";
  EXPECT_FALSE(all);
  EXPECT_EQ(behind->floor(), journal->floor());
}

TEST_F(JournalReaderTest, ARecordLargerThanItsWindowComesToo) {
  open(8u << 20);
  journal->begin_epoch({7, 1});
  put("a", std::string(3u << 20, 'x'));
  put("b", "1");
  std::vector<std::size_t> sizes;
  reader()->read(0, [&](std::span<const Entry> entries) {
    for (const Entry& entry : entries) sizes.push_back(entry.payload.size());
  });
  EXPECT_EQ(sizes, (std::vector<std::size_t>{3u << 20, 1}));
}

TEST_F(JournalReaderTest, IsNotThere) {
  const auto error = [&] {
    try {
      reader();
    } catch (const std::system_error& fault) {
      return fault.code();
    }
    return std::error_code();
  };
  EXPECT_EQ(error(), std::errc::no_such_file_or_directory);
  open();
  EXPECT_FALSE(reader()->end()) << "no epoch was begun in it";
  const std::string name = file();
  journal.reset();
  overwrite(name, std::string(10'000, 'x'));
  EXPECT_FALSE(reader()->end());
  overwrite(name, "");
  EXPECT_FALSE(reader()->end());
}

TEST_F(JournalReaderTest, NothingIsChanged) {
  open();
  journal->begin_epoch({7, 1});
  for (int i = 0; i < 100; ++i) put();
  const std::string before = contents(file());
  reader()->end();
  EXPECT_EQ(contents(file()), before);
  put();  // the writer has its lock still
}

// The ring is overrun all the time: whatever comes is right, and in order.
TEST_F(JournalReaderTest, BesideAWriterNothingWrongComes) {
  open();
  journal->begin_epoch({7, 1});
  put();
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    while (!stop) {
      journal->set_stored(journal->head());
      put();
    }
  });
  const auto from = reader();
  std::uint64_t position = 0, read_in_all = 0;
  while (read_in_all < 20'000 && !HasFailure()) {
    bool all = false;
    const std::uint64_t reached = read(*from, position, &all);
    read_in_all += reached - position;
    position = all ? reached : std::max(reached, from->floor());
  }
  stop = true;
  writer.join();
  EXPECT_EQ(read(*from, journal->floor()), journal->head());
}

}  // namespace
}  // namespace fieldcast

// The database as a tool walks it: whatever is damaged, never a wrong reading and never a loss that is not told; and
// nothing is made or changed.
#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "storage/archive.hpp"
#include "tests/unit/storage_history_fixture.hpp"

namespace fieldcast {
namespace {

class ArchiveTest : public test::HistoryTest {
 protected:
  struct Walked {
    std::vector<std::uint64_t> seqs;
    std::vector<Finding> findings;
  };

  /// All of it, each entry held against what was stored.
  Walked walk(Archive& archive, bool thorough = false) {
    Walked walked;
    Archive::Walk walk;
    walk.thorough = thorough;
    walk.take = [&](std::span<const Entry> entries) {
      for (const Entry& entry : entries) {
        walked.seqs.push_back(entry.seq);
        const auto kept = there.find(entry.seq);
        ASSERT_NE(kept, there.end()) << entry.seq;
        ASSERT_EQ(test::Kept(entry), kept->second);
      }
    };
    walk.found = [&](const Finding& finding) { walked.findings.push_back(finding); };
    std::uint64_t position = 0;
    while (archive.step(position, walk) && !HasFailure()) {
    }
    return walked;
  }
  Walked walk(bool thorough = false) {
    Archive archive(path());
    return walk(archive, thorough);
  }
  /// Without anything in the write-ahead log.
  void fold() { database().run("PRAGMA wal_checkpoint(TRUNCATE)"); }
  std::string bytes_of(const std::string& name) {
    std::ifstream in(name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::map<std::string, std::string> files() {
    std::map<std::string, std::string> found;
    for (const auto& file : std::filesystem::directory_iterator(directory.path()))
      found[file.path().filename()] = bytes_of(file.path());
    return found;
  }

  std::mt19937_64 random{1};
};

using What = Finding::What;

TEST_F(ArchiveTest, GivesEveryEntryInOrder) {
  store_block(readings(1, 100));
  store_block(readings(101, 200, "b"));
  store_record({link(201)});
  store_record(readings(202, 230), 30);
  const Walked all = walk(true);
  EXPECT_EQ(all.seqs.size(), 230u);
  EXPECT_TRUE(std::is_sorted(all.seqs.begin(), all.seqs.end()));
  EXPECT_TRUE(all.findings.empty());
  const auto summary = Archive(path()).summary();
  EXPECT_EQ(summary.end.last_seq, 230u);
  EXPECT_EQ(summary.floor, 0u);
  EXPECT_EQ(summary.blocks, 2u);
  EXPECT_FALSE(summary.several_brokers);
  change("INSERT INTO subscription VALUES ('a', '#'), ('a', 'b'), ('b', '#')");
  EXPECT_TRUE(Archive(path()).summary().several_brokers);
}

TEST_F(ArchiveTest, PassesOverWhatIsNotWanted) {
  store_block(readings(1, 100, "a"));
  store_block(readings(101, 200, "b"));
  damage_body(1);
  lose(1, 100);
  Archive archive(path());
  Archive::Walk walk;
  std::size_t taken = 0;
  walk.passes_over = [](const BlockRow& row) { return row.first_seq == 1; };
  walk.take = [&](std::span<const Entry> entries) { taken += entries.size(); };
  walk.found = [](const Finding&) { ADD_FAILURE() << "it was not to be read"; };
  std::uint64_t position = 0;
  while (archive.step(position, walk)) {
  }
  EXPECT_EQ(taken, 100u);
}

TEST_F(ArchiveTest, NamesWhatIsDamaged) {
  for (const std::uint64_t first : {1u, 101u, 201u})
    store_block(readings(first, first + 99, "t" + std::to_string(first)));
  store_record(readings(301, 310), 30);
  store_record(readings(311, 320), 30);
  damage_body(101);
  damage("tail", "data", "part = 1 AND first_seq = 301");
  lose(101, 200);
  lose(301, 310);
  const Walked all = walk();
  EXPECT_EQ(all.seqs.size(), 210u);
  ASSERT_EQ(all.findings.size(), 2u);
  EXPECT_EQ(all.findings[0].what, What::block);
  EXPECT_EQ(all.findings[0].first_seq, 101u);
  EXPECT_EQ(all.findings[0].last_seq, 200u);
  ASSERT_TRUE(all.findings[0].row);
  EXPECT_EQ(all.findings[0].row->entries, 100u);
  EXPECT_EQ(all.findings[1].what, What::record);
  EXPECT_EQ(all.findings[1].first_seq, 301u);
  EXPECT_EQ(all.findings[1].last_seq, 310u);
  change("DELETE FROM tail WHERE part = 1 AND first_seq = 311");
  lose(311, 320);
  EXPECT_EQ(walk().findings.back().detail, "parts of it are missing");
}

TEST_F(ArchiveTest, AHoleIsNoDamageButTold) {
  store_block(readings(1, 10));
  store_block(readings(1'000, 1'010));
  store_record(readings(2'000, 2'001));
  const Walked all = walk();
  EXPECT_EQ(all.seqs.size(), 23u);
  ASSERT_EQ(all.findings.size(), 2u);
  for (const Finding& finding : all.findings) EXPECT_EQ(finding.what, What::hole);
  EXPECT_EQ(all.findings[0].first_seq, 11u);
  EXPECT_EQ(all.findings[0].last_seq, 999u);
  change("INSERT OR REPLACE INTO fact VALUES ('expired', 999)");
  EXPECT_EQ(walk().findings.size(), 1u) << "what has expired is not missing";
}

TEST_F(ArchiveTest, EndsWhereACleanStopSaysSo) {
  store_block(readings(1, 10));
  store_record(readings(11, 20));
  change("INSERT INTO epoch VALUES (1, 5, 20)");
  EXPECT_TRUE(walk().findings.empty());
  change("DELETE FROM tail");
  lose(11, 20);
  const Walked all = walk();
  ASSERT_EQ(all.findings.size(), 1u);
  EXPECT_EQ(all.findings[0].first_seq, 11u);
  EXPECT_EQ(all.findings[0].last_seq, 20u);
}

TEST_F(ArchiveTest, HoldsTheListAgainstTheBlocks) {
  store_block(readings(1, 100));
  store_block(readings(101, 200));
  for (const char* change_row : {"entries = 99", "first_time = 1", "last_time = 2",
                                 "topics = (SELECT topics FROM block WHERE first_seq = 101)"}) {
    change("UPDATE block SET topics = x'00' WHERE first_seq = 101");
    change("UPDATE block SET " + std::string(change_row) + " WHERE first_seq = 1");
    const Walked all = walk(true);
    EXPECT_EQ(all.seqs.size(), 200u) << change_row;
    ASSERT_EQ(all.findings.size(), 2u) << change_row;
    EXPECT_EQ(all.findings[0].what, What::row) << change_row;
  }
  change("DELETE FROM block WHERE first_seq = 101");
  const Walked all = walk(true);
  EXPECT_EQ(all.seqs.size(), 200u) << "a body is whole by itself";
  EXPECT_EQ(all.findings.back().detail, "it is not there");
}

TEST_F(ArchiveTest, FindsDamageInTheState) {
  const auto entries = readings(1, 3);
  const std::vector<std::uint64_t> counts{1, 2, 3};
  const std::string data = codec.encode(entries, {}, counts);
  Statement insert(database(), "INSERT INTO state VALUES (1, ?)");
  insert.bind(1, std::string_view(data)).run();
  std::vector<Finding> findings;
  const auto found = [&](const Finding& finding) { findings.push_back(finding); };
  EXPECT_EQ(Archive(path()).check_state(found).topics, 3u);
  EXPECT_TRUE(findings.empty());
  damage("state", "data", "id = 1");
  EXPECT_EQ(Archive(path()).check_state(found).topics, 0u);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].what, What::state);
}

TEST_F(ArchiveTest, ATailThatBecomesABlockOnTheWayLosesNothing) {
  store_block(readings(1, 10));
  store_record(readings(11, 15));
  Archive archive(path());
  std::vector<std::uint64_t> seqs;
  Archive::Walk walk;
  walk.take = [&](std::span<const Entry> entries) {
    for (const Entry& entry : entries) seqs.push_back(entry.seq);
  };
  walk.found = [](const Finding&) { ADD_FAILURE() << "nothing is missing"; };
  std::uint64_t position = 0;
  EXPECT_TRUE(archive.step(position, walk));
  EXPECT_TRUE(archive.step(position, walk));
  EXPECT_EQ(position, 15u);
  change("DELETE FROM tail");
  store_block(readings(11, 30));
  store_record(readings(31, 32));
  while (archive.step(position, walk)) {
  }
  ASSERT_EQ(seqs.size(), 32u);
  for (std::size_t i = 0; i < seqs.size(); ++i) EXPECT_EQ(seqs[i], i + 1);
}

TEST_F(ArchiveTest, NothingIsMadeOrChanged) {
  store_block(readings(1, 100));
  store_record(readings(101, 110));
  // In use: with its write-ahead log and the index of it.
  ASSERT_GT(std::filesystem::file_size(path() + "-wal"), 0u);
  auto in_use = files();
  EXPECT_EQ(walk().seqs.size(), 110u);
  auto after_walk = files();
  // Whoever reads beside a writer marks in the index how far; in this process both are one.
  for (auto* each : {&in_use, &after_walk}) each->erase("fieldcast.db-shm");
  EXPECT_TRUE(after_walk == in_use);

  const test::TempDir copies;
  const auto copy = [&](const std::string& name, std::vector<std::string> parts) {
    const auto folder = copies.path() / name;
    std::filesystem::create_directory(folder);
    for (const std::string& part : parts) std::filesystem::copy_file(path() + part, folder / ("fieldcast.db" + part));
    return (folder / "fieldcast.db").string();
  };
  const auto unchanged = [&](const std::string& file, std::size_t expected) {
    std::map<std::string, std::string> before, after;
    const auto look = [&](auto& at) {
      for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(file).parent_path()))
        at[entry.path().filename()] = bytes_of(entry.path());
    };
    look(before);
    std::size_t count = 0;
    {
      Archive archive(file);
      count = walk(archive).seqs.size();
      archive.quick_check(1, [] {});
    }
    look(after);
    EXPECT_EQ(count, expected) << file;
    EXPECT_TRUE(before == after) << file;
  };
  unchanged(copy("killed", {"", "-wal", "-shm"}), 110);
  unchanged(copy("log_only", {"", "-wal"}), 110);
  fold();
  unchanged(copy("alone", {""}), 110);
}

TEST_F(ArchiveTest, AFileThatIsNoneOfOursIsRefused) {
  const auto refusal = [&](const std::string& bytes) -> std::string {
    const std::string file = directory.write("other.db", bytes);
    try {
      Archive archive(file);
    } catch (const SqliteError& error) {
      EXPECT_EQ(bytes_of(file), bytes);
      return error.what();
    }
    return "";
  };
  store_block(readings(1, 10));
  fold();
  std::string good = bytes_of(path());
  EXPECT_EQ(refusal(good), "");
  EXPECT_NE(refusal("").find("no SQLite database"), std::string::npos);
  EXPECT_NE(refusal(std::string(5'000, 'x')).find("no SQLite database"), std::string::npos);
  for (const auto& [version, word] : {std::pair{char{2}, "an older"}, std::pair{char{4}, "a newer"}}) {
    good[63] = version;
    EXPECT_NE(refusal(good).find(word), std::string::npos) << refusal(good);
  }
  good[68] = 'x';
  EXPECT_NE(refusal(good).find("another program"), std::string::npos);
  EXPECT_THROW(Archive((directory.path() / "none.db").string()), SqliteError);
  EXPECT_FALSE(std::filesystem::exists(directory.path() / "none.db"));
}

/// Garbage, and files cut short: what is not damaged comes, and what does not come is told.
class ArchiveDamage : public ArchiveTest {
 protected:
  void SetUp() override {
    for (int block = 0; block < 30; ++block) {
      std::vector<Entry> entries;
      for (int i = 0; i < 40; ++i)
        entries.push_back(reading(++seq, "t/" + std::to_string(random() % 50), test::random_bytes(random, 50)));
      store_block(entries);
    }
    for (int record = 0; record < 20; ++record, seq += 20) store_record(readings(seq + 1, seq + 20));
    change("INSERT INTO epoch VALUES (1, 5, " + std::to_string(seq) + ")");
    fold();
    good = bytes_of(path());
  }

  /// Walks these bytes; returns how many entries are lost.
  std::size_t lost(const std::string& bytes) {
    const std::string file = directory.write("damaged.db", bytes);
    Walked walked;
    try {
      Archive archive(file);
      walked = walk(archive);
    } catch (const SqliteError& error) {
      refusal = error.what();
      return seq;
    }
    EXPECT_EQ(std::set(walked.seqs.begin(), walked.seqs.end()).size(), walked.seqs.size()) << "none comes twice";
    std::set<std::uint64_t> known(walked.seqs.begin(), walked.seqs.end());
    for (const Finding& finding : walked.findings) {
      if (is_loss(finding.what))
        for (std::uint64_t s = finding.first_seq; s <= std::min(finding.last_seq, seq); ++s) known.insert(s);
    }
    for (std::uint64_t s = 1; s <= seq; ++s) {
      if (!known.contains(s)) {
        ADD_FAILURE() << s << " is missing, and that was not told";
        break;
      }
    }
    return seq - walked.seqs.size();
  }

  std::uint64_t seq = 0;
  std::string good;
  std::string refusal;  // of the last file that cannot be read at all
};

TEST_F(ArchiveDamage, ABadSectorCostsLittleAndIsTold) {
  int hurt = 0;
  for (int run = 0; run < 150 && !HasFailure(); ++run) {
    SCOPED_TRACE(run);
    std::string bytes = good;
    bytes.replace(random() % (bytes.size() / 512 - 2) * 512 + 1'024, 512, test::random_bytes(random, 512));
    if (lost(bytes) != 0) ++hurt;
  }
  EXPECT_GT(hurt, 50);
  EXPECT_EQ(lost(good), 0u);
}

TEST_F(ArchiveDamage, AFileCutShortGivesWhatIsLeft) {
  std::size_t least = seq;
  for (std::size_t size = good.size() - 1'024; size > 8'192 && !HasFailure(); size -= 7 * 1'024) {
    SCOPED_TRACE(size);
    least = std::min(least, lost(good.substr(0, size)));
  }
  EXPECT_LT(least, seq) << refusal;
}

TEST_F(ArchiveDamage, SqlitesOwnCheckIsTold) {
  EXPECT_TRUE(Archive(path()).quick_check(10, [] {}).empty());
  std::string bytes = good;
  bytes.resize(bytes.size() / 2);
  int progress = 0;
  EXPECT_FALSE(Archive(directory.write("cut.db", bytes)).quick_check(10, [&] { ++progress; }).empty());
}

}  // namespace
}  // namespace fieldcast

// Whose file it is: a database of ours is known in every state, and no other file is touched.
#include <filesystem>
#include <fstream>

#include "storage/schema.hpp"
#include "tests/unit/storage_store_fixture.hpp"

namespace fieldcast {
namespace {

namespace fs = std::filesystem;
using test::StoreTest;

class SchemaTest : public StoreTest {
 protected:
  std::map<std::string, std::string> files() const {
    std::map<std::string, std::string> files;
    for (const auto& file : fs::directory_iterator(directory.path())) {
      std::ifstream in(file.path(), std::ios::binary);
      files[file.path().filename()] = {std::istreambuf_iterator<char>(in), {}};
    }
    return files;
  }

  void expect_refused(const std::string& because) {
    const auto before = files();
    try {
      open();
      ADD_FAILURE() << "not refused";
    } catch (const SqliteError& error) {
      EXPECT_NE(std::string(error.what()).find(path()), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find(because), std::string::npos) << error.what();
    }
    EXPECT_EQ(files(), before);
  }

  /// Copies the file with its write-ahead log while it is open, as a crash leaves it.
  void take_from(const std::string& source) {
    for (const char* end : {"", "-wal"}) fs::copy_file(source + end, path() + end);
  }
};

TEST_F(SchemaTest, SetsTheDatabaseUpForFlash) {
  open();
  EXPECT_EQ(number("PRAGMA page_size"), kPageBytes);
  EXPECT_EQ(number("PRAGMA application_id"), 0x46435354);
  EXPECT_EQ(number("PRAGMA user_version"), 3);
  Database database(path(), Database::Mode::existing);
  Statement mode(database, "PRAGMA journal_mode");
  ASSERT_TRUE(mode.step());
  EXPECT_EQ(mode.blob(0), "wal");
}

TEST_F(SchemaTest, WhatIsNoDatabaseIsRefused) {
  directory.write("fieldcast.db", "temperature;21.5\n");
  expect_refused("no SQLite database");
}

TEST_F(SchemaTest, AnotherProgramsDatabaseIsRefused) {
  const test::TempDir other;
  const std::string source = (other.path() / "other.db").string();
  Database database(source, Database::Mode::create);
  database.run("PRAGMA journal_mode=WAL; CREATE TABLE theirs(x); INSERT INTO theirs VALUES (1)");
  take_from(source);
  ASSERT_GT(fs::file_size(path() + "-wal"), 0u);
  expect_refused("another program");
}

TEST_F(SchemaTest, AnotherVersionsDatabaseIsRefused) {
  open();
  commit_reading("hall/1");
  store->mark_clean();
  store.reset();
  change("PRAGMA user_version=4");
  expect_refused("a newer Fieldcast (format 4; this one knows 3 only)");
  for (const char* older : {"0", "1", "2"}) {
    change(("PRAGMA user_version=" + std::string(older)).c_str());
    expect_refused("an older Fieldcast (format " + std::string(older) + "; this one knows 3 only)");
  }
  change("PRAGMA user_version=3");
  open();
  EXPECT_EQ(loaded().size(), 1u);
}

TEST_F(SchemaTest, OurOwnIsKnownFromItsFirstMomentOn) {
  const test::TempDir other;
  options.path = (other.path() / "ours.db").string();
  const Store made(options, clock, counters);
  take_from(options.path);  // nothing was taken over from the write-ahead log yet
  open();
  commit_reading("hall/1");
  EXPECT_EQ(loaded().size(), 1u);
}

TEST_F(SchemaTest, AnEmptyFileIsTaken) {
  directory.write("fieldcast.db", "");
  open();
  commit_reading("hall/1");
  EXPECT_EQ(loaded().size(), 1u);
}

TEST_F(SchemaTest, ADirectoryThatIsNotThereIsNamed) {
  options.path = (directory.path() / "none" / "fieldcast.db").string();
  try {
    const Store none(options, clock, counters);
    ADD_FAILURE() << "opened";
  } catch (const SqliteError& error) {
    EXPECT_NE(std::string(error.what()).find(options.path), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace fieldcast

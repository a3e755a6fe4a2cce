#include "storage/schema.hpp"

#include <sqlite3.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <string_view>

namespace fieldcast {
namespace {

constexpr std::string_view kMagic{"SQLite format 3\0", 16};
constexpr std::uint32_t kApplication = 0x46435354;  // "FCST": so that `file` and we know whose database it is
constexpr std::uint32_t kVersion = 3;               // of the tables, and of what lies in them (storage/block.hpp)
// https://www.sqlite.org/fileformat.html#the_database_header
constexpr std::size_t kHeaderBytes = 100, kVersionAt = 60, kApplicationAt = 68;

constexpr const char* kTables = R"(
CREATE TABLE tail(slot INTEGER PRIMARY KEY, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,
                  part INTEGER NOT NULL, parts INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE block(first_seq INTEGER PRIMARY KEY, last_seq INTEGER NOT NULL, entries INTEGER NOT NULL,
                   first_time INTEGER NOT NULL, last_time INTEGER NOT NULL, log_ms INTEGER NOT NULL,
                   topics BLOB NOT NULL);
CREATE TABLE body(first_seq INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE state(id INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE epoch(place INTEGER PRIMARY KEY, tag INTEGER NOT NULL, last_seq INTEGER);
CREATE TABLE fact(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE subscription(broker TEXT, filter TEXT, PRIMARY KEY(broker, filter)) WITHOUT ROWID;
)";

std::uint32_t number_at(std::string_view header, std::size_t at) {
  std::uint32_t number = 0;
  for (const char byte : header.substr(at, 4)) number = number << 8 | static_cast<unsigned char>(byte);
  return number;
}

/// Looks at the file's first bytes before SQLite does, which would write into a foreign one already: it plays back its
/// journal and takes in its write-ahead log. Read through SQLite's own file, since to close another one would take away
/// the locks of all connections of this process.
void refuse_foreign(Database& database, bool may_be_new) {
  sqlite3_file* file = nullptr;
  sqlite3_file_control(database.handle(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
  sqlite3_int64 size = 0;
  if (const int code = file->pMethods->xFileSize(file, &size); code != SQLITE_OK) {
    throw SqliteError(code, sqlite3_errstr(code));
  }
  if (size == 0 && may_be_new) return;  // made just now
  std::array<char, kHeaderBytes> bytes{};
  const int code = file->pMethods->xRead(file, bytes.data(), static_cast<int>(bytes.size()), 0);
  if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ) throw SqliteError(code, sqlite3_errstr(code));
  const std::string_view header(bytes.data(), bytes.size());
  if (!header.starts_with(kMagic)) {
    throw SqliteError(SQLITE_NOTADB, "this is no SQLite database: move it away, or name another file in storage.path");
  }
  if (number_at(header, kApplicationAt) != kApplication) {
    throw SqliteError(SQLITE_NOTADB, "this is a database of another program: name another file in storage.path");
  }
  if (const std::uint32_t version = number_at(header, kVersionAt); version != kVersion) {
    const std::string which = version > kVersion ? "a newer" : "an older";
    throw SqliteError(SQLITE_NOTADB, "written by " + which + " Fieldcast (format " + std::to_string(version) +
                                         "; this one knows " + std::to_string(kVersion) +
                                         " only): install that one, or move the file away");
  }
}

void set_journal_mode(Database& database) {
  Statement mode(database, "PRAGMA journal_mode=WAL");
  if (!mode.step() || mode.blob(0) != "wal") {
    throw SqliteError(SQLITE_CANTOPEN, "this file system cannot hold a write-ahead log");
  }
}

}  // namespace

Database open_database(const std::string& path) {
  Database database(path, Database::Mode::create);
  try {
    refuse_foreign(database, true);
    database.run("PRAGMA page_size=1024");
    database.run("PRAGMA synchronous=FULL");
    database.run("PRAGMA secure_delete=OFF");  // Debian's default is on: 15 % more is written
    database.run("PRAGMA wal_autocheckpoint=4000");
    database.run(("PRAGMA journal_size_limit=" + std::to_string(kWriteAheadBytes)).c_str());
    if (database.number("PRAGMA user_version") == 0) {
      // Marks and tables at once, and before there is a write-ahead log: so the file itself always says whose it is.
      database.run(("BEGIN IMMEDIATE;" + std::string(kTables) + "PRAGMA application_id=" +
                    std::to_string(kApplication) + ";PRAGMA user_version=" + std::to_string(kVersion) + ";COMMIT")
                       .c_str());
    }
    set_journal_mode(database);
  } catch (const SqliteError& error) {
    throw SqliteError(error.code(), path + ": " + error.what());
  }
  return database;
}

Database::Mode mode_to_read(const std::string& path) {
  std::error_code none;
  // SQLite puts its files beside the one that a link names.
  const std::filesystem::path real = std::filesystem::canonical(path, none);
  const std::string file = none ? path : real.string();
  const auto logged = std::filesystem::file_size(file + "-wal", none);
  if (none || logged == 0) return Database::Mode::file_alone;
  return std::filesystem::exists(file + "-shm", none) ? Database::Mode::beside_writer : Database::Mode::log_alone;
}

Database open_to_read(const std::string& path, Database::Mode& mode) {
  mode = mode_to_read(path);
  Database database(path, mode);
  try {
    refuse_foreign(database, false);
    sqlite3_db_config(database.handle(), SQLITE_DBCONFIG_WRITABLE_SCHEMA, 1, nullptr);  // else a cut file is refused
    database.run("PRAGMA query_only=1");
    database.run("PRAGMA cache_size=-2048");  // KiB: what is read is not read again
  } catch (const SqliteError& error) {
    throw SqliteError(error.code(), path + ": " + error.what());
  }
  return database;
}

}  // namespace fieldcast

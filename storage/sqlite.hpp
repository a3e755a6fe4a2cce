// SQLite as values: a connection and its statements. One thread each. Every error is a SqliteError with the words of
// SQLite, and its result code.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace fieldcast {

class SqliteError : public std::runtime_error {
 public:
  SqliteError(int code, const std::string& what) : std::runtime_error(what), code_(code) {}
  int code() const { return code_; }  // an extended result code

 private:
  int code_;
};

class Database {
 public:
  enum class Mode {
    create,
    existing,
    // To read only, and so that no file is made or changed:
    beside_writer,  // there is a write-ahead log with its index. Shares the locks, which delay nothing but a checkpoint
    log_alone,      // there is a write-ahead log without its index, which is made in memory. Takes no locks
    file_alone,     // the file is all there is. Takes no locks: nobody may write
  };

  Database(const std::string& path, Mode mode);

  /// Statements without a result, in a row.
  void run(const char* sql);
  /// The first column of the first row, an integer; throws where there is no row.
  std::int64_t number(const char* sql);
  /// True between BEGIN and COMMIT or ROLLBACK.
  bool in_transaction() const;

  sqlite3* handle() const { return handle_.get(); }

 private:
  std::unique_ptr<sqlite3, int (*)(sqlite3*)> handle_;
};

/// Prepared once, run often: bind by number from 1, step, read columns from 0; reset() before the next run.
class Statement {
 public:
  Statement(Database& database, const char* sql);

  Statement& bind(int index, std::int64_t value);
  /// The bytes must live until the statement is reset.
  Statement& bind(int index, std::string_view blob);

  /// True where there is a row.
  bool step();
  /// Runs to the end and resets.
  void run();
  void reset() noexcept;

  std::int64_t number(int column) const;
  /// Until the next step or reset.
  std::string_view blob(int column) const;

 private:
  std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> handle_;
};

}  // namespace fieldcast

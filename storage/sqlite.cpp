#include "storage/sqlite.hpp"

#include <sqlite3.h>

namespace fieldcast {
namespace {

// What another connection of this process, or a tool of the operator's, may hold the database for.
constexpr int kBusyTimeoutMs = 5'000;

[[noreturn]] void fail(sqlite3* handle, int code) {
  throw SqliteError(code, handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(code));
}

/// The name of a file as a URI of SQLite (https://www.sqlite.org/uri.html).
std::string uri(const std::string& path, std::string_view parameters) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out = "file:";
  for (const char c : path) {
    if (std::string_view("%?#").find(c) == std::string_view::npos) {
      out += c;
    } else {
      out += '%';
      out += digits[static_cast<unsigned char>(c) >> 4];
      out += digits[static_cast<unsigned char>(c) & 15];
    }
  }
  return out.append("?mode=ro&").append(parameters);
}

struct Opening {
  int flags;
  std::string name;
};

Opening opening(const std::string& path, Database::Mode mode) {
  constexpr int kRead = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, kWrite = SQLITE_OPEN_READWRITE;
  switch (mode) {
    case Database::Mode::create:
      return {kWrite | SQLITE_OPEN_CREATE, path};
    case Database::Mode::existing:
      return {kWrite, path};
    case Database::Mode::beside_writer:
      return {kRead, uri(path, "readonly_shm=1")};
    case Database::Mode::log_alone:
      return {kRead, uri(path, "vfs=unix-none")};
    case Database::Mode::file_alone:
      return {kRead, uri(path, "immutable=1")};
  }
  return {};
}

sqlite3* open(const std::string& path, Database::Mode mode) {
  const Opening how = opening(path, mode);
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(how.name.c_str(), &handle, how.flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (code != SQLITE_OK) {
    const std::string what = path + ": " + (handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(code));
    sqlite3_close(handle);
    throw SqliteError(code, what);
  }
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  // The last one that leaves would bring the write-ahead log into the database.
  if ((how.flags & SQLITE_OPEN_READONLY) != 0) sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  // Else a write-ahead log must have an index that is shared.
  if (mode == Database::Mode::log_alone)
    sqlite3_exec(handle, "PRAGMA locking_mode=EXCLUSIVE", nullptr, nullptr, nullptr);
  return handle;
}

}  // namespace

Database::Database(const std::string& path, Mode mode) : handle_(open(path, mode), sqlite3_close_v2) {}

void Database::run(const char* sql) {
  const int code = sqlite3_exec(handle(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(handle(), code);
}

std::int64_t Database::number(const char* sql) {
  Statement statement(*this, sql);
  if (!statement.step()) throw SqliteError(SQLITE_DONE, std::string("no row: ") + sql);
  return statement.number(0);
}

bool Database::in_transaction() const {
  return sqlite3_get_autocommit(handle()) == 0;
}

Statement::Statement(Database& database, const char* sql) : handle_(nullptr, sqlite3_finalize) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(database.handle(), sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) fail(database.handle(), code);
  handle_.reset(statement);
}

Statement& Statement::bind(int index, std::int64_t value) {
  const int code = sqlite3_bind_int64(handle_.get(), index, value);
  if (code != SQLITE_OK) fail(sqlite3_db_handle(handle_.get()), code);
  return *this;
}

Statement& Statement::bind(int index, std::string_view blob) {
  // A null pointer would bind a NULL.
  const char* data = blob.data() != nullptr ? blob.data() : "";
  const int code = sqlite3_bind_blob64(handle_.get(), index, data, blob.size(), SQLITE_STATIC);
  if (code != SQLITE_OK) fail(sqlite3_db_handle(handle_.get()), code);
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  const SqliteError error(code, sqlite3_errmsg(sqlite3_db_handle(handle_.get())));
  reset();
  throw error;
}

void Statement::run() {
  while (step()) {
  }
  reset();
}

void Statement::reset() noexcept {
  sqlite3_reset(handle_.get());
  sqlite3_clear_bindings(handle_.get());
}

std::int64_t Statement::number(int column) const {
  return sqlite3_column_int64(handle_.get(), column);
}

std::string_view Statement::blob(int column) const {
  const void* data = sqlite3_column_blob(handle_.get(), column);
  return {static_cast<const char*>(data), static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

}  // namespace fieldcast

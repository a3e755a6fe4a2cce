#include "storage/sqlite.hpp"

#include <sqlite3.h>

namespace fieldcast {
namespace {

// What another connection of this process, or a tool of the operator's, may hold the database for.
constexpr int kBusyTimeoutMs = 5'000;

[[noreturn]] void fail(sqlite3* handle, int code) {
  throw SqliteError(code, handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(code));
}

sqlite3* open(const std::string& path, Database::Mode mode) {
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (mode == Database::Mode::create ? SQLITE_OPEN_CREATE : 0);
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  if (code != SQLITE_OK) {
    const std::string what = path + ": " + (handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(code));
    sqlite3_close(handle);
    throw SqliteError(code, what);
  }
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
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

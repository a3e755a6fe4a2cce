// The tables of the database, drawn in storage/store.hpp, and the marks by which a file is known to be ours.
// One thread: that of the store.
#pragma once

#include <cstddef>
#include <string>

#include "storage/sqlite.hpp"

namespace fieldcast {

/// Opens the database for its writer, or makes it. A file that is none of ours, or of another version, is refused and
/// not touched. Throws SqliteError, which names the file.
Database open_database(const std::string& path);

// What the write-ahead log may take beside the database: 4,000 pages between two checkpoints, and as much again for the
// commit that goes over that. A longer one is cut back when it begins anew.
inline constexpr std::size_t kWriteAheadBytes = 8u << 20;

}  // namespace fieldcast

// The tables of the database, drawn in storage/store.hpp, and the marks by which a file is known to be ours.
// One thread.
#pragma once

#include <cstddef>
#include <string>

#include "storage/sqlite.hpp"

namespace fieldcast {

/// Opens the database for its writer, or makes it. A file that is none of ours, or of another version, is refused and
/// not touched. Throws SqliteError, which names the file.
Database open_database(const std::string& path);

/// Opens it for a tool that only looks: no file is made or changed, and a gateway that has it open is not disturbed.
/// Refuses the same files, and one that is empty. One that is damaged or cut short is opened all the same. Sets `mode`.
Database open_to_read(const std::string& path, Database::Mode& mode);
/// How it is to be opened as it stands now.
Database::Mode mode_to_read(const std::string& path);

// What the write-ahead log may take beside the database: 4,000 pages between two checkpoints, and as much again for the
// commit that goes over that. A longer one is cut back when it begins anew.
inline constexpr std::size_t kWriteAheadBytes = 8u << 20;

}  // namespace fieldcast

// `fieldcast check`: reads every block, every record of the tail and the state of a database, and says what is damaged.
// Nothing is made or changed, and a gateway that runs goes on.
#pragma once

#include <iosfwd>
#include <string>

namespace fieldcast::tools {

/// One line to `out` for each thing it finds, then what there is. To `progress` how far it is, on one line that it
/// takes away again; may be null. Returns whether nothing is damaged. Throws std::exception with one clear line where
/// it is no database of this version, or cannot be read at all.
bool check_database(const std::string& database, std::ostream& out, std::ostream* progress);

}  // namespace fieldcast::tools

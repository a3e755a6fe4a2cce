// `fieldcast export`: the readings of a database, byte for byte as the gateway gave them to its clients, in the order
// of the log. Nothing is made or changed; a gateway that runs is not disturbed. What it has not committed yet comes
// from its journal, where that can be read.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "gateway/log.hpp"
#include "gateway/topic_filter.hpp"

namespace fieldcast::tools {

enum class Format : std::uint8_t { ndjson, csv };

struct ExportOptions {
  std::string database;               // absolute
  std::vector<std::string> journals;  // folders in which its journal may be
  FilterSet filters;                  // empty: all topics
  TimeRange times;
  Format format = Format::ndjson;
};

/// Writes to the descriptor `out`, and one line to `err` for each thing that is missing. Returns whether nothing was.
/// Throws std::exception with one clear line where it cannot be done.
bool export_readings(const ExportOptions& options, int out, std::ostream& err);

}  // namespace fieldcast::tools

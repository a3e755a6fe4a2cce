// The database as its reader sees it: one step of a replay or of a page of history at a time, over a connection of its
// own. No read transaction outlives a step, since an open one keeps the write-ahead log from being taken back.
//
// One thread: the log's reader. Owned by the log.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gateway/counters.hpp"
#include "gateway/log.hpp"
#include "storage/block.hpp"
#include "storage/sqlite.hpp"

namespace fieldcast {

class History {
 public:
  /// The database need not be there yet: it is opened by the first read(), and again after an error.
  History(std::string path, Counters& counters);
  ~History();

  /// Answers all of the read but `done`. Looks at kHistoryBlocks blocks at most, so it may reach nothing but another
  /// position. Entries that are damaged or missing, or a database that cannot be read, are `lost`; what is there before
  /// them comes first.
  void read(HistoryRead& read) noexcept;

  /// Why the last read could not use the database, one line; empty where it could.
  const std::string& fault() const { return fault_; }

 private:
  struct Decoded;
  struct Connection;
  class Walk;

  const std::string path_;
  Counters& counters_;
  std::unique_ptr<Connection> connection_;
  std::string fault_;
  std::vector<std::uint64_t> counted_;  // damaged blocks and records that were counted, by their first_seq
};

// Blocks that are decoded in one step of a replay: some ten milliseconds, then others have their turn.
inline constexpr std::size_t kHistoryBlocks = 4;
// Rows of the list of blocks that are looked at in one step: their topics may all be others.
inline constexpr std::size_t kHistoryRows = 256;
// Decoded blocks that are kept, in bytes, and the one that was read last in any case: the next step is in the same one,
// and clients that come back together are in the same few.
inline constexpr std::size_t kDecodedBytes = 4u << 20;

}  // namespace fieldcast

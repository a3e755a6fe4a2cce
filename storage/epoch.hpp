// The epochs of a log, and where a start goes on: the rule by which journal and database are joined. Pure.
//
// Every start opens an epoch: a random tag, from which cursors are made, and its first seq. Positions follow each other
// without a hole as long as it is proved where the log ended: by the mark of a clean stop, or by a journal that was in
// use when the database was written last. Otherwise the start leaves a hole, which readers state as a `storage` gap.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fieldcast {

struct Epoch {
  std::uint64_t tag = 0;
  std::uint64_t first_seq = 0;
  bool operator==(const Epoch&) const = default;
};

/// One that has ended.
struct PastEpoch {
  std::uint64_t tag = 0;
  std::uint64_t last_seq = 0;  // of its last entry known; what a cursor of it names behind that was lost
  bool operator==(const PastEpoch&) const = default;
};

/// What a start finds in the database.
struct DatabaseEnd {
  std::vector<PastEpoch> epochs;  // oldest first; the last one ends with last_seq
  std::uint64_t last_seq = 0;     // of the last entry; 0 where there is none
  bool clean = false;             // a clean stop left its mark: there was nothing behind it
};

/// What a start finds in the journal.
struct JournalEnd {
  std::vector<Epoch> epochs;   // those opened while it was in use, oldest first
  std::uint64_t database = 0;  // tag of the last epoch in the database that it was joined with; 0 where there was none
  std::uint64_t floor = 0;     // it holds the entries in (floor, head]
  std::uint64_t head = 0;
};

/// How a start goes on.
struct Join {
  std::uint64_t first_seq = 1;    // of the new epoch
  bool use_journal = false;       // its entries belong to this log; else they are to be forgotten
  std::vector<PastEpoch> epochs;  // all that are known, oldest first
  std::string doubt;              // not empty: why it is not proved where the log ended
};

/// Whether both are of one log: the database's last epoch was written while the journal was in use, or the journal
/// began behind it. A database without epochs, or one that cannot be read, does not say otherwise.
bool same_log(const std::optional<DatabaseEnd>& database, const JournalEnd& journal);

// A start that cannot prove where the log ended begins so far behind what is on disk: more than any gateway takes in
// between two commits, and 2^53 / 10^6 such starts fit.
inline constexpr std::uint64_t kReserved = 1'000'000;
// Epochs that are remembered: a cursor of an older one is `unknown`. One a start, so that a month of a start
// every 10 minutes fits, in 64 KiB.
inline constexpr std::size_t kEpochsKept = 4'096;

/// `database` is empty where it cannot be read, `journal` where there is none or it is damaged. `wall_ms` is the clock,
/// which only serves where neither says anything: such a log begins at so many microseconds, behind whatever turns up.
/// Throws std::runtime_error where positions would pass kMaxSeq.
Join join(const std::optional<DatabaseEnd>& database, const std::optional<JournalEnd>& journal, std::int64_t wall_ms);

}  // namespace fieldcast

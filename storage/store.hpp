// The database as its one writer sees it. Readers have connections of their own (storage/history.hpp).
//
//   tail  (slot INTEGER PRIMARY KEY, first_seq, last_seq, part, parts, data)
//         one record a commit, cut into parts that fit one page each; slots are reused and never deleted:
//         a record counts where its first_seq is behind the last block
//   block (first_seq INTEGER PRIMARY KEY, last_seq, entries, first_time, last_time, log_ms, topics)
//         one small row a block; first_time and last_time are the smallest and largest time of its entries
//   body  (first_seq INTEGER PRIMARY KEY, data)
//         the block itself, apart so that the list of blocks stays small
//   state (id INTEGER PRIMARY KEY, data)
//         the latest reading of each topic with its count, the last link entry of each broker: pieces from 1 on, oldest
//         seq first. A topic whose reading came while the state was written may be there twice: the later one is it
//   epoch (place INTEGER PRIMARY KEY, tag, last_seq)
//         in order; last_seq is null for the last one, until a clean stop
//   fact  (name TEXT PRIMARY KEY, value)
//         `expired`, `forgot_topics`, `state_seq`, `state_log_ms`: see the members
//   subscription (broker TEXT, filter TEXT, PRIMARY KEY (broker, filter))
//         what the brokers were asked for
//
// data and topics are as storage/block.hpp draws them. A commit writes one record to the tail; when the tail holds
// kBlockEntries or kTailSlots, or is an eighth of keep_for old, it becomes a block in that same transaction, and only
// then are expired blocks deleted: on flash, a commit costs the pages that it touches.
//
// Log time ages the log, since wall clocks jump: steady time while running, and at each start the wall clock's
// difference to the last record, but between nothing and a day.
//
// Every function throws SqliteError where the disk or the database does not do. What is a transaction of its own is
// rolled back then, and so is a commit; between begin() and commit() that is for the caller to do. After it nothing has
// changed. Owned by the log; one thread at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gateway/clock.hpp"
#include "gateway/counters.hpp"
#include "gateway/log.hpp"
#include "storage/block.hpp"
#include "storage/epoch.hpp"
#include "storage/sqlite.hpp"

namespace fieldcast {

class Store {
 public:
  struct Options {
    std::string path;                      // its directory is there
    std::chrono::milliseconds keep_for{};  // in log time; up to an eighth longer, since only whole blocks go
    std::uint64_t keep_bytes = 0;          // of the file, its write-ahead log included; at least kSmallestKeep
  };

  /// Opens the database or makes it. A file that is no database of ours, or of another version, is refused and
  /// left as it is.
  Store(Options options, const Clock& clock, Counters& counters);

  /// What was there when it was opened.
  const DatabaseEnd& end() const { return end_; }

  /// The latest readings and last link entries as of the last entry stored, in pieces: first what the state holds, the
  /// readings with the counts of their topics, then every entry behind it, in log order. A later one replaces an
  /// earlier one of the same topic or broker, and counts one where it has no count. The state may be ahead of what
  /// follows. What is damaged is left out: then topics may have been forgotten.
  void load(const std::function<void(const Chunk&)>& take);
  /// Once any topic's latest reading had to be forgotten.
  bool forgot_topics() const { return forgot_topics_; }

  /// Topic filters that were subscribed to at each broker, by its name.
  std::multimap<std::string, std::string> subscriptions();
  /// Replaces them. A transaction of its own.
  void set_subscriptions(const std::multimap<std::string, std::string>& subscriptions);

  /// Makes the epoch table say: these have ended so, this one is written. A transaction of its own.
  void set_epochs(std::span<const PastEpoch> past, const Epoch& present);

  /// One commit. add() takes entries in order, each behind the last stored; any number of calls.
  void begin();
  void add(std::span<const Entry> entries);
  void commit();
  void rollback() noexcept;

  /// The last entry stored, in this transaction too.
  std::uint64_t last_seq() const { return now_.last_seq; }
  /// The position before the oldest entry stored; last_seq() where there is none.
  std::uint64_t floor() const { return now_.floor; }
  /// The time (Unix ms) of what is oldest; 0 where there is nothing.
  std::int64_t oldest_time() const { return now_.oldest_time; }
  /// Up to here entries were deleted because of their age or the bytes they take.
  std::uint64_t expired() const { return now_.expired; }

  /// In a transaction, after add(): whether a block was closed, and state_seq() is so old that blocks which are
  /// due to expire are needed to bring the state up to date, or `kStateAge` of log time old.
  bool wants_state();
  /// In a transaction: replaces the state by one that holds everything up to last_seq(); `next` fills the chunk with
  /// the next piece, oldest seq first, each entry with a count (link entries with any), and returns false when there is
  /// none. A piece is about kReadBytes.
  void write_state(const std::function<bool(Chunk&)>& next, bool forgot_topics);
  /// In a transaction, last: deletes what has expired; never what the state is older than. Only after a block was
  /// closed.
  void expire();

  /// Leaves the mark that proves the log's end. A transaction of its own.
  void mark_clean();

  std::int64_t log_ms() const;
  /// Bytes of the file and its write-ahead log.
  std::uint64_t bytes() const;
  /// What this process may still write to their file system; 0 where that cannot be told.
  std::uint64_t free_bytes() const;

 private:
  /// What this transaction has done.
  struct Written {
    std::uint64_t entries = 0, blocks = 0, expired_blocks = 0;
  };
  /// What a rollback takes back.
  struct Live {
    std::uint64_t last_seq = 0, floor = 0, expired = 0;
    std::int64_t oldest_time = 0;
    std::size_t next_slot = 0, tail_entries = 0, tail_bytes = 0;
    std::int64_t tail_log_ms = 0;   // of its first record
    std::uint64_t state_seq = 0;    // the state holds everything up to here
    std::int64_t state_log_ms = 0;  // and was written then
    Written written;
  };
  struct Expiring {
    std::uint64_t first_seq, last_seq, next_first_seq;
    std::int64_t next_first_time;
  };

  void load_end();
  void load_epochs();
  std::int64_t fact(std::string_view name);
  void set_fact(std::string_view name, std::int64_t value);
  void transact(const std::function<void()>& change);
  void add_record(std::span<const Entry> entries, std::size_t bytes);
  void close_block();
  void insert_block(std::span<const Entry> entries, std::uint64_t last_seq, const Stamp& stamp, std::string_view data);
  std::optional<Expiring> expiring();

  Options options_;
  const Clock& clock_;
  Counters& counters_;
  Database database_;
  Statement insert_part_, insert_block_, insert_body_, tail_, oldest_block_, delete_block_, delete_body_, get_fact_,
      set_fact_;
  BlockCodec codec_;
  DatabaseEnd end_;
  bool forgot_topics_ = false;
  std::int64_t log_ms_at_open_ = 0;
  const Instant opened_at_;
  Live now_;
  std::optional<Live> before_;  // the transaction that begin() has begun
};

/// The records of the tail that count, in order; for read_tail().
inline constexpr const char* kTailRecords =
    "SELECT first_seq, last_seq, part, parts, data FROM tail WHERE first_seq > "
    "coalesce((SELECT last_seq FROM block ORDER BY first_seq DESC LIMIT 1), 0) ORDER BY first_seq, part";
/// Puts their parts together; `data` is empty where one is missing.
void read_tail(Statement& records,
               const std::function<void(std::uint64_t first, std::uint64_t last, std::string_view data)>& take);

inline constexpr std::size_t kPageBytes = 1'024;
// A record's part fits one page with its row.
inline constexpr std::size_t kPartBytes = 950;
inline constexpr std::size_t kTailSlots = 512;
// A block: enough readings that names and time deltas cost nothing, few enough to be decoded in some milliseconds.
inline constexpr std::size_t kBlockEntries = 6'000;
// Of topics and payloads in one block, or one entry: bounds what decoding takes.
inline constexpr std::size_t kBlockBytes = 1u << 20;
// The state is written again so often in log time, when a block is closed anyway: a start reads what came since.
inline constexpr std::chrono::minutes kStateAge{10};
// Below this the write-ahead log (4,000 pages between checkpoints, 4 MiB) leaves no room for readings.
inline constexpr std::uint64_t kSmallestKeep = 16u << 20;
inline constexpr std::chrono::hours kMostAway{24};

}  // namespace fieldcast

// The crash journal, which is also the log's part in memory: a ring of records in a memory-mapped file on tmpfs. What
// was put into it survives `kill -9`; a power cut takes it.
//
//   file    = | Header, one page | records: an array of bytes, used as a ring |
//   record  = | RecordHeader | topic | payload | broker's name |
//                                 begins on 8 bytes, never wraps: the end may stay unused
//
// The header names the oldest record kept (twice, written in turn with a checksum, so that one of both is whole at any
// moment), and each record its own length and seq: a start walks from the oldest to the first that is not there or has
// a wrong checksum. A record counts when its length is stored, which is done last; behind the newest there is always a
// length of 0, so that a start never takes for a record what once was a payload. The file is allocated in full when
// it is opened, so a write to it cannot fail. One that another version of this format wrote counts as not there.
//
// Not safe for threads by itself: the log guards it. Owned by the log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "gateway/entry.hpp"
#include "gateway/limits.hpp"
#include "gateway/log.hpp"
#include "storage/epoch.hpp"

namespace fieldcast {

namespace journal_format {
struct Oldest;
}

class Journal {
 public:
  struct Options {
    std::string directory;          // made where it is missing (its parent must be there), for this user only
    std::string database;           // absolute path: the file is named by a hash of it
    std::size_t bytes = 16u << 20;  // of the records; at least smallest()
    std::size_t entries = 100'000;  // of those that are on disk too at most this many are kept, at least 1
  };

  /// Holds the largest entry that the limits allow.
  static std::size_t smallest(const Limits& limits);

  /// Opens the file or makes it, and locks it. One that holds records keeps its size until resize(). Throws
  /// std::runtime_error with one clear line where the machine refuses it, or another process has it.
  explicit Journal(Options options);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  const std::string& path() const { return path_; }
  /// Whether the file system is in memory: if not, every reading is written to the disk sooner or later.
  bool on_tmpfs() const { return on_tmpfs_; }
  /// What was in the file when it was opened; empty where it was made anew or damaged.
  const std::optional<JournalEnd>& found() const { return found_; }

  /// Forgets all entries and epochs, which are of another log: the next entry has the seq `head` + 1. Whoever is killed
  /// meanwhile finds nothing.
  void restart(std::uint64_t head);
  /// Remembers an epoch for the next start; the oldest of more than kJournalEpochs is forgotten.
  void begin_epoch(const Epoch& epoch);
  /// Remembers the tag of the last epoch in the database that it goes on from: it belongs to that database even where
  /// this start's epoch never gets there.
  void set_database(std::uint64_t tag);
  /// Takes the size of the options where it has another one; forgets all entries then, but neither head nor epochs.
  void resize();

  /// It holds the entries in (floor, head].
  std::uint64_t floor() const { return head_ - entries_.size(); }
  std::uint64_t head() const { return head_; }
  std::size_t entries() const { return entries_.size(); }
  /// The time (Unix ms) of the oldest; 0 where there is none.
  std::int64_t oldest_time() const { return entries_.empty() ? 0 : entries_.front().time; }
  /// Of the ring, and those of it that entries take, the unused end of a lap among them.
  std::size_t bytes() const { return bytes_; }
  std::size_t used_bytes() const;

  /// Puts an entry with the seq head() + 1. The oldest make room: those that are on disk first, by number
  /// and by bytes, then those that are not (by bytes only), of which it returns how many were lost so.
  std::size_t put(const Entry& entry);
  /// Entries up to here are on disk too. Never goes back.
  void set_stored(std::uint64_t seq);
  /// Nothing up to here waits for the disk: it is there, or was not here when the journal was opened or restarted.
  std::uint64_t stored() const { return stored_; }

  /// As Log::read.
  void read(std::uint64_t after, std::uint64_t until, std::size_t max_bytes, Chunk& chunk) const;

  /// The position just before the first entry that is of that time or later; head() where there is none.
  std::uint64_t before(std::int64_t time) const;
  /// The latest time (Unix ms) of all entries that this object kept once and does not any more; the smallest number
  /// where there are none.
  std::int64_t latest_dropped() const { return latest_dropped_; }

 private:
  struct Descriptor {
    ~Descriptor();
    int fd = -1;
  };
  struct Kept {
    std::size_t offset;
    std::int64_t time;
  };

  void open_file();
  void map();
  bool recover();
  void recover_records(const journal_format::Oldest& oldest);
  void reset(std::size_t bytes, std::uint64_t head);
  void write_facts();
  void write_oldest();
  std::size_t make_room(std::size_t bytes);
  void drop_oldest();

  const Options options_;
  const std::size_t wanted_bytes_;  // of the options, in whole words
  std::string path_;
  bool on_tmpfs_ = false;
  Descriptor file_;
  char* memory_ = nullptr;   // the header, mapped with the records
  char* records_ = nullptr;  // behind it
  std::size_t mapped_ = 0;
  std::size_t bytes_ = 0;  // of the records
  std::optional<JournalEnd> found_;

  // What the header says.
  std::uint64_t life_ = 0;  // a random number that begins every checksum: what was written before it was drawn is void
  std::uint64_t database_ = 0;
  std::vector<Epoch> epochs_;
  std::uint64_t facts_written_ = 0, oldest_written_ = 0;  // times, which says which of two is the newer

  std::size_t write_at_ = 0;  // a length of 0 is there, but at the records' end
  std::uint64_t head_ = 0, stored_ = 0;
  std::int64_t latest_dropped_;
  std::deque<Kept> entries_;  // oldest first; seq = floor() + 1 + its place
};

// So many starts while the database cannot be written leave their epochs here; it knows all that were before.
inline constexpr std::size_t kJournalEpochs = 32;

}  // namespace fieldcast

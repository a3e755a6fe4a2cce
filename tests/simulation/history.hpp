// What was appended to the log in all its restarts, and what of it the log must still have: journal and database as two
// sets of entries. The checker judges by it, so it includes no header of the gateway. One thread: the simulation's.
//
//   items     e e e e e e e e | e e e …     all there ever was, in the order of appending; | is a break: a start that
//             stored    lost               could not prove where the log had ended
//   timeline  those of them that are positions of the log as it is now
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace checker {

/// Of an item; as a position: everything before it is behind.
using Index = std::size_t;

/// Steady time since an arbitrary start.
using Time = std::chrono::nanoseconds;

struct Item {
  std::uint64_t seq = 0;  // of a break: the position before the first entry behind it
  std::uint64_t id =
      0;              // no two have the same: a reading carries it in its payload, a link entry in its gateway's name
  std::string topic;  // of a reading; empty for a link entry
  std::string broker;
  std::int64_t time = 0;  // Unix ms
  Time appended{};
  Time handed_over{};     // when the shard read it
  bool is_break = false;  // no entry
  bool in_memory = false;
  // The database bore the mark of a clean stop, could not be read when this was appended, and the journal was lost:
  // nobody can know that it ever was.
  bool forgotten = false;
  std::size_t gone_in = 0;  // the process in which, or at whose end, it went out of the log
};

/// A database: what is in it. A copy of it is a copy of the file.
struct Disk {
  enum class State : std::uint8_t { absent, stored, expired };
  std::vector<State> states;  // by index
  std::vector<Index> timeline;
  std::set<std::uint64_t> epochs;  // their tags
  std::uint64_t last_epoch = 0;    // 0 where it is a new file
  Index expired = 0;               // what comes before this is too old to be kept
  bool clean = false;              // bears the mark of a clean stop
};

class History {
 public:
  std::vector<Item> items;
  Time now{};
  bool forgets_topics = false;  // there are more topics than the log may remember

  // What happens to the log.
  /// A process begins. `disk`: the database can be read; `first`: the position before the first entry that it appends.
  void start(std::uint64_t tag, bool disk, std::uint64_t first);
  void append(Item item);
  /// Entries up to here are not in memory any more; returns how many of them were not stored either.
  std::size_t set_memory_floor(std::uint64_t seq);
  /// The shard has read the log up to here; false where something had gone out of memory before it could.
  bool hand_over(Index until);
  /// The database was found, and what is in memory was stored.
  void commit();
  /// Entries on disk up to here have expired.
  void expire(std::uint64_t seq);
  /// Where nothing came behind a break, the mark of a clean stop would hide it.
  void stop_clean() { disk_.clean = timeline_.empty() || !items[timeline_.back()].is_break || timeline_.size() == 1; }
  void lose_journal();
  void lose_disk() { disk_ = {}; }
  const Disk& disk() const { return disk_; }
  void put_back(const Disk& copy) { disk_ = copy; }

  // What a start has to do, before it is made.
  /// Whether the journal belongs to this database, so that what is in it is kept.
  bool joins(bool disk) const;
  /// Whether it is proved where the log ended.
  bool proved(bool disk) const { return joins(disk) || (disk && disk_.clean); }
  /// The newest position of the log that the start has to go on with.
  std::uint64_t end(bool disk) const;

  // What it must have.
  std::size_t process() const { return process_; }
  /// The database has not been found since the start.
  bool away() const { return away_; }
  bool knows_epoch(std::uint64_t tag) const { return known_.contains(tag); }
  /// The log may take a cursor of it for one behind its end: an older copy of the database was put back that ends with
  /// it, and the journal begins behind it.
  bool doubts_epoch(std::uint64_t tag) const { return doubted_.contains(tag); }
  bool kept(Index i) const { return items[i].in_memory || state(i) == Disk::State::stored; }
  bool readable(Index i) const { return items[i].in_memory || (!away_ && kept(i)); }
  bool expired(Index i) const { return !items[i].in_memory && state(i) == Disk::State::expired; }
  /// It would have expired by now, had it not been lost before.
  bool too_old(Index i) const { return i < disk_.expired; }
  /// It is in no way the log's any more, but was when the present process began.
  bool just_gone(Index i) const { return items[i].gone_in == process_; }
  bool is_link(Index i) const { return items[i].topic.empty() && !items[i].is_break; }

  Index head() const;
  /// What the shard has read up to.
  Index handed_over() const { return handed_over_; }
  /// The same position, or behind entries that nobody can know.
  Index behind_forgotten(Index i) const;
  /// The position that a seq names now.
  Index place(std::uint64_t seq) const;
  std::optional<Index> find(std::uint64_t seq) const;
  const std::vector<Index>& timeline() const { return timeline_; }

 private:
  Disk::State state(Index i) const { return i < disk_.states.size() ? disk_.states[i] : Disk::State::absent; }
  void note_gone();

  Disk disk_;
  std::vector<Index> timeline_;
  std::size_t memory_begin_ = 0;  // in the timeline
  Index handed_over_ = 0;
  std::size_t process_ = 0;
  bool away_ = true;
  bool apart_ = false;             // the log was begun without the database, and comes behind it
  std::uint64_t tag_ = 0;          // of the present epoch
  std::set<std::uint64_t> known_;  // epochs
  std::set<std::uint64_t> doubted_;
  std::set<std::uint64_t> journal_epochs_;  // none where there is no journal
  std::uint64_t journal_disk_ = 0;          // the last epoch of the database that the journal goes on from
};

}  // namespace checker

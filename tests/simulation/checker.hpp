// Judges what a client saw against what the log must have had for it, by its own idea of the contract: it includes no
// header of the gateway, and matches topics by code of its own. One thread: the simulation's.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/history.hpp"

namespace checker {

using Filters = std::set<std::string>;

/// MQTT 5 section 4.7, written apart from the gateway's.
bool matches(const std::string& filter, const std::string& topic);
bool matches(const Filters& filters, const std::string& topic);

/// What the gateway was told to do.
struct Rules {
  Time lag{};                // a client whose oldest entry has waited for longer is slow
  Time tolerance{};          // and may be found so by this much too late
  bool disconnects = false;  // slow clients, else it states a gap
  std::size_t brokers = 1;
};

/// One client's view of its stream, batch by batch, over all its connections. Every fault is a sentence; none is the
/// empty string. Rules and history outlive it.
class Client {
 public:
  Client(const History& history, const Rules& rules) : history_(history), rules_(rules) {}

  /// The stream begins with these filters at this position; with `since` (Unix ms) what comes before the first reading
  /// of that time need not come.
  void begin(const Filters& filters, Index position, std::optional<std::int64_t> since);
  /// The stream begins with a snapshot of what there was up to this head.
  void begin_latest(const Filters& filters, Index head);
  /// With the cursor of the last batch, of an epoch of this tag.
  void come_back(std::uint64_t tag);
  /// From this head on the stream has other filters; a snapshot of `snapshot_of` comes before what follows.
  void change(const Filters& filters, Index head, const Filters& snapshot_of);
  /// The database could not be read at some time since the last batch.
  void note_away();
  /// It has asked for the next batch, which is judged as of the first time.
  void ask();
  /// What it asked for has come.
  void settle() { asked_.reset(); }
  /// There was nothing more for it: from now on it can be slow.
  void catch_up();
  /// The shard lost its place in the log: how many readings match cannot be known.
  void lose_count() { counts_ = false; }

  /// A batch as it came over the wire, and the place that its cursor names (in a snapshot: its head).
  std::string batch(const nlohmann::json& batch, Index place);
  /// The answer to the oldest change, and the place that its cursor names.
  std::string answer(Index place);
  /// It was disconnected, since it was too slow.
  std::string disconnected() const;
  /// Nothing may be missing at the end.
  std::string finish();

  std::string cursor;  // of the last batch or answer
  bool in_snapshot() const { return snapshot_.has_value(); }
  std::uint64_t batches = 0, readings = 0, snapshots = 0;
  std::map<std::string, std::uint64_t> gaps;  // by reason
  Index slow_from = 0;                        // the oldest entry of the last `slow` gap

 private:
  struct Change {
    Index head;
    Filters filters, snapshot_of;
    bool topics_missing;  // in its snapshot, as was said before it
  };
  struct Snapshot {
    Filters of;
    Index head;
    std::size_t process;                // in which it began
    std::map<std::string, Index> seen;  // by topic
    std::uint64_t last = 0;             // seq
    bool of_change = false;             // or of the stream's beginning
    bool incomplete = false;            // it was said that topics may be missing
  };
  struct Entry {
    std::uint64_t seq, id;
    std::string topic;   // empty for a link entry
    std::string broker;  // where it is told
  };
  /// What lies between two positions and did not come.
  struct Hole {
    std::string gap;  // the reason stated; empty where there is no gap
    std::set<std::string> reasons;
    std::string must;  // be stated: the sentence that says why
    Index end = 0;
    bool slow = false;           // the client was too slow for some of it
    std::uint64_t readings = 0;  // of those
  };
  struct Asked {
    Time at;
    Index handed_over;
  };

  std::string read(const nlohmann::json& batch, std::vector<Entry>& entries);
  std::string walk(const std::vector<Entry>& entries, Index until, Hole& hole);
  std::string come(const Entry& entry, Index i) const;
  bool was_slow_for(Index i, Hole& hole);
  Index least_behind_slow() const;
  std::string judge_gap(const Hole& hole) const;
  std::string judge_missed(const nlohmann::json& batch, const Hole& hole) const;
  std::string judge_snapshot_links(const nlohmann::json& batch, const std::string& reason, Index hole_end);
  bool is_first_since(Index i) const;
  bool wanted(Index i) const;
  bool lost_tail(Index place) const;
  std::string place(Index i) const;
  void connect();
  void begin_snapshot(const Filters& of, Index head, bool of_change);
  std::string snapshot_batch(const std::vector<Entry>& entries, const std::string& gap, Index place);
  bool topics_missing(const std::string& gap) const;
  std::string end_snapshot(const std::string& gap);

  const History& history_;
  const Rules& rules_;
  Filters filters_;
  Index position_ = 0;                 // everything up to here was seen, was stated to be missing, or does not match
  std::optional<std::int64_t> since_;  // its first reading has not been passed
  Index since_until_ = 0;              // and need not be of that time behind this
  Index place_ = 0;                    // of the last cursor
  Index away_until_ = 0;               // what is not in memory before this may have been out of reach
  std::optional<Index> unknown_head_;  // the cursor is of an unknown epoch: the stream must go on here
  bool doubted_ = false;               // the cursor is of such an epoch: a gap may be stated
  std::optional<Index> links_due_;     // the first batch tells the brokers' states, as they were here or later
  bool caught_up_ = false;             // once, over this connection
  bool counts_ = false;                // a `slow` gap must say how many readings it skips
  std::optional<Asked> asked_;         // when it first asked for what has not come
  std::vector<Change> changes_;
  std::optional<Snapshot> snapshot_;
};

}  // namespace checker

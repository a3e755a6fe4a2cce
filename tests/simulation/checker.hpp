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

/// One client's view of its stream, batch by batch, over all its connections. Every fault is a sentence; none is the
/// empty string. The history outlives it.
class Client {
 public:
  explicit Client(const History& history) : history_(history) {}

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

  /// A batch as it came over the wire, and the place that its cursor names (in a snapshot: its head).
  std::string batch(const nlohmann::json& batch, Index place);
  /// The answer to the oldest change, and the place that its cursor names.
  std::string answer(Index place);
  /// Nothing may be missing at the end.
  std::string finish();

  std::string cursor;  // of the last batch or answer
  bool in_snapshot() const { return snapshot_.has_value(); }
  std::uint64_t batches = 0, readings = 0, snapshots = 0;
  std::map<std::string, std::uint64_t> gaps;  // by reason

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
    std::string topic;  // empty for a link entry
  };
  /// What lies between two positions and did not come.
  struct Hole {
    std::set<std::string> reasons;
    std::string must;  // be stated: the sentence that says why
    Index end = 0;
  };

  std::string read(const nlohmann::json& batch, std::vector<Entry>& entries);
  std::string walk(const std::vector<Entry>& entries, Index until, Hole& hole);
  std::string judge_gap(const std::string& reason, const Hole& hole) const;
  std::string judge_snapshot_links(const nlohmann::json& batch, const std::string& reason, Index hole_end);
  bool is_first_since(Index i) const;
  bool wanted(Index i) const;
  bool lost_tail(Index place) const;
  std::string place(Index i) const;
  void begin_snapshot(const Filters& of, Index head, bool of_change);
  std::string snapshot_batch(const std::vector<Entry>& entries, const std::string& gap, Index place);
  bool topics_missing(const std::string& gap) const;
  std::string end_snapshot(const std::string& gap);

  const History& history_;
  Filters filters_;
  Index position_ = 0;                 // everything up to here was seen, was stated to be missing, or does not match
  std::optional<std::int64_t> since_;  // its first reading has not been passed
  Index since_until_ = 0;              // and need not be of that time behind this
  Index place_ = 0;                    // of the last cursor
  Index away_until_ = 0;               // what is not in memory before this may have been out of reach
  std::optional<Index> unknown_head_;  // the cursor is of an unknown epoch: the stream must go on here
  bool doubted_ = false;               // the cursor is of such an epoch: a gap may be stated
  std::optional<Index> links_due_;     // the first batch tells the brokers' states, as they were here or later
  std::vector<Change> changes_;
  std::optional<Snapshot> snapshot_;
};

}  // namespace checker

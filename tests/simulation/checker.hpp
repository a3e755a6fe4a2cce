// Judges what a client saw against what was published, by its own idea of the contract: it includes no
// header of the gateway, and matches topics by code of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace checker {

using Filters = std::set<std::string>;

/// MQTT 5 section 4.7, written apart from the gateway's.
bool matches(const std::string& filter, const std::string& topic);
bool matches(const Filters& filters, const std::string& topic);

struct Published {
  std::uint64_t seq;
  std::string topic;  // of a reading; empty for a link entry
};

/// Everything that was ever appended to the log, in order, and the oldest that it still keeps.
struct History {
  std::vector<Published> entries;
  std::uint64_t floor = 0;  // entries up to here are gone
};

/// One client's view of its stream, batch by batch. Every fault is a sentence; none is the empty string.
class Client {
 public:
  explicit Client(const History& history) : history_(history) {}

  /// The stream begins with these filters behind this position.
  void begin(const Filters& filters, std::uint64_t position);
  /// The stream begins with a snapshot of what there was up to this head.
  void begin_latest(const Filters& filters, std::uint64_t head);
  /// From this head on the stream has other filters; a snapshot of `snapshot_of` comes before what follows.
  void change(const Filters& filters, std::uint64_t head, const Filters& snapshot_of);

  /// A batch as it came over the wire.
  std::string batch(const std::string& json);
  /// The answer to the oldest change.
  std::string answer();
  /// Nothing may be missing at the end.
  std::string finish();

  std::string cursor;  // of the last batch
  std::uint64_t batches = 0, readings = 0, gaps = 0, snapshots = 0;

 private:
  struct Change {
    std::uint64_t head;
    Filters filters, snapshot_of;
  };
  struct Snapshot {
    Filters of;
    std::uint64_t head;
    std::set<std::string> seen;
    std::uint64_t last = 0;
    bool of_change = false;  // or of the stream's beginning
  };

  /// Steps over what does not match, and says which entry must come next.
  const Published* expected();
  std::string snapshot_batch(const std::vector<Published>& readings);
  std::string end_snapshot();

  const History& history_;
  Filters filters_;
  std::uint64_t position_ = 0;  // everything up to here was seen, or does not match
  std::vector<Change> changes_;
  std::optional<Snapshot> snapshot_;
};

}  // namespace checker

// Port: the one ordered log, as its writers and its readers see it. Implemented in storage/.
// Every function may be called from any thread; none waits for a disk.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/cursor.hpp"
#include "gateway/entry.hpp"

namespace fieldcast {

/// Entries copied out of the log; their strings live in the chunk until it is filled again.
struct Chunk {
  std::vector<Entry> entries;
  std::string bytes;
};

class LogWriter {
 public:
  virtual ~LogWriter() = default;

  /// Gives the entry its seq and time and makes it visible to readers; when this returns it is in the log.
  /// A retained reading that equals the latest one of its topic is counted and left out: then false.
  /// The topic must be without fault and the payload at most `limits.payload`.
  virtual bool append(const NewEntry& entry) noexcept = 0;
};

class Log : public LogWriter {
 public:
  /// Tag of the epoch that is being written.
  virtual std::uint64_t tag() const noexcept = 0;

  /// Newest position; everything up to it can be read.
  virtual std::uint64_t head() const noexcept = 0;

  /// The position before the oldest entry kept: entries in (floor, head] can be read.
  virtual std::uint64_t floor() const noexcept = 0;

  /// Copies entries with seq in (after, until], oldest first, until about `max_bytes` are copied, at least
  /// one where there is one. An entry that is no longer kept is skipped: the caller compares with floor(),
  /// which this returns as it was under the same lock.
  virtual std::uint64_t read(std::uint64_t after, std::uint64_t until, std::size_t max_bytes, Chunk& chunk) const = 0;

  /// The position just before the first reading kept with that time (Unix ms) or a later one; the head where there is
  /// none.
  virtual std::uint64_t before(std::int64_t time) const = 0;

  /// One step through the latest readings of all topics, in log order: looks at those with seq in
  /// (after, until], copies the ones that `wanted` takes, and stops after `max_entries`, about `max_bytes`,
  /// or kSnapshotScan looked at. Returns the position reached: `until` when there are no more.
  virtual std::uint64_t latest(std::uint64_t after, std::uint64_t until,
                               const std::function<bool(std::string_view)>& wanted, std::size_t max_entries,
                               std::size_t max_bytes, Chunk& chunk) const = 0;

  /// True once the latest reading of any topic had to be forgotten.
  virtual bool forgot_topics() const noexcept = 0;

  /// `wake` is called, from the appending thread, after an append that finds the reader asleep; see Wakeup.
  class Wakeup {
   public:
    virtual ~Wakeup() = default;
    /// Must not block, throw or call back into the log.
    virtual void appended() noexcept = 0;
  };
  /// Registered before the first append, and alive as long as the log is appended to.
  virtual void add_wakeup(Wakeup& wakeup) = 0;
};

}  // namespace fieldcast

// What the log tells of itself when it is asked, for the metrics: what is so now, beside what the counters count.
// Pure values, any thread.
#pragma once

#include <chrono>
#include <cstdint>

namespace fieldcast {

struct LogFigures {
  std::uint64_t head = 0;    // the newest position
  std::uint64_t epochs = 0;  // known, the one being written among them
  // Unix ms at which the oldest entry was received; 0 where there is none.
  std::int64_t oldest_entry = 0, oldest_in_memory = 0;
  std::uint64_t journal_bytes = 0, journal_used_bytes = 0;  // of the records, those that are not on disk among them
  std::uint64_t unstored_bytes = 0;                         // of entries that are not on disk yet, about
  std::uint64_t reads_waiting = 0;                          // steps from disk that no thread has begun

  bool storage_up = false;                       // the database can be read and written
  std::int64_t storage_since = 0;                // Unix ms of the last change of that
  std::chrono::nanoseconds storage_waiting{};    // how long the disk has not answered; 0 while nothing is asked of it
  std::int64_t last_commit = 0;                  // Unix ms; 0 before the first
  std::chrono::microseconds last_commit_time{};  // that it took
  std::uint64_t free_bytes = 0;                  // of the database's file system, for this process, at the last commit
  std::uint64_t keep_bytes = 0;                  // storage.keep_bytes
  std::chrono::milliseconds keep_for{};          // storage.keep_for
};

}  // namespace fieldcast

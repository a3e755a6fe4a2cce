// Who reads the log through a hub, step by step: a stream, or a page of history. The hub gives each its turn, so that
// none keeps the others waiting, however much it has to read.
//
//   in its turn    reads kChunksPerTurn chunks of memory, then waits for the next (Hub::tell_later)
//   from disk      one step at a time (Hub::ask_history); its answer is taken as soon as it is there
//
// Belongs to its session, on its shard's thread; the hub outlives it.
#pragma once

#include <cstddef>
#include <memory>

#include "gateway/limits.hpp"
#include "gateway/log.hpp"

namespace fieldcast {

class LogReader {
 public:
  virtual ~LogReader() = default;
  LogReader(const LogReader&) = delete;
  LogReader& operator=(const LogReader&) = delete;

 protected:
  LogReader() = default;

  std::size_t chunks_left_ = kChunksPerTurn;  // to read before others have their turn
  bool waiting_ = false;                      // somewhere in the hub's lists of readers to be told

 private:
  friend class Hub;

  /// It waited to be told, and its turn has come. May destroy the reader.
  virtual void on_turn() = 0;
  /// The step that it asked for, when it is the turn of that.
  virtual std::shared_ptr<HistoryRead> history_read() const = 0;
  /// The answer; on_turn() follows.
  virtual void take_history(HistoryRead& read) = 0;
};

}  // namespace fieldcast

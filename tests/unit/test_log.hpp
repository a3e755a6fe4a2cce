// The program's log over files of its own, without threads: what is appended stays in memory until the test says
// store_turn(). One thread.
#pragma once

#include <string>
#include <utility>

#include "storage/durable_log.hpp"
#include "tests/support/temp_dir.hpp"

namespace fieldcast::test {

/// Files of a log; they outlive it, so that another one can go on with them.
class LogFiles {
 public:
  std::string database() const { return (directory_.path() / "fieldcast.db").string(); }
  std::string journal() const { return (directory_.path() / "journal").string(); }

  /// Names the files in the options.
  DurableLog::Options in(DurableLog::Options options = {}) const {
    options.path = database();
    options.journal = journal();
    return options;
  }

 private:
  TempDir directory_;
};

class TestLog : private LogFiles, public DurableLog {
 public:
  TestLog(const Clock& clock, const Limits& limits, Counters& counters, Options options = {})
      : DurableLog(clock, limits, in(std::move(options)), counters) {}
};

}  // namespace fieldcast::test

// Catches what is noted for the operator's log, for as long as the object lives: every event, as no flood is held back
// here. Lines come from any thread; the object belongs to the test's.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/event.hpp"
#include "tests/support/deadline.hpp"

namespace fieldcast::test {

class LogLines final : private EventLog {
 public:
  struct Line {
    Event event;
    std::string name, part, text;
    std::uint64_t times;
  };

  LogLines() { set_event_log(this); }
  ~LogLines() { set_event_log(nullptr); }
  LogLines(const LogLines&) = delete;
  LogLines& operator=(const LogLines&) = delete;

  /// Waits for that many lines with `text` in them. Throws TimedOut.
  void wait_for(std::string_view text, std::size_t times = 1, Deadline deadline = {}) const {
    std::unique_lock lock(mutex_);
    if (changed_.wait_until(lock, deadline.at(), [&] { return count_locked(text) >= times; })) return;
    std::string all;
    for (const Line& line : lines_) all += "\n" + line.text;
    throw TimedOut(std::to_string(times) + " times \"" + std::string(text) + "\" is not in:" + all);
  }
  std::size_t count(std::string_view text) const {
    const std::lock_guard lock(mutex_);
    return count_locked(text);
  }
  /// Of this event, in the order in which they came.
  std::vector<Line> of(Event event) const {
    const std::lock_guard lock(mutex_);
    std::vector<Line> out;
    for (const Line& line : lines_) {
      if (line.event == event) out.push_back(line);
    }
    return out;
  }

 private:
  void note(Event event, const Subject& subject, std::string_view text, std::uint64_t times) noexcept override {
    const std::lock_guard lock(mutex_);
    lines_.push_back({event, std::string(subject.name), std::string(subject.part), std::string(text), times});
    changed_.notify_all();
  }
  std::size_t count_locked(std::string_view text) const {
    std::size_t n = 0;
    for (const Line& line : lines_) n += line.text.find(text) != std::string::npos;
    return n;
  }

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<Line> lines_;
};

}  // namespace fieldcast::test

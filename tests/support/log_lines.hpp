// Catches what is written to the log that people read, for as long as the object lives. Lines come from any thread; the
// object belongs to the test's.
#pragma once

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/deadline.hpp"

namespace fieldcast::test {

class LogLines {
 public:
  LogLines() : sink_(std::make_shared<Sink>()), before_(spdlog::default_logger()) {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("test", sink_));
  }
  ~LogLines() { spdlog::set_default_logger(before_); }
  LogLines(const LogLines&) = delete;
  LogLines& operator=(const LogLines&) = delete;

  /// Waits for a line with `text` in it and returns the first. Throws TimedOut.
  std::string wait_for(std::string_view text, Deadline deadline = {}) const { return sink_->wait_for(text, deadline); }
  std::size_t count(std::string_view text) const { return sink_->count(text); }

 private:
  class Sink final : public spdlog::sinks::base_sink<std::mutex> {
   public:
    std::string wait_for(std::string_view text, Deadline deadline) {
      std::unique_lock lock(lines_mutex_);
      std::string found;
      const auto present = [&] {
        for (const auto& line : lines_)
          if (line.find(text) != std::string::npos) found = found.empty() ? line : found;
        return !found.empty();
      };
      if (changed_.wait_until(lock, deadline.at(), present)) return found;
      std::string all;
      for (const auto& line : lines_) all += "\n" + line;
      throw TimedOut("no line with \"" + std::string(text) + "\" in:" + all);
    }
    std::size_t count(std::string_view text) {
      const std::lock_guard lock(lines_mutex_);
      std::size_t n = 0;
      for (const auto& line : lines_) n += line.find(text) != std::string::npos;
      return n;
    }

   private:
    void sink_it_(const spdlog::details::log_msg& message) override {
      const std::lock_guard lock(lines_mutex_);
      lines_.emplace_back(message.payload.data(), message.payload.size());
      changed_.notify_all();
    }
    void flush_() override {}

    std::mutex lines_mutex_;
    std::condition_variable changed_;
    std::vector<std::string> lines_;
  };

  std::shared_ptr<Sink> sink_;
  std::shared_ptr<spdlog::logger> before_;
};

}  // namespace fieldcast::test

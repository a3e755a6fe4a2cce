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
#include <utility>
#include <vector>

#include "tests/support/deadline.hpp"

namespace fieldcast::test {

class LogLines {
 public:
  LogLines() : sink_(std::make_shared<Sink>()), before_(spdlog::default_logger()) {
    auto logger = std::make_shared<spdlog::logger>("test", sink_);
    logger->set_level(spdlog::level::debug);
    spdlog::set_default_logger(std::move(logger));
  }
  ~LogLines() { spdlog::set_default_logger(before_); }
  LogLines(const LogLines&) = delete;
  LogLines& operator=(const LogLines&) = delete;

  /// Waits for that many lines with `text` in them. Throws TimedOut.
  void wait_for(std::string_view text, std::size_t times = 1, Deadline deadline = {}) const {
    sink_->wait_for(text, times, deadline);
  }
  std::size_t count(std::string_view text) const { return sink_->count(text); }

 private:
  class Sink final : public spdlog::sinks::base_sink<std::mutex> {
   public:
    void wait_for(std::string_view text, std::size_t times, Deadline deadline) {
      std::unique_lock lock(lines_mutex_);
      if (changed_.wait_until(lock, deadline.at(), [&] { return count_locked(text) >= times; })) return;
      std::string all;
      for (const auto& line : lines_) all += "\n" + line;
      throw TimedOut(std::to_string(times) + " times \"" + std::string(text) + "\" is not in:" + all);
    }
    std::size_t count(std::string_view text) {
      const std::lock_guard lock(lines_mutex_);
      return count_locked(text);
    }

   private:
    void sink_it_(const spdlog::details::log_msg& message) override {
      const std::lock_guard lock(lines_mutex_);
      lines_.emplace_back(message.payload.data(), message.payload.size());
      changed_.notify_all();
    }
    void flush_() override {}
    std::size_t count_locked(std::string_view text) const {
      std::size_t n = 0;
      for (const auto& line : lines_) n += line.find(text) != std::string::npos;
      return n;
    }

    std::mutex lines_mutex_;
    std::condition_variable changed_;
    std::vector<std::string> lines_;
  };

  std::shared_ptr<Sink> sink_;
  std::shared_ptr<spdlog::logger> before_;
};

}  // namespace fieldcast::test

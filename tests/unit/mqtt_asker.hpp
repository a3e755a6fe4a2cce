// Publishes commands and waits for what becomes of them. The test's thread; woken by any.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "gateway/publisher.hpp"
#include "tests/support/deadline.hpp"

namespace fieldcast::mqtt {

using PublicationPtr = std::shared_ptr<Publication>;

inline PublicationPtr command(std::string topic, std::string payload = "1", int qos = 1, bool retain = false) {
  auto publication = std::make_shared<Publication>();
  publication->command = {std::move(topic), std::move(payload), qos, retain, {}};
  return publication;
}

class Asker final : public Wakeup {
 public:
  void wake() noexcept override {
    const std::lock_guard lock(mutex_);
    ++wakes_;
    changed_.notify_all();
  }

  /// The problem that a command ended with; empty where it was published.
  std::optional<Problem> wait_for(const Publication& publication) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_until(lock, test::Deadline().at(), [&] { return publication.done.load(); }))
      throw test::TimedOut("the command is not done: " + publication.command.topic);
    return publication.problem;
  }

  std::size_t wakes() const {
    const std::lock_guard lock(mutex_);
    return wakes_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t wakes_ = 0;
};

inline void expect_published(const std::optional<Problem>& problem) {
  EXPECT_FALSE(problem) << problem->detail;
}

/// `words` is part of the detail.
inline void expect_problem(const std::optional<Problem>& problem, Code code, const std::string& words,
                           int reason_code = 0) {
  ASSERT_TRUE(problem) << "published";
  EXPECT_EQ(info(problem->code).word, info(code).word) << problem->detail;
  EXPECT_NE(problem->detail.find(words), std::string::npos) << problem->detail;
  EXPECT_EQ(problem->reason_code, reason_code);
}

}  // namespace fieldcast::mqtt

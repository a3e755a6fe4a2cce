// A publisher that takes every command and answers when the test says so. One thread.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "gateway/publisher.hpp"

namespace fieldcast::test {

class HoldingPublisher final : public Publisher {
 public:
  void publish(std::shared_ptr<Publication> publication, Wakeup& asker) override {
    held_.push_back(std::move(publication));
    asker_ = &asker;
  }

  const Command& command(std::size_t number) const { return held_.at(number)->command; }
  std::size_t commands() const { return held_.size(); }

  void finish(std::size_t number, std::optional<Problem> problem = {}) {
    held_.at(number)->problem = std::move(problem);
    held_.at(number)->done.store(true, std::memory_order_release);
    asker_->wake();
  }

 private:
  std::vector<std::shared_ptr<Publication>> held_;
  Wakeup* asker_ = nullptr;
};

}  // namespace fieldcast::test

#include "gateway/publications.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "gateway/limits.hpp"

namespace fieldcast {

Publications::Publications(Publisher& publisher, ParseCommand parse, bool allowed, Wakeup& shard)
    : publisher_(publisher), parse_(std::move(parse)), allowed_(allowed), shard_(shard) {
  waiting_.reserve(kShardPublishes);  // publish() cannot fail behind the hand-over
}

std::optional<Problem> Publications::forbidden() const {
  if (allowed_) return std::nullopt;
  return Problem{Code::forbidden, "this gateway only lets clients read: server.anonymous says so"};
}

Result<Ticket> Publications::publish(std::string_view json, PublicationOwner& owner) {
  if (auto problem = forbidden()) return *std::move(problem);
  const auto owned =
      std::count_if(waiting_.begin(), waiting_.end(), [&](const Waiting& w) { return w.owner == &owner; });
  if (static_cast<std::size_t>(owned) >= kPendingPublishes) {
    return Problem{Code::too_many,
                   "at most " + std::to_string(kPendingPublishes) +
                       " commands of one client wait for their answer: await some before you send more",
                   0, Limit::publishes};
  }
  Result<Command> command = parse_(json);
  if (!command) return command.problem();
  const std::size_t bytes = command->topic.size() + command->payload.size();
  const bool too_many = waiting_.size() >= kShardPublishes;
  if (too_many || waiting_bytes_ + bytes > kShardPublishBytes) {
    return Problem{Code::too_many, "too many commands wait for their broker: try again later", 0,
                   too_many ? Limit::shard_publishes : Limit::shard_publish_bytes};
  }

  const auto publication = std::make_shared<Publication>();
  publication->command = *std::move(command);
  publisher_.publish(publication, shard_);
  waiting_.push_back({++last_ticket_, &owner, bytes, publication});
  waiting_bytes_ += bytes;
  return last_ticket_;
}

void Publications::run() {
  const auto done = std::stable_partition(waiting_.begin(), waiting_.end(), [](const Waiting& waiting) {
    return !waiting.publication->done.load(std::memory_order_acquire);
  });
  telling_.assign(std::make_move_iterator(done), std::make_move_iterator(waiting_.end()));
  waiting_.erase(done, waiting_.end());
  for (const Waiting& told : telling_) waiting_bytes_ -= told.bytes;
  for (const Waiting& told : telling_) {
    if (told.owner != nullptr) told.owner->on_published(told.ticket, told.publication->problem);
  }
  telling_.clear();
}

void Publications::forget(const PublicationOwner& owner) {
  for (auto* list : {&waiting_, &telling_}) {
    for (Waiting& waiting : *list) {
      if (waiting.owner == &owner) waiting.owner = nullptr;
    }
  }
}

}  // namespace fieldcast

// The commands of one shard's clients on their way to a broker: reads what a client wrote, hands it to the publisher,
// and tells the client's session what became of it. Beside the hub, and like it woken by another thread.
//
// One thread: its shard's. Promises that each command that was taken is answered exactly once, unless its owner is
// forgotten; then it goes on without one. Never more wait than kPendingPublishes an owner, kShardPublishes and
// kShardPublishBytes in all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "gateway/publisher.hpp"
#include "gateway/result.hpp"

namespace fieldcast {

/// One command of an owner; none comes twice.
using Ticket = std::uint64_t;

/// Told, on the shard's thread and from run() only, what became of a command. It may publish again, or be destroyed.
class PublicationOwner {
 public:
  /// No problem: the broker has acknowledged it.
  virtual void on_published(Ticket ticket, const std::optional<Problem>& problem) = 0;

 protected:
  ~PublicationOwner() = default;
};

/// Reads a command that a client wrote as JSON: `bad_message`. Any thread.
using ParseCommand = std::function<Result<Command>(std::string_view json)>;

class Publications {
 public:
  /// Publisher and shard outlive it. `allowed`: whether clients may publish here. A woken shard calls run(), later and
  /// from its loop; woken several times before that, once is enough.
  Publications(Publisher& publisher, ParseCommand parse, bool allowed, Wakeup& shard);
  Publications(const Publications&) = delete;
  Publications& operator=(const Publications&) = delete;

  /// `forbidden` where clients may not publish.
  std::optional<Problem> forbidden() const;

  /// Takes a command, written as JSON; the owner is told later what became of it. Nothing is published where this
  /// answers with a problem: `forbidden`, `bad_message`, `too_many`.
  Result<Ticket> publish(std::string_view json, PublicationOwner& owner);

  /// Tells the owners whose commands are done.
  void run();

  /// The owner is told nothing any more; what it published goes on.
  void forget(const PublicationOwner& owner);

  /// Commands that have no answer yet, and their bytes.
  std::size_t waiting() const { return waiting_.size(); }
  std::size_t waiting_bytes() const { return waiting_bytes_; }

 private:
  struct Waiting {
    Ticket ticket;
    PublicationOwner* owner;  // null where it was forgotten
    std::size_t bytes;
    std::shared_ptr<Publication> publication;
  };

  Publisher& publisher_;
  const ParseCommand parse_;
  const bool allowed_;
  Wakeup& shard_;
  Ticket last_ticket_ = 0;
  std::vector<Waiting> waiting_;  // oldest first
  std::vector<Waiting> telling_;  // those that run() is telling
  std::size_t waiting_bytes_ = 0;
};

}  // namespace fieldcast

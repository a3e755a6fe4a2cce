// What the gateway's HTTP server asks for besides WebSockets, and the echo server has not: a log, which is empty, and a
// broker. Any thread.
#pragma once

#include "gateway/log.hpp"
#include "gateway/publisher.hpp"
#include "gateway/wakeup.hpp"

namespace fieldcast::echo {

class NoLog final : public Log {
 public:
  bool append(const NewEntry&) noexcept override { return false; }
  std::uint64_t tag() const noexcept override { return 0; }
  std::optional<std::uint64_t> end_of(std::uint64_t) const override { return std::nullopt; }
  std::uint64_t head() const noexcept override { return 0; }
  std::uint64_t floor() const noexcept override { return 0; }
  GapReason gone(std::uint64_t) const noexcept override { return GapReason::unknown; }
  std::uint64_t read(std::uint64_t, std::uint64_t, std::size_t, Chunk&) const override { return 0; }
  std::uint64_t before(std::int64_t) const override { return 0; }
  std::uint64_t latest(std::uint64_t, std::uint64_t until, const std::function<bool(std::string_view)>&, std::size_t,
                       std::size_t, Chunk&) const override {
    return until;
  }
  bool topics(std::string&, const FilterSet&, std::size_t, std::size_t, Chunk&) const override { return false; }
  std::optional<GapReason> latest_gap() const noexcept override { return std::nullopt; }
  bool names_brokers() const noexcept override { return false; }
  void links(Chunk&) const override {}
  void add_wakeup(Wakeup&) override {}
  void read_history(std::shared_ptr<HistoryRead> read, Wakeup&) override { read->done = true; }
};

class NoBroker final : public Publisher {
 public:
  void publish(std::shared_ptr<Publication> publication, Wakeup&) override {
    publication->problem = Problem{Code::no_broker, "this server only echoes"};
    publication->done = true;
  }
};

class NoWakeup final : public Wakeup {
 public:
  void wake() noexcept override {}
};

}  // namespace fieldcast::echo

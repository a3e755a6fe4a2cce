// One seed of the simulation: the program's own log, hub and streams on a manual clock, without threads. The turns of
// the store and of the reader, the clients, and the end and next start of the process are steps of a random schedule,
// over files of the seed's own. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "gateway/hub.hpp"
#include "storage/durable_log.hpp"
#include "tests/simulation/checker.hpp"

namespace fieldcast {

class ManualClock final : public Clock {
 public:
  std::int64_t wall_ms() const noexcept override { return wall; }
  Instant now() const noexcept override { return steady; }
  std::int64_t wall = 1'764'000'000'000;
  Instant steady{0};
};

class World {
 public:
  /// `directory` is there, and the world's alone.
  World(std::uint64_t seed, std::filesystem::path directory);
  ~World();

  /// The whole schedule; the first fault in words, or nothing.
  std::string run();

  /// What happened, by name: whether the schedules reach what they are for.
  std::map<std::string, std::uint64_t> totals;
  /// The last steps before a fault, a line each.
  const std::deque<std::string>& trace() const { return trace_; }

 private:
  struct Client final : StreamOwner {
    Client(World& owner, int number) : world(owner), name(number), check(owner.history_, owner.rules_) {}
    void on_stream_ready() override { told = true; }

    World& world;
    int name;
    checker::Client check;
    FilterSet filters;
    std::uint64_t epoch = 0;  // tag of its last cursor
    bool joined = false;
    bool told = true;               // may have something
    Instant sleeps_until{};         // reads nothing before
    bool was_replaying = false;     // when it was asked for its last batch, or by then
    bool was_disconnected = false;  // since it was too slow
    bool first_answer_due = false;
    int changes_due = 0;
    std::unique_ptr<Stream> stream;  // null while it is away
  };
  struct Wakeup final : fieldcast::Wakeup {
    explicit Wakeup(World& owner) : world(owner) {}
    void wake() noexcept override { world.run_soon_ = true; }
    World& world;
  };
  /// How a process ends, and what becomes of its files meanwhile.
  struct End {
    const char* name;
    bool clean = false, journal_lost = false, copy_put_back = false, database_lost = false;
  };

  std::uint64_t pick(std::uint64_t below) { return random_() % below; }
  bool chance(unsigned percent) { return pick(100) < percent; }
  Instant some_time(std::chrono::milliseconds below) {
    return std::chrono::milliseconds(pick(static_cast<std::uint64_t>(below.count())));
  }
  void note(const std::string& line);
  Limits make_limits();
  checker::Rules make_rules() const;
  FilterSet some_filters();

  // The log and its files (world_log.cpp).
  std::filesystem::path database() const;
  std::string start();
  std::string first_links(std::uint64_t first, std::uint64_t id);
  bool must_write_down(const std::string& broker, bool& sure) const;
  std::string restart(const End& end);
  std::string some_restart();
  void note_counters();
  void copy_database();
  void put_back_copy();
  std::string store_turn();
  std::string note_store();
  std::string many_commits();
  std::string append_reading(std::size_t padding = 0);
  std::string append_link(std::size_t broker, bool up);
  std::string note_append(checker::Item item);
  std::string note_memory();
  std::string flood();

  // The clients (world.cpp).
  std::string step();
  void pass(Instant time);
  void run_hub();
  void note_hub();
  void fall_asleep(Client& client);
  void wake(Client& client) { client.sleeps_until = {}; }
  bool asleep(const Client& client) const { return clock_.steady < client.sleeps_until; }
  Client& some_client() { return *clients_[pick(clients_.size())]; }
  std::string arrive();
  std::string open(Client& client, const From& from);
  std::string cut(Client& client);
  std::string come_back(Client& client);
  void leave(Client& client);
  void remove(Client& client);
  std::string change(Client& client);
  std::string take(Client& client, const Batch& batch);
  void note_slow(const Client& client, const nlohmann::json& missed);
  std::shared_ptr<const Batch> next(Client& client);
  std::string pull(Client& client, std::uint64_t batches);
  std::string pull_all();
  std::string drain();

  std::mt19937_64 random_;
  const std::filesystem::path directory_;
  ManualClock clock_;
  const Limits limits_;
  const std::size_t memory_entries_, memory_bytes_;
  const std::vector<std::string> brokers_;
  const checker::Rules rules_;
  std::uint64_t ids_ = 0;
  checker::History history_;
  std::set<checker::Index> link_up_;  // link entries that say `up`
  std::int64_t wall_steps_ = 0;       // what restarts may have made the log older than steady time tells, ms
  std::optional<checker::Disk> copy_;
  bool directory_away_ = false;

  std::unique_ptr<Counters> counters_;                  // of one process, as all below
  std::uint64_t lost_before_ = 0, expired_blocks_ = 0;  // as counted so far
  bool run_soon_ = false;
  Instant next_tick_{};
  Wakeup wakeup_{*this};
  std::unique_ptr<DurableLog> log_;
  std::unique_ptr<Hub> hub_;

  int names_ = 0;
  std::vector<std::unique_ptr<Client>> clients_;
  std::set<Client*> pending_;  // clients with a change under way
  std::deque<std::string> trace_;
};

}  // namespace fieldcast

// The seam between stored and live readings, under thousands of random schedules: the program's own log, hub
// and streams on a manual clock; clients that come, are cut, change their filters, read slowly, and come back
// with their cursor as another kind of client. A failing seed is printed; FIELDCAST_SEED=n runs it alone, and
// FIELDCAST_SEEDS=n runs that many.
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <random>

#include "gateway/hub.hpp"
#include "storage/memory_log.hpp"
#include "tests/simulation/checker.hpp"

namespace fieldcast {
namespace {

class ManualClock final : public Clock {
 public:
  std::int64_t wall_ms() const noexcept override { return wall; }
  Instant now() const noexcept override { return steady; }
  std::int64_t wall = 1'764'000'000'000;
  Instant steady{0};
};

const std::vector<std::string> kTopics{"a",     "a/b",    "a/b/c", "a/c",   "b",   "b/temperature", "a/temperature",
                                       "c/d/e", "$sys/x", "c",     "c/d/f", "a//b"};
const std::vector<std::vector<std::string>> kFilters{
    {"#"},        {"a/#"},         {"+"},   {"+/temperature", "a/#"}, {"a/b"},
    {"c/#", "+"}, {"$sys/#", "b"}, {"+/+"}, {"nothing/here"},         {"a//b", "+/b/c"}};

class World {
 public:
  explicit World(std::uint64_t seed)
      : random_(seed),
        limits_(make_limits()),
        log_(clock_, limits_, {MemoryLog::smallest_ring(limits_), chance(50) ? 64u : 100'000u}, counters_),
        hub_(log_, clock_, limits_, counters_, [this] { run_soon_ = true; }) {
    log_.add_wakeup(wakeup_);
  }

  std::string run() {
    append_link(false);
    const int steps = 60 + static_cast<int>(pick(200));
    for (int i = 0; i < steps; ++i) {
      if (auto fault = step(); !fault.empty()) return fault;
    }
    return drain();
  }

  struct Totals {
    std::uint64_t readings = 0, gaps = 0, snapshots = 0, replayed = 0, changes = 0, encodings = 0;
  } totals;

 private:
  struct Client final : StreamOwner {
    explicit Client(World& owner) : world(owner), check(owner.history_) {}
    void on_stream_ready() override { told = true; }

    World& world;
    checker::Client check;
    FilterSet filters;
    bool joined = false;
    bool told = true;  // may have something
    bool blocked = false;
    bool first_answer_due = false;
    int changes_due = 0;
    std::unique_ptr<Stream> stream;
  };
  struct Wakeup final : Log::Wakeup {
    explicit Wakeup(World& owner) : world(owner) {}
    void appended() noexcept override { world.run_soon_ = true; }
    World& world;
  };

  std::uint64_t pick(std::uint64_t below) { return random_() % below; }
  bool chance(unsigned percent) { return pick(100) < percent; }

  Limits make_limits() {
    Limits limits;
    limits.payload = 64;
    limits.batch_bytes = chance(50) ? 256 : 64 * 1024;
    limits.view_bytes = chance(50) ? 2'000 : 1u << 20;
    limits.views = 12;
    return limits;
  }

  FilterSet some_filters() { return FilterSet(kFilters[pick(kFilters.size())]); }
  static checker::Filters plain(const FilterSet& set) { return {set.filters().begin(), set.filters().end()}; }

  void note_append(std::string topic) {
    history_.entries.push_back({log_.head(), std::move(topic)});
    history_.floor = log_.floor();
  }

  void append_reading() {
    const std::string& topic = kTopics[pick(kTopics.size())];
    NewEntry entry;
    entry.kind = Kind::json;
    entry.topic = topic;
    entry.payload = "1.5";
    clock_.wall += static_cast<std::int64_t>(pick(20)) - 5;  // it may go back
    times_.push_back(clock_.wall);
    log_.append(entry);
    note_append(topic);
  }

  void append_link(bool up) {
    NewEntry entry;
    entry.kind = Kind::link;
    entry.state = up ? LinkState::up : LinkState::down;
    entry.topic = "local";
    entry.payload = "hall";
    times_.push_back(clock_.wall);
    log_.append(entry);
    note_append("");
  }

  std::string step() {
    clock_.steady += std::chrono::milliseconds(pick(2'000));
    switch (pick(12)) {
      case 0:
      case 1:
      case 2:
      case 3: {
        for (std::uint64_t n = 1 + pick(chance(10) ? 100 : 6); n != 0; --n) append_reading();
        return "";
      }
      case 4:
        if (chance(20)) append_link(chance(50));
        return "";
      case 5:
      case 6:
        run_hub();
        return "";
      case 7:
        if (clients_.size() < 8) return arrive();
        return cut(some_client());
      case 8:
        return clients_.empty() ? "" : change(some_client());
      case 9:
        if (!clients_.empty()) some_client().blocked = chance(40);
        if (chance(20)) {
          clock_.steady += kViewKept;
          hub_.tick();
        }
        return "";
      default:
        return clients_.empty() ? "" : pull(some_client(), 1 + pick(4));
    }
  }

  Client& some_client() { return *clients_[pick(clients_.size())]; }

  void run_hub() {
    if (!std::exchange(run_soon_, false)) return;
    hub_.run();
  }

  std::string arrive() {
    clients_.push_back(std::make_unique<Client>(*this));
    Client& client = *clients_.back();
    client.filters = some_filters();
    From from;
    const std::uint64_t head = log_.head();
    switch (pick(4)) {
      case 0:
        client.check.begin(plain(client.filters), head);
        break;
      case 1:
        from.kind = From::Kind::oldest;
        client.check.begin(plain(client.filters), log_.floor());
        break;
      case 2: {
        from.kind = From::Kind::time;
        from.time = clock_.wall - static_cast<std::int64_t>(pick(100));
        std::uint64_t position = log_.floor();
        while (position < head && times_[position] < from.time) ++position;
        client.check.begin(plain(client.filters), position);
        break;
      }
      default:
        from.kind = From::Kind::latest;
        client.check.begin_latest(plain(client.filters), head);
    }
    return open(client, from);
  }

  // As any kind of client: one that keeps a connection, or one that polls.
  std::string open(Client& client, const From& from) {
    client.joined = chance(40);
    client.changes_due = 0;
    Stream::Options options;
    options.joined = client.joined;
    options.page_entries = client.joined ? 1 + pick(20) : kPageEntries;
    client.stream = std::make_unique<Stream>(hub_, client, options);
    const bool answer = !client.joined && chance(50);
    client.first_answer_due = answer;
    if (auto problem =
            client.stream->begin(client.filters, from, answer ? std::optional<std::string>("1") : std::nullopt)) {
      if (problem->code != Code::too_many) return "begin: " + problem->detail;
      remove(client);
      return "";
    }
    client.told = true;
    // A stream begins at once with a batch; a poll with a cursor waits.
    if (!client.joined || from.kind != From::Kind::cursor) {
      auto batch = client.stream->next();
      for (int turn = 0; batch == nullptr && turn < 1'000; ++turn) {  // it gave way to others
        run_hub();
        batch = client.stream->next();
      }
      if (batch == nullptr) return "a stream does not begin with a batch";
      return take(client, *batch);
    }
    return "";
  }

  std::string cut(Client& client) {
    client.stream.reset();
    client.blocked = false;
    const auto cursor = parse_cursor(client.check.cursor);
    if (!cursor) return "no cursor: " + client.check.cursor;
    From from;
    from.kind = From::Kind::cursor;
    from.cursor = *cursor;
    // A stream cut while a change waits comes back with the filters it has had so far, and asks anew: here it
    // just goes on with them.
    if (pending_.contains(&client)) {
      remove(client);
      return "";
    }
    return open(client, from);
  }

  void remove(Client& client) {
    pending_.erase(&client);
    std::erase_if(clients_, [&](const auto& held) { return held.get() == &client; });
  }

  std::string change(Client& client) {
    if (client.joined || client.blocked) return "";
    const FilterSet filters = some_filters();
    std::optional<Problem> problem;
    if (chance(30) && client.filters.without(filters) != FilterSet{}) {
      problem = client.stream->unsubscribe("2", filters);
      client.filters = client.filters.without(filters);
      if (!problem) client.check.change(plain(client.filters), log_.head(), {});
    } else {
      From from;
      from.kind = chance(50) ? From::Kind::latest : From::Kind::now;
      const bool latest = from.kind == From::Kind::latest;
      problem = client.stream->subscribe("3", filters, from);
      client.filters = client.filters.with(filters);
      if (!problem)
        client.check.change(plain(client.filters), log_.head(), latest ? plain(filters) : checker::Filters{});
    }
    if (problem) {
      remove(client);
      return problem->code == Code::too_many ? "" : "change: " + problem->detail;
    }
    ++client.changes_due;
    ++totals.changes;
    pending_.insert(&client);
    client.told = true;
    return "";
  }

  std::string take(Client& client, const Batch& batch) {
    const auto json = nlohmann::json::parse(batch.json);
    if (json.at("type") != "readings") {
      client.check.cursor = json.at("cursor");  // all up to here was delivered
      if (json.at("id") == 1) return std::exchange(client.first_answer_due, false) ? "" : "an answer to no question";
      if (--client.changes_due == 0) pending_.erase(&client);
      return client.check.answer();
    }
    if (json.at("readings").size() > 1 && batch.readings_size > limits_.batch_bytes) return "a batch over its limit";
    if (json.contains("gap")) {
      // Stated where matching entries may be lost: the log has lost entries behind the last cursor.
      const auto before = parse_cursor(client.check.cursor);
      if (before && before->head.value_or(before->seq) >= log_.floor()) return "a gap, but the log still had all of it";
    }
    if (batch.cursor() != json.at("cursor")) return "Batch::cursor() is not the batch's cursor";
    return client.check.batch(batch.json);
  }

  // What the socket takes; a poll ends with its answer and the next one begins.
  std::string pull(Client& client, std::uint64_t batches) {
    if (client.blocked) return "";
    for (; batches != 0; --batches) {
      if (chance(5)) {
        if (auto fault = take(client, *client.stream->heartbeat()); !fault.empty()) return fault;
        if (client.joined) return cut(client);
      }
      auto batch = client.stream->next();
      client.told = false;
      if (batch == nullptr) return "";
      if (auto fault = take(client, *batch); !fault.empty()) return fault;
      client.told = true;
      if (client.joined) return cut(client);
    }
    return "";
  }

  // Everybody reads to the end, and only those that were told: a lost wake-up is found here.
  std::string drain() {
    for (int rounds = 0; rounds < 20'000; ++rounds) {
      bool busy = run_soon_;
      run_hub();
      for (std::size_t i = 0; i < clients_.size(); ++i) {
        Client& client = *clients_[i];
        client.blocked = false;
        if (!client.told) continue;
        busy = true;
        if (auto fault = pull(client, 1); !fault.empty()) return fault;
      }
      if (busy) continue;
      for (const auto& client : clients_) {
        if (auto fault = client->check.finish(); !fault.empty()) return fault;
        if (client->first_answer_due) return "the first answer never came";
        totals.readings += client->check.readings;
        totals.gaps += client->check.gaps;
        totals.snapshots += client->check.snapshots;
      }
      totals.replayed = counters_.replayed_readings.value();
      totals.encodings = counters_.encodings.value();
      return "";
    }
    return "it never comes to rest";
  }

  std::mt19937_64 random_;
  ManualClock clock_;
  Limits limits_;
  Counters counters_;
  MemoryLog log_;
  bool run_soon_ = false;
  Wakeup wakeup_{*this};
  Hub hub_;
  checker::History history_;
  std::vector<std::int64_t> times_;  // of each entry
  std::vector<std::unique_ptr<Client>> clients_;
  std::set<Client*> pending_;  // clients with a change under way
};

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

TEST(Seam, HoldsUnderRandomSchedules) {
  const std::uint64_t only = number_from("FIELDCAST_SEED", 0);
  const std::uint64_t count = only != 0 ? 1 : number_from("FIELDCAST_SEEDS", 500);
  World::Totals sum;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t seed = only != 0 ? only : i + 1;
    World world(seed);
    const std::string fault = world.run();
    ASSERT_EQ(fault, "") << "FIELDCAST_SEED=" << seed;
    sum.readings += world.totals.readings;
    sum.gaps += world.totals.gaps;
    sum.snapshots += world.totals.snapshots;
    sum.replayed += world.totals.replayed;
    sum.changes += world.totals.changes;
    sum.encodings += world.totals.encodings;
  }
  if (only != 0) return;
  // The schedules reach what they are for.
  EXPECT_GT(sum.readings, count * 10);
  EXPECT_GT(sum.replayed, count);
  EXPECT_GT(sum.gaps, count / 100);
  EXPECT_GT(sum.snapshots, count / 10);
  EXPECT_GT(sum.changes, count / 4);
}

}  // namespace
}  // namespace fieldcast

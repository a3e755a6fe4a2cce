#include "tests/simulation/world.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "storage/journal.hpp"

namespace fieldcast {
namespace {

using namespace std::chrono_literals;

const std::vector<std::vector<std::string>> kFilters{
    {"#"},        {"a/#"},         {"+"},   {"+/temperature", "a/#"}, {"a/b"},
    {"c/#", "+"}, {"$sys/#", "b"}, {"+/+"}, {"nothing/here"},         {"a//b", "+/b/c"}};
constexpr std::size_t kTraceLines = 5'000;
// What is between two ticks while much time passes at once: more would only take long.
constexpr Instant kMostTicked = 5min;

checker::Filters plain(const FilterSet& set) {
  return {set.filters().begin(), set.filters().end()};
}

}  // namespace

World::World(std::uint64_t seed, std::filesystem::path directory)
    : random_(seed),
      directory_(std::move(directory)),
      limits_(make_limits()),
      memory_entries_(chance(50)   ? 100'000
                      : chance(50) ? 16
                                   : 64),
      memory_bytes_(Journal::smallest(limits_)),
      brokers_(chance(40) ? std::vector<std::string>{"local-0", "line-1"} : std::vector<std::string>{"local-0"}),
      rules_(make_rules()) {
  history_.forgets_topics = limits_.topics < 12;
}

World::~World() {
  for (const auto& client : clients_) client->stream.reset();
}

std::string World::run() {
  std::filesystem::create_directory(directory_ / "database");
  if (chance(5)) {
    std::filesystem::rename(directory_ / "database", directory_ / "away");
    directory_away_ = true;
  }
  if (auto fault = start(); !fault.empty()) return fault;
  const int steps = 60 + static_cast<int>(pick(200));
  for (int i = 0; i < steps; ++i) {
    if (auto fault = step(); !fault.empty()) return fault;
  }
  auto fault = drain();
  note_counters();
  return fault;
}

void World::note(const std::string& line) {
  if (trace_.size() == kTraceLines) trace_.pop_front();
  trace_.push_back("item " + std::to_string(history_.items.size()) + ": " + line);
}

Limits World::make_limits() {
  Limits limits;
  limits.payload = chance(90) ? 64 : 4'096;
  limits.batch_bytes = chance(50) ? 256 : 64 * 1024;
  limits.view_bytes = chance(50) ? 2'000 : 1u << 20;
  limits.views = 12;
  limits.topics = chance(10) ? 8 : 100;
  if (chance(70)) limits.client_lag = std::chrono::milliseconds(1'000 + pick(chance(50) ? 9'000 : 60'000));
  if (chance(30)) limits.slow_client = SlowClient::disconnect;
  return limits;
}

checker::Rules World::make_rules() const {
  checker::Rules rules;
  rules.lag = limits_.client_lag;
  // A mark is set at a tick, and found to be old at another.
  rules.tolerance = rules.lag / 240 + 2 * kTick;
  rules.disconnects = limits_.slow_client == SlowClient::disconnect;
  rules.brokers = brokers_.size();
  return rules;
}

FilterSet World::some_filters() {
  return FilterSet(kFilters[pick(kFilters.size())]);
}

std::string World::step() {
  pass(some_time(2s));
  switch (pick(16)) {
    case 0:
    case 1:
    case 2:
    case 3:
      for (std::uint64_t n = 1 + pick(chance(10) ? 100 : 6); n != 0; --n) {
        if (auto fault = append_reading(); !fault.empty()) return fault;
      }
      return "";
    case 4:
      return chance(20) ? append_link(pick(brokers_.size()), chance(50)) : "";
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
      if (!clients_.empty()) {
        Client& client = some_client();
        chance(50) ? fall_asleep(client) : wake(client);
      }
      if (chance(20)) pass(some_time(limits_.client_lag * 5 / 4));
      if (chance(20)) pass(kViewKept);
      return "";
    case 10:
      return chance(40) ? store_turn() : "";
    case 11:
      if (directory_away_ && chance(30)) {
        note("the disk comes back");
        std::filesystem::rename(directory_ / "away", directory_ / "database");
        directory_away_ = false;
      }
      if (chance(10)) copy_database();
      if (chance(1)) return many_commits();
      if (limits_.payload > 64 && chance(30)) return flood();
      return chance(40) ? some_restart() : "";
    case 12:
      log_->history_turn();
      return "";
    default:
      if (chance(30)) return pull_all();
      return clients_.empty() ? "" : pull(some_client(), 1 + pick(4));
  }
}

// It reads again before its lag is over, or behind it.
void World::fall_asleep(Client& client) {
  client.sleeps_until = clock_.steady + some_time(2 * limits_.client_lag);
}

// The shard's ticks come in time.
void World::pass(Instant time) {
  const Instant end = clock_.steady + time;
  const auto tick = [&](Instant at) {
    history_.now = clock_.steady = at;
    hub_->tick();
    next_tick_ = at + kTick;
  };
  while (next_tick_ <= std::min(end, end - time + kMostTicked)) tick(next_tick_);
  if (next_tick_ <= end) tick(end);
  history_.now = clock_.steady = end;
}

void World::run_hub() {
  if (!std::exchange(run_soon_, false)) return;
  hub_->run();
  note_hub();
}

void World::note_hub() {
  if (history_.hand_over(history_.place(hub_->position()))) return;
  ++totals["a shard lost its place"];
  for (const auto& client : clients_) client->check.lose_count();
}

std::string World::arrive() {
  clients_.push_back(std::make_unique<Client>(*this, ++names_));
  Client& client = *clients_.back();
  client.filters = some_filters();
  const checker::Filters filters = plain(client.filters);
  From from;
  const checker::Index head = history_.head();
  const auto first = [&](const auto& is_it) {
    const auto& timeline = history_.timeline();
    const auto found = std::find_if(timeline.begin(), timeline.end(),
                                    [&](checker::Index i) { return history_.readable(i) && is_it(i); });
    return found == timeline.end() ? head : *found;
  };
  switch (pick(4)) {
    case 0:
      client.check.begin(filters, head, std::nullopt);
      break;
    case 1:
      from.kind = From::Kind::oldest;
      client.check.begin(filters, first([](checker::Index) { return true; }), std::nullopt);
      break;
    case 2: {
      from.kind = From::Kind::time;
      from.time = clock_.wall - static_cast<std::int64_t>(pick(chance(20) ? 20'000 : 200));
      const auto late = [&](checker::Index i) { return history_.items[i].time >= from.time; };
      client.check.begin(filters, first(late), from.time);
      break;
    }
    default:
      from.kind = From::Kind::latest;
      client.check.begin_latest(filters, head);
  }
  return open(client, from);
}

// As any kind of client: one that keeps a connection, or one that polls.
std::string World::open(Client& client, const From& from) {
  note("client " + std::to_string(client.name) + " comes, from " + std::to_string(static_cast<int>(from.kind)));
  client.joined = chance(40);
  client.changes_due = 0;
  Stream::Options options;
  options.joined = client.joined;
  options.page_entries = client.joined ? 1 + pick(20) : kPageEntries;
  client.stream = std::make_unique<Stream>(*hub_, client, options);
  const bool answer = !client.joined && chance(50);
  client.first_answer_due = answer;
  if (auto problem =
          client.stream->begin(client.filters, from, answer ? std::optional<std::string>("1") : std::nullopt)) {
    if (problem->code != Code::too_many) return "begin: " + problem->detail;
    remove(client);
    return "";
  }
  note_hub();
  client.told = true;
  if (history_.away()) client.check.note_away();
  // A stream begins at once with a batch, where it need not be read from disk; a poll with a cursor waits.
  if (client.joined && from.kind == From::Kind::cursor) return "";
  const auto batch = next(client);
  if (batch != nullptr) return take(client, *batch);
  return client.stream->busy() ? "" : "a stream does not begin with a batch";
}

void World::leave(Client& client) {
  client.stream.reset();
  wake(client);
  client.first_answer_due = false;
  // A stream cut while a change waits comes back with the filters it has had so far, and asks anew: here it goes.
  if (pending_.erase(&client) != 0) client.check.cursor.clear();
}

std::string World::cut(Client& client) {
  leave(client);
  return chance(90) ? come_back(client) : "";
}

std::string World::come_back(Client& client) {
  const auto cursor = parse_cursor(client.check.cursor);
  if (!cursor) {
    if (!client.check.cursor.empty()) return "no cursor: " + client.check.cursor;
    remove(client);
    return "";
  }
  From from;
  from.kind = From::Kind::cursor;
  from.cursor = *cursor;
  client.check.come_back(cursor->tag);
  if (std::exchange(client.was_disconnected, false)) ++totals["slow, disconnected, and back"];
  if (client.check.in_snapshot())
    ++totals[cursor->tag == log_->tag() ? "snapshots resumed" : "snapshots resumed after a restart"];
  return open(client, from);
}

void World::remove(Client& client) {
  pending_.erase(&client);
  std::erase_if(clients_, [&](const auto& held) { return held.get() == &client; });
}

std::string World::change(Client& client) {
  if (client.stream == nullptr || client.joined) return "";
  const FilterSet filters = some_filters();
  const checker::Index head = history_.head();
  std::optional<Problem> problem;
  if (chance(30) && client.filters.without(filters) != FilterSet{}) {
    problem = client.stream->unsubscribe("2", filters);
    client.filters = client.filters.without(filters);
    if (!problem) client.check.change(plain(client.filters), head, {});
  } else {
    From from;
    from.kind = chance(50) ? From::Kind::latest : From::Kind::now;
    const bool latest = from.kind == From::Kind::latest;
    problem = client.stream->subscribe("3", filters, from);
    client.filters = client.filters.with(filters);
    if (!problem) client.check.change(plain(client.filters), head, latest ? plain(filters) : checker::Filters{});
  }
  note_hub();
  if (problem) {
    remove(client);
    return problem->code == Code::too_many ? "" : "change: " + problem->detail;
  }
  ++client.changes_due;
  ++totals["changes"];
  pending_.insert(&client);
  client.told = true;
  return "";
}

std::string World::take(Client& client, const Batch& batch) {
  if (history_.away()) client.check.note_away();
  const auto json = nlohmann::json::parse(batch.json);
  const std::string& text = json.at("cursor").get_ref<const std::string&>();
  const auto cursor = parse_cursor(text);
  if (!cursor || cursor->tag != log_->tag()) return "the cursor is not one of this epoch: " + text;
  if (cursor->head.value_or(cursor->seq) > log_->head()) return "the cursor is ahead of the head";
  const checker::Index place = history_.place(cursor->head.value_or(cursor->seq));
  if (json.at("type") != "readings") {
    client.check.cursor = text;  // all up to here was delivered
    if (json.at("id") == 1) return std::exchange(client.first_answer_due, false) ? "" : "an answer to no question";
    if (--client.changes_due == 0) pending_.erase(&client);
    return client.check.answer(place);
  }
  if (json.at("readings").size() > 1 && batch.readings_size > limits_.batch_bytes) return "a batch over its limit";
  if (batch.cursor() != text) return "Batch::cursor() is not the batch's cursor";
  note("client " + std::to_string(client.name) + (cursor->head ? ", in a snapshot," : "") + " gets " +
       std::to_string(batch.entries()) + " up to item " + std::to_string(place) +
       (json.contains("gap") ? ", gap " + json["gap"].dump() : ""));
  if (auto fault = client.check.batch(json, place); !fault.empty()) {
    return "client " + std::to_string(client.name) + ": " + fault + "\n" + batch.json;
  }
  if (json.contains("gap") && json["gap"]["reason"] == "slow") note_slow(client, json["gap"]["missed"]);
  return "";
}

void World::note_slow(const Client& client, const nlohmann::json& missed) {
  const bool in_memory = history_.items[client.check.slow_from].in_memory;
  std::string where = "slow on the ring";
  if (client.was_replaying) where = in_memory ? "slow in memory" : "slow on disk";
  ++totals[where];
  if (!missed.is_null()) ++totals[where + ", counted"];
  if (client.changes_due == 0) return;
  ++totals["slow with a change waiting"];
  if (!missed.is_null()) ++totals["slow with a change waiting, counted"];
}

std::shared_ptr<const Batch> World::next(Client& client) {
  client.check.ask();
  const std::uint64_t behind = counters_->fell_behind.value();
  client.was_replaying = client.stream->busy();
  auto batch = client.stream->next();
  client.was_replaying |= counters_->fell_behind.value() != behind;
  const bool lives = !client.stream->busy() && !client.stream->too_slow();
  if (batch == nullptr && lives && !client.joined) client.check.catch_up();
  return batch;
}

// What the socket takes; a poll ends with its answer and the next one begins.
std::string World::pull(Client& client, std::uint64_t batches) {
  if (client.stream == nullptr) return come_back(client);
  if (asleep(client)) return "";
  for (; batches != 0; --batches) {
    if (chance(5)) {
      if (auto fault = take(client, *client.stream->heartbeat()); !fault.empty()) return fault;
      if (client.joined) return cut(client);
    }
    const auto batch = next(client);
    client.told = false;
    if (client.stream->too_slow()) {
      if (batch != nullptr) return "a batch of a stream that ends, since it is too slow";
      note("client " + std::to_string(client.name) + " is disconnected");
      ++totals["slow, disconnected"];
      if (auto fault = client.check.disconnected(); !fault.empty()) return fault;
      client.was_disconnected = true;
      return cut(client);
    }
    if (batch == nullptr) return "";
    if (auto fault = take(client, *batch); !fault.empty()) return fault;
    client.check.settle();
    client.told = true;
    if (client.joined) return cut(client);
    if (client.stream->busy() && chance(5)) fall_asleep(client);
    if (asleep(client)) return "";
  }
  return "";
}

std::string World::pull_all() {
  for (std::size_t i = clients_.size(); i-- > 0;) {
    if (i >= clients_.size()) continue;  // some went meanwhile
    if (auto fault = pull(*clients_[i], 1 + pick(4)); !fault.empty()) return fault;
  }
  return "";
}

// Everybody reads to the end, and only those that were told: a lost wake-up is found here.
std::string World::drain() {
  note("drain");
  for (int rounds = 0; rounds < 20'000; ++rounds) {
    bool busy = run_soon_;
    run_hub();
    busy |= log_->history_turn();
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      Client& client = *clients_[i];
      wake(client);
      if (client.stream != nullptr && !client.told) continue;
      busy = true;
      if (auto fault = pull(client, 1); !fault.empty()) return fault;
    }
    if (busy) continue;
    for (const auto& client : clients_) {
      if (auto fault = client->check.finish(); !fault.empty()) {
        return "client " + std::to_string(client->name) + ": " + fault;
      }
      if (client->first_answer_due) return "the first answer never came";
      totals["readings"] += client->check.readings;
      totals["snapshots"] += client->check.snapshots;
      for (const auto& [reason, count] : client->check.gaps) totals["gaps: " + reason] += count;
    }
    return "";
  }
  return "it never comes to rest";
}

}  // namespace fieldcast

#include <utility>

#include "tests/simulation/world.hpp"

namespace fieldcast {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto kKeepFor = std::chrono::hours{7 * 24};
// Blocks are closed at 512 commits; expired ones go when the next is closed.
constexpr std::uint64_t kCommitsOfABlock = 520;

}  // namespace

fs::path World::database() const {
  return directory_ / "database" / "fieldcast.db";
}

// --- Starts and ends -----------------------------------------------------------------------------------------------

std::string World::start() {
  const bool disk = !directory_away_;
  const bool joins = history_.joins(disk), proved = history_.proved(disk);
  const std::uint64_t end = history_.end(disk);
  counters_ = std::make_unique<Counters>();
  lost_before_ = expired_blocks_ = 0;
  DurableLog::Options options;
  options.path = database().string();
  options.journal = (directory_ / "journal").string();
  options.memory_bytes = memory_bytes_;
  options.memory_entries = memory_entries_;
  options.keep_for = kKeepFor;
  const std::uint64_t id = ids_ + 1;  // of the first broker's link entry
  ids_ += brokers_.size();
  options.gateway = "hall-" + std::to_string(id);
  for (const std::string& broker : brokers_) options.brokers.push_back({broker, {"#"}});
  log_ = std::make_unique<DurableLog>(clock_, limits_, options, *counters_);
  log_->add_wakeup(wakeup_);
  if (log_->state().up != disk) return "after its start the log says of the disk: " + log_->state().detail;

  // The position before the first entry that it appends, if it is not what went before.
  Chunk chunk;
  const std::uint64_t floor = log_->read(0, log_->head(), 1, chunk);
  const std::uint64_t first = joins ? end : floor;
  if (proved && first != end) {
    return "it is proved that the log ended at " + std::to_string(end) + ", but it goes on behind " +
           std::to_string(first);
  }
  if (!proved && first < end) return "the log does not jump ahead of " + std::to_string(end);
  history_.start(log_->tag(), disk, first);
  if (auto fault = note_memory(); !fault.empty()) return fault;
  note("start" + std::string(disk ? "" : ", disk away") + (joins ? ", journal" : "") + (proved ? "" : ", no proof") +
       ": behind " + std::to_string(first));
  ++totals[proved ? "proved starts" : "starts without a proof"];

  if (auto fault = first_links(first, id); !fault.empty()) return fault;
  hub_ = std::make_unique<Hub>(*log_, clock_, limits_, *counters_, wakeup_);
  history_.hand_over(history_.head());
  return "";
}

// A start writes `down` for a broker whose last state is `up` or not known.
std::string World::first_links(std::uint64_t first, std::uint64_t id) {
  Chunk written;
  log_->read(first, log_->head(), kReadBytes, written);
  if (log_->head() - first > brokers_.size()) return "a start writes more than a link entry for each broker";
  std::vector<bool> due, sure;
  for (const std::string& broker : brokers_) {
    bool known = true;
    due.push_back(must_write_down(broker, known));
    sure.push_back(known);
  }
  for (std::size_t broker = 0; broker < brokers_.size(); ++broker) {
    const auto entry = std::find_if(written.entries.begin(), written.entries.end(),
                                    [&](const Entry& e) { return e.broker == brokers_[broker]; });
    const bool writes = entry != written.entries.end();
    if (sure[broker] && writes != due[broker]) {
      return writes ? "a start writes a link entry that is not needed" : "a start does not write that a link is down";
    }
  }
  for (const Entry& entry : written.entries) {
    const auto broker = std::find(brokers_.begin(), brokers_.end(), entry.broker);
    if (!is_link(entry) || broker == brokers_.end()) return "a start writes something else than its links";
    checker::Item item;
    item.id = id + static_cast<std::uint64_t>(broker - brokers_.begin());
    item.seq = entry.seq;
    item.broker = *broker;
    if (auto fault = note_append(std::move(item)); !fault.empty()) return fault;
  }
  return "";
}

bool World::must_write_down(const std::string& broker, bool& sure) const {
  bool down = false;
  for (const checker::Index i : history_.timeline()) {
    if (!history_.is_link(i) || history_.items[i].broker != broker) continue;
    if (history_.items[i].in_memory || (!history_.away() && (history_.kept(i) || history_.expired(i)))) {
      down = !link_up_.contains(i);
      sure = true;
    } else if (!history_.away()) {
      sure = false;  // lost in a full journal, but the database may have noted that state
    }
  }
  return !down;
}

std::string World::restart(const End& end) {
  note(end.name);
  ++totals[end.name];
  for (const auto& client : clients_) leave(*client);
  std::erase_if(clients_, [](const auto& client) { return client->check.cursor.empty(); });
  for (const auto& client : clients_) {
    if (client->check.in_snapshot()) ++totals["snapshots cut by a restart"];
  }
  hub_.reset();
  if (end.clean) {
    log_->finish();
    if (auto fault = note_store(); !fault.empty()) return fault;
    if (log_->state().up) history_.stop_clean();
  }
  note_counters();
  log_.reset();
  run_soon_ = false;

  if (end.journal_lost) {
    fs::remove_all(directory_ / "journal");
    history_.lose_journal();
  }
  if (std::exchange(directory_away_, false)) fs::rename(directory_ / "away", directory_ / "database");
  if (end.database_lost) {
    fs::remove_all(directory_ / "database");
    fs::create_directory(directory_ / "database");
    history_.lose_disk();
  }
  if (end.copy_put_back) put_back_copy();
  if (chance(15) && !end.copy_put_back && !end.database_lost) {
    note("the disk goes away");
    ++totals["starts without the disk"];
    fs::rename(directory_ / "database", directory_ / "away");
    directory_away_ = true;
  }
  const std::int64_t meanwhile = 3'000 + static_cast<std::int64_t>(pick(10'000));
  clock_.wall += meanwhile;
  wall_steps_ += meanwhile;
  history_.now = clock_.steady += 3s;
  next_tick_ = clock_.steady;
  if (auto fault = start(); !fault.empty()) return fault;
  for (std::size_t i = clients_.size(); i-- > 0;) {
    if (chance(50)) continue;
    if (auto fault = come_back(*clients_[i]); !fault.empty()) return fault;
  }
  return "";
}

void World::note_counters() {
  totals["history entries"] += counters_->history_entries.value();
  totals["replayed"] += counters_->replayed_readings.value();
}

std::string World::some_restart() {
  switch (pick(10)) {
    case 0:
    case 1:
      return restart({.name = "clean stop", .clean = true});
    case 2:
      return restart({.name = "clean stop, journal lost", .clean = true, .journal_lost = true});
    case 3:
    case 4:
      return restart({.name = "kill"});
    case 5:
    case 6:
      return restart({.name = "power cut", .journal_lost = true});
    case 7:
    case 8:
      if (!copy_) return "";
      if (chance(50)) return restart({.name = "older copy, journal kept", .copy_put_back = true});
      return restart({.name = "older copy, journal lost", .journal_lost = true, .copy_put_back = true});
    default:
      if (chance(50)) return restart({.name = "database lost", .database_lost = true});
      return restart({.name = "all lost", .journal_lost = true, .database_lost = true});
  }
}

void World::copy_database() {
  if (history_.away()) return;
  note("the database is copied");
  fs::remove_all(directory_ / "copy");
  fs::create_directory(directory_ / "copy");
  for (const char* part : {"fieldcast.db", "fieldcast.db-wal"}) {
    if (fs::exists(directory_ / "database" / part))
      fs::copy(directory_ / "database" / part, directory_ / "copy" / part);
  }
  copy_ = history_.disk();
}

void World::put_back_copy() {
  fs::remove_all(directory_ / "database");
  fs::copy(directory_ / "copy", directory_ / "database");
  history_.put_back(*copy_);
}

// --- Turns of the store --------------------------------------------------------------------------------------------

std::string World::store_turn() {
  log_->store_turn();
  return note_store();
}

// What a turn of the store has done.
std::string World::note_store() {
  // Reads that the schedule has not come to are no disk that hangs.
  while (log_->state().hangs && log_->history_turn()) {
  }
  if (!log_->state().up) {
    return directory_away_ || history_.away() ? "" : "the disk is there, but the log says: " + log_->state().detail;
  }
  if (directory_away_) return "the log says that the disk is there";
  if (history_.away()) note("the disk is found");
  history_.commit();
  if (auto fault = note_memory(); !fault.empty()) return fault;
  const std::uint64_t blocks = counters_->expired_blocks.value();
  if (std::exchange(expired_blocks_, blocks) == blocks) return "";
  ++totals["expiries"];
  std::uint64_t expired = 0;
  for (const checker::Index i : history_.timeline()) {
    if (history_.items[i].is_break) continue;
    const std::uint64_t seq = history_.items[i].seq;
    if (log_->gone(seq - 1) != GapReason::expired) break;
    const Instant age = clock_.steady - history_.items[i].appended + std::chrono::milliseconds(wall_steps_);
    if (history_.kept(i) && age < kKeepFor) return "an entry expired too early";
    expired = seq;
  }
  note("expired up to seq " + std::to_string(expired));
  history_.expire(expired);
  return "";
}

// So many that a block is closed, and with luck that an older one expires.
std::string World::many_commits() {
  note("many commits");
  if (chance(50)) {
    pass(kKeepFor + 24h);
    clock_.wall += std::chrono::milliseconds(kKeepFor + 24h).count();
  }
  for (std::uint64_t n = kCommitsOfABlock; n != 0; --n) {
    if (auto fault = append_reading(); !fault.empty()) return fault;
    if (chance(20)) run_hub();
    if (auto fault = store_turn(); !fault.empty()) return fault;
  }
  ++totals["many commits"];
  return "";
}

// --- Appending -----------------------------------------------------------------------------------------------------

std::string World::note_append(checker::Item item) {
  if (item.seq == 0) item.seq = log_->head();
  item.time = clock_.wall;
  if (!history_.timeline().empty() && item.seq != history_.items[history_.timeline().back()].seq + 1) {
    return "an append gave the seq " + std::to_string(item.seq);
  }
  history_.append(std::move(item));
  return note_memory();
}

// What the log says it keeps in memory; it must have counted what it lost.
std::string World::note_memory() {
  Chunk chunk;
  const std::size_t lost = history_.set_memory_floor(log_->read(log_->head(), log_->head(), 1, chunk));
  totals["entries lost in a full journal"] += lost;
  // It cannot know what is on a disk that is away.
  const std::uint64_t counted =
      counters_->lost_entries.value() - std::exchange(lost_before_, counters_->lost_entries.value());
  if (history_.away() ? counted < lost : counted != lost) return "the log lost entries and did not count them";
  return "";
}

std::string World::append_reading(std::size_t padding) {
  static const std::vector<std::string> kTopics{
      "a", "a/b", "a/b/c", "a/c", "b", "c", "b/temperature", "a/temperature", "c/d/e", "$sys/x", "c/d/f", "a//b"};
  checker::Item item;
  item.id = ++ids_;
  item.topic = kTopics[pick(kTopics.size())];
  item.broker = brokers_[pick(brokers_.size())];
  std::string payload = std::to_string(item.id);
  if (padding != 0) payload = "[" + payload + ",\"" + std::string(padding, 'x') + "\"]";
  NewEntry entry;
  entry.kind = Kind::json;
  entry.broker = item.broker;
  entry.topic = item.topic;
  entry.payload = payload;
  clock_.wall += static_cast<std::int64_t>(pick(20)) - 5;  // it may go back
  if (!log_->append(entry)) return "an append was left out";
  return note_append(std::move(item));
}

std::string World::append_link(std::size_t broker, bool up) {
  checker::Item item;
  const std::string gateway = "hall-" + std::to_string(ids_ + 1);
  item.id = ids_ + 1 + broker;
  item.broker = brokers_[broker];
  ids_ += brokers_.size();
  NewEntry entry;
  entry.kind = Kind::link;
  entry.state = up ? LinkState::up : LinkState::down;
  entry.broker = item.broker;
  entry.payload = gateway;
  if (up) link_up_.insert(history_.items.size());
  if (!log_->append(entry)) return "an append was left out";
  return note_append(std::move(item));
}

// More than the journal holds: without a turn of the store in between, what it had to give up is lost.
std::string World::flood() {
  note("flood");
  for (std::size_t bytes = 0; bytes < memory_bytes_; bytes += limits_.payload) {
    if (auto fault = append_reading(limits_.payload - 64); !fault.empty()) return fault;
    if (chance(2)) run_hub();
    if (chance(2)) {
      if (auto fault = store_turn(); !fault.empty()) return fault;
    }
  }
  return "";
}

}  // namespace fieldcast

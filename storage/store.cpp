#include "storage/store.hpp"

#include <algorithm>
#include <deque>
#include <filesystem>
#include <system_error>
#include <utility>

#include "storage/schema.hpp"

namespace fieldcast {
namespace {

// The tail becomes a block after this part of keep_for: in a log that is nearly silent it would take weeks to fill.
constexpr int kTailShare = 8;
// Blocks deleted in one commit, so that none takes long: a smaller keep_bytes is reached step by step.
constexpr int kExpireAtOnce = 64;

std::int64_t stored(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}
std::uint64_t loaded(std::int64_t value) {
  return static_cast<std::uint64_t>(value);
}

std::size_t content_bytes(const Entry& entry) {
  return entry.topic.size() + entry.payload.size();
}

}  // namespace

void read_tail(Statement& records,
               const std::function<void(std::uint64_t first, std::uint64_t last, std::string_view data)>& take) {
  std::uint64_t first = 0, last = 0;
  std::int64_t parts = 0, found = 0;
  std::string data;
  const auto end_record = [&] {
    if (parts != 0) take(first, last, found == parts ? std::string_view(data) : std::string_view());
  };
  while (records.step()) {
    if (parts == 0 || loaded(records.number(0)) != first) {
      end_record();
      first = loaded(records.number(0));
      last = loaded(records.number(1));
      parts = std::max<std::int64_t>(1, records.number(3));
      found = 0;
      data.clear();
    }
    if (records.number(2) == found) ++found;
    data += records.blob(4);
  }
  records.reset();
  end_record();
}

// --- Opening -------------------------------------------------------------------------------------------------------

Store::Store(Options options, const Clock& clock, Counters& counters)
    : options_(std::move(options)),
      clock_(clock),
      counters_(counters),
      database_(open_database(options_.path)),
      insert_part_(database_, "INSERT OR REPLACE INTO tail VALUES (?, ?, ?, ?, ?, ?)"),
      insert_block_(database_, "INSERT INTO block VALUES (?, ?, ?, ?, ?, ?, ?)"),
      insert_body_(database_, "INSERT OR REPLACE INTO body VALUES (?, ?)"),
      tail_(database_, kTailRecords),
      oldest_block_(database_, "SELECT first_seq, last_seq, log_ms, first_time FROM block ORDER BY first_seq LIMIT 2"),
      delete_block_(database_, "DELETE FROM block WHERE first_seq = ?"),
      delete_body_(database_, "DELETE FROM body WHERE first_seq = ?"),
      get_fact_(database_, "SELECT value FROM fact WHERE name = CAST(? AS TEXT)"),
      set_fact_(database_, "INSERT OR REPLACE INTO fact VALUES (CAST(? AS TEXT), ?)"),
      opened_at_(clock.now()) {
  load_end();
  load_epochs();
}

void Store::load_end() {
  // The newest stamp that can be read; a block's row tells one half of it.
  Stamp stamp{0, clock_.wall_ms()};
  Chunk chunk;
  Statement last_block(database_,
                       "SELECT last_seq, log_ms, data FROM block LEFT JOIN body USING (first_seq) "
                       "ORDER BY first_seq DESC LIMIT 1");
  if (last_block.step()) {
    now_.last_seq = loaded(last_block.number(0));
    stamp.log_ms = last_block.number(1);
    if (Stamp read; codec_.decode(last_block.blob(2), kMaxContent, chunk, read)) stamp = read;
  }
  last_block.reset();

  std::uint64_t first_record = 0;
  read_tail(tail_, [&](std::uint64_t first, std::uint64_t last, std::string_view data) {
    now_.last_seq = std::max(now_.last_seq, last);
    if (Stamp read; codec_.decode(data, kMaxContent, chunk, read)) stamp = read;
    if (first_record == 0) now_.tail_log_ms = stamp.log_ms;
    if (first_record == 0) {
      first_record = first;
      if (!chunk.entries.empty()) now_.oldest_time = chunk.entries.front().time;
    }
    now_.tail_entries += chunk.entries.size();
    for (const Entry& entry : chunk.entries) now_.tail_bytes += content_bytes(entry);
  });
  if (first_record != 0) {
    Statement next_slot(database_, "SELECT max(slot) + 1 FROM tail WHERE first_seq >= ?");
    next_slot.bind(1, stored(first_record)).step();
    now_.next_slot = loaded(next_slot.number(0));
  }
  const std::int64_t away = std::chrono::milliseconds(kMostAway).count();
  log_ms_at_open_ = stamp.log_ms + std::clamp<std::int64_t>(clock_.wall_ms() - stamp.wall_ms, 0, away);

  now_.expired = loaded(fact("expired"));
  now_.state_seq = loaded(fact("state_seq"));
  now_.state_log_ms = fact("state_log_ms");
  forgot_topics_ = fact("forgot_topics") != 0;
  now_.floor = now_.last_seq;
  if (oldest_block_.step()) {
    now_.floor = loaded(oldest_block_.number(0)) - 1;
    now_.oldest_time = oldest_block_.number(3);
  } else if (first_record != 0) {
    now_.floor = first_record - 1;
  }
  oldest_block_.reset();
  end_.last_seq = now_.last_seq;
  counters_.database_bytes.set(bytes());
}

void Store::load_epochs() {
  Statement rows(database_, "SELECT tag, last_seq, last_seq IS NULL FROM epoch ORDER BY place");
  bool open = true;
  while (rows.step()) {
    open = rows.number(2) != 0;
    end_.epochs.push_back({loaded(rows.number(0)), open ? now_.last_seq : loaded(rows.number(1))});
  }
  end_.clean = !open;
}

std::int64_t Store::fact(std::string_view name) {
  get_fact_.bind(1, name);
  const std::int64_t value = get_fact_.step() ? get_fact_.number(0) : 0;
  get_fact_.reset();
  return value;
}

void Store::set_fact(std::string_view name, std::int64_t value) {
  set_fact_.bind(1, name).bind(2, value).run();
}

void Store::load(const std::function<void(const Chunk&)>& take) {
  Chunk chunk;
  Stamp stamp;
  const auto take_behind = [&](std::uint64_t position, std::string_view data,
                               BlockCodec::Counts counts = BlockCodec::Counts::without) {
    if (!codec_.decode(data, kMaxContent, chunk, stamp, counts)) {
      counters_.damaged.add();
      forgot_topics_ = true;  // whose latest readings were in there cannot be told
      return;
    }
    std::erase_if(chunk.entries, [&](const Entry& entry) { return entry.seq <= position; });
    if (!chunk.entries.empty()) take(chunk);
  };
  Statement pieces(database_, "SELECT data FROM state ORDER BY id");
  while (pieces.step()) take_behind(0, pieces.blob(0), BlockCodec::Counts::with);
  // From the block on that the state ends in.
  Statement bodies(database_,
                   "SELECT data FROM block LEFT JOIN body USING (first_seq) WHERE first_seq >= "
                   "coalesce((SELECT max(first_seq) FROM block WHERE first_seq <= ?), 0) ORDER BY first_seq");
  bodies.bind(1, stored(now_.state_seq));
  while (bodies.step()) take_behind(now_.state_seq, bodies.blob(0));
  read_tail(tail_, [&](std::uint64_t, std::uint64_t, std::string_view data) { take_behind(now_.state_seq, data); });
}

// --- Small tables --------------------------------------------------------------------------------------------------

std::multimap<std::string, std::string> Store::subscriptions() {
  std::multimap<std::string, std::string> subscriptions;
  Statement rows(database_, "SELECT broker, filter FROM subscription");
  while (rows.step()) subscriptions.emplace(rows.blob(0), rows.blob(1));
  return subscriptions;
}

void Store::set_subscriptions(const std::multimap<std::string, std::string>& subscriptions) {
  transact([&] {
    database_.run("DELETE FROM subscription");
    Statement insert(database_, "INSERT INTO subscription VALUES (CAST(? AS TEXT), CAST(? AS TEXT))");
    for (const auto& [broker, filter] : subscriptions) {
      insert.bind(1, std::string_view(broker)).bind(2, std::string_view(filter)).run();
    }
  });
}

void Store::set_epochs(std::span<const PastEpoch> past, const Epoch& present) {
  transact([&] {
    // The same place for the same tag, so that only what differs is written.
    std::map<std::int64_t, std::pair<std::int64_t, std::optional<std::uint64_t>>> rows;
    Statement all(database_, "SELECT place, tag, last_seq, last_seq IS NULL FROM epoch");
    while (all.step()) {
      std::optional<std::uint64_t> last;
      if (all.number(3) == 0) last = loaded(all.number(2));
      rows[all.number(0)] = {all.number(1), last};
    }
    all.reset();
    const std::int64_t first_tag = stored(past.empty() ? present.tag : past.front().tag);
    const auto first =
        std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.second.first == first_tag; });
    const std::int64_t base = first == rows.end() ? 1 : first->first;

    Statement insert(database_, "INSERT OR REPLACE INTO epoch VALUES (?, ?, ?)");
    Statement insert_open(database_, "INSERT OR REPLACE INTO epoch VALUES (?, ?, NULL)");
    std::int64_t place = base;
    for (const PastEpoch& epoch : past) {
      const auto row = rows.find(place);
      const bool same =
          row != rows.end() && row->second.first == stored(epoch.tag) && row->second.second == epoch.last_seq;
      if (!same) insert.bind(1, place).bind(2, stored(epoch.tag)).bind(3, stored(epoch.last_seq)).run();
      ++place;
    }
    insert_open.bind(1, place).bind(2, stored(present.tag)).run();
    Statement others(database_, "DELETE FROM epoch WHERE place < ? OR place > ?");
    others.bind(1, base).bind(2, place).run();
  });
}

void Store::mark_clean() {
  transact([&] {
    Statement mark(database_, "UPDATE epoch SET last_seq = ? WHERE place = (SELECT max(place) FROM epoch)");
    mark.bind(1, stored(now_.last_seq)).run();
  });
  // The file alone is the whole log then. Where another program reads it meanwhile, it stays with its write-ahead log,
  // and the mark holds all the same.
  try {
    database_.run("PRAGMA busy_timeout=0");
    database_.run("PRAGMA wal_checkpoint(TRUNCATE)");
  } catch (const SqliteError&) {
  }
}

void Store::transact(const std::function<void()>& change) {
  database_.run("BEGIN IMMEDIATE");
  try {
    change();
    database_.run("COMMIT");
  } catch (...) {
    rollback();
    throw;
  }
}

// --- Commits -------------------------------------------------------------------------------------------------------

void Store::begin() {
  database_.run("BEGIN IMMEDIATE");
  before_ = now_;
  now_.written = {};
}

void Store::add(std::span<const Entry> entries) {
  while (!entries.empty()) {
    std::size_t count = 0, bytes = 0;
    while (count < entries.size() && count < kBlockEntries && (count == 0 || bytes < kBlockBytes / 2)) {
      bytes += content_bytes(entries[count++]);
    }
    add_record(entries.first(count), bytes);
    entries = entries.subspan(count);
  }
}

void Store::add_record(std::span<const Entry> entries, std::size_t bytes) {
  if (now_.floor == now_.last_seq) {
    now_.floor = entries.front().seq - 1;
    now_.oldest_time = entries.front().time;
  }
  const Stamp stamp{log_ms(), clock_.wall_ms()};
  const std::string data = codec_.encode(entries, stamp);
  const std::size_t parts = (data.size() + kPartBytes - 1) / kPartBytes;
  const bool full = now_.next_slot + parts > kTailSlots || now_.tail_entries + entries.size() > kBlockEntries ||
                    now_.tail_bytes + bytes > kBlockBytes ||
                    stamp.log_ms - now_.tail_log_ms > options_.keep_for.count() / kTailShare;
  if (full && now_.next_slot != 0) close_block();
  if (parts > kTailSlots || bytes > kBlockBytes) {
    insert_block(entries, entries.back().seq, stamp, data);
  } else {
    if (now_.next_slot == 0) now_.tail_log_ms = stamp.log_ms;
    for (std::size_t part = 0; part < parts; ++part) {
      insert_part_.bind(1, stored(now_.next_slot++))
          .bind(2, stored(entries.front().seq))
          .bind(3, stored(entries.back().seq))
          .bind(4, stored(part))
          .bind(5, stored(parts))
          .bind(6, std::string_view(data).substr(part * kPartBytes, kPartBytes))
          .run();
    }
    now_.tail_entries += entries.size();
    now_.tail_bytes += bytes;
  }
  now_.last_seq = entries.back().seq;
  now_.written.entries += entries.size();
}

/// The tail becomes a block, as old as its last record.
void Store::close_block() {
  std::deque<Chunk> records;
  std::vector<Entry> entries;
  std::uint64_t last_seq = 0;
  Stamp stamp;
  read_tail(tail_, [&](std::uint64_t, std::uint64_t last, std::string_view data) {
    last_seq = std::max(last_seq, last);
    Chunk& chunk = records.emplace_back();
    const auto in_order = [&] { return entries.empty() || entries.back().seq < chunk.entries.front().seq; };
    if (Stamp read; codec_.decode(data, kMaxContent, chunk, read) && in_order()) {
      stamp = read;
      entries.insert(entries.end(), chunk.entries.begin(), chunk.entries.end());
    } else {
      counters_.damaged.add();
    }
  });
  if (entries.empty()) {
    database_.run("DELETE FROM tail");  // without a block behind it, it would go on to count
  } else {
    insert_block(entries, std::max(last_seq, entries.back().seq), stamp, codec_.encode(entries, stamp));
  }
  now_.next_slot = now_.tail_entries = now_.tail_bytes = 0;
}

void Store::insert_block(std::span<const Entry> entries, std::uint64_t last_seq, const Stamp& stamp,
                         std::string_view data) {
  const auto [first_time, last_time] = std::minmax_element(
      entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.time < b.time; });
  const std::string topics = codec_.encode_topics(entries);
  insert_block_.bind(1, stored(entries.front().seq))
      .bind(2, stored(last_seq))
      .bind(3, stored(entries.size()))
      .bind(4, first_time->time)
      .bind(5, last_time->time)
      .bind(6, stamp.log_ms)
      .bind(7, std::string_view(topics))
      .run();
  insert_body_.bind(1, stored(entries.front().seq)).bind(2, data).run();
  ++now_.written.blocks;
}

void Store::commit() {
  try {
    database_.run("COMMIT");
  } catch (...) {
    rollback();
    throw;
  }
  before_.reset();
  counters_.commits.add();
  counters_.stored_entries.add(now_.written.entries);
  counters_.blocks.add(now_.written.blocks);
  counters_.expired_blocks.add(now_.written.expired_blocks);
  counters_.database_bytes.set(bytes());
}

void Store::rollback() noexcept {
  if (before_) now_ = *std::exchange(before_, std::nullopt);
  if (!database_.in_transaction()) return;  // SQLite has done so already
  try {
    database_.run("ROLLBACK");
  } catch (const SqliteError&) {
    // What is left of it goes with the connection.
  }
}

// --- State and retention -------------------------------------------------------------------------------------------

/// The oldest block, where it is to go: never the only one.
std::optional<Store::Expiring> Store::expiring() {
  std::optional<Expiring> oldest;
  if (oldest_block_.step()) {
    oldest = {loaded(oldest_block_.number(0)), loaded(oldest_block_.number(1)), 0, 0};
    const std::int64_t age = log_ms() - oldest_block_.number(2);
    const std::uint64_t pages =
        loaded(database_.number("PRAGMA page_count") - database_.number("PRAGMA freelist_count"));
    const bool due = age > options_.keep_for.count() || pages * kPageBytes + kWriteAheadBytes > options_.keep_bytes;
    if (due && oldest_block_.step()) {
      oldest->next_first_seq = loaded(oldest_block_.number(0));
      oldest->next_first_time = oldest_block_.number(3);
    } else {
      oldest.reset();
    }
  }
  oldest_block_.reset();
  return oldest;
}

bool Store::wants_state() {
  if (now_.written.blocks == 0) return false;
  if (log_ms() - now_.state_log_ms >= std::chrono::milliseconds(kStateAge).count()) return true;
  const auto oldest = expiring();
  // More than the oldest may have to go at once: a state that covers half of what there is is enough for that.
  const std::uint64_t middle = now_.floor + (now_.last_seq - now_.floor) / 2;
  return oldest && now_.state_seq < std::max(oldest->last_seq, middle);
}

void Store::write_state(const std::function<bool(Chunk&)>& next, bool forgot_topics) {
  Statement insert(database_, "INSERT OR REPLACE INTO state VALUES (?, ?)");
  Chunk chunk;
  std::int64_t id = 0;
  while (next(chunk)) {
    const std::string data = codec_.encode(chunk.entries, {log_ms(), clock_.wall_ms()}, chunk.counts);
    insert.bind(1, ++id).bind(2, std::string_view(data)).run();
  }
  Statement others(database_, "DELETE FROM state WHERE id > ?");
  others.bind(1, id).run();
  now_.state_seq = now_.last_seq;
  now_.state_log_ms = log_ms();
  set_fact("state_seq", stored(now_.state_seq));
  set_fact("state_log_ms", now_.state_log_ms);
  set_fact("forgot_topics", forgot_topics ? 1 : 0);
}

void Store::expire() {
  if (now_.written.blocks == 0) return;
  for (int i = 0; i < kExpireAtOnce; ++i) {
    const auto oldest = expiring();
    if (!oldest || oldest->last_seq > now_.state_seq) break;
    delete_block_.bind(1, stored(oldest->first_seq)).run();
    delete_body_.bind(1, stored(oldest->first_seq)).run();
    now_.expired = oldest->last_seq;
    now_.floor = oldest->next_first_seq - 1;
    now_.oldest_time = oldest->next_first_time;
    ++now_.written.expired_blocks;
  }
  if (now_.written.expired_blocks != 0) set_fact("expired", stored(now_.expired));
}

std::int64_t Store::log_ms() const {
  return log_ms_at_open_ + std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - opened_at_).count();
}

std::uint64_t Store::bytes() const {
  std::uint64_t sum = 0;
  for (const char* tail : {"", "-wal"}) {
    std::error_code none;
    const auto size = std::filesystem::file_size(options_.path + tail, none);
    if (!none) sum += size;
  }
  return sum;
}

std::uint64_t Store::free_bytes() const {
  std::error_code none;
  const auto space = std::filesystem::space(options_.path, none);
  return none ? 0 : space.available;
}

}  // namespace fieldcast

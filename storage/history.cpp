#include "storage/history.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <deque>
#include <exception>
#include <list>
#include <optional>
#include <vector>

#include "gateway/entry_copies.hpp"
#include "storage/sqlite.hpp"
#include "storage/store.hpp"

namespace fieldcast {
namespace {

/// A row of the list of blocks, or a record of the tail.
struct Row {
  std::uint64_t first_seq = 0, last_seq = 0, entries = 0;
  std::int64_t last_time = 0;
};

// Blocks of which it was counted that they are damaged; a database with more has other troubles.
constexpr std::size_t kCountedDamage = 256;

}  // namespace

struct History::Decoded {
  std::uint64_t first_seq = 0, last_seq = 0;
  Chunk chunk;  // empty where it is damaged
};

struct History::Connection {
  explicit Connection(const std::string& path) : database(path, Database::Mode::existing) {
    database.run("PRAGMA query_only=1");
  }

  Database database;
  Statement holding{database,
                    "SELECT first_seq, last_seq, entries, last_time, topics FROM block WHERE first_seq <= ? "
                    "ORDER BY first_seq DESC LIMIT 1"};
  Statement behind{database,
                   "SELECT first_seq, last_seq, entries, last_time, topics FROM block WHERE first_seq > ? "
                   "ORDER BY first_seq LIMIT 1"};
  Statement body{database, "SELECT data FROM body WHERE first_seq = ?"};
  Statement tail{database, kTailRecords};
  BlockCodec codec;
  std::list<Decoded> blocks;  // the one used last comes first
  std::deque<Decoded> records;
  std::int64_t records_version = -1;  // of the database when they were read
};

/// One step: where it stands, and what it has found.
class History::Walk {
 public:
  Walk(Connection& connection, Counters& counters, std::vector<std::uint64_t>& counted, HistoryRead& read)
      : connection_(connection), counters_(counters), counted_(counted), read_(read), position_(read.reached) {}

  void run() {
    std::size_t blocks = 0;
    for (std::size_t rows = 0; rows < kHistoryRows && !ended_ && position_ < read_.until; ++rows) {
      const std::optional<Row> row = next_block();
      if (!row) {
        walk_tail();
        break;
      }
      if (!skip_hole(row->first_seq - 1)) break;
      if (can_pass_over(*row)) {
        position_ = std::min(row->last_seq, read_.until);
        continue;
      }
      if (++blocks > kHistoryBlocks) break;
      take(block(*row));
    }
  }

 private:
  bool seeking() const { return read_.since.has_value(); }

  /// The block that holds what comes behind the position, or else the next.
  std::optional<Row> next_block() {
    for (Statement* statement : {&connection_.holding, &connection_.behind}) {
      statement->bind(1, static_cast<std::int64_t>(position_ + 1));
      std::optional<Row> row;
      if (statement->step()) {
        row = Row{static_cast<std::uint64_t>(statement->number(0)), static_cast<std::uint64_t>(statement->number(1)),
                  static_cast<std::uint64_t>(statement->number(2)), statement->number(3)};
        topics_.assign(statement->blob(4));
      }
      statement->reset();
      if (row && row->last_seq > position_) return row;
    }
    return std::nullopt;
  }

  /// Nothing is known of (position, to]. False where the step ends before it, or with it.
  bool skip_hole(std::uint64_t to) {
    to = std::min(to, read_.until);
    if (to <= position_) return true;
    if (!seeking()) {
      ended_ = true;
      if (position_ > read_.after) return false;  // what is there comes first
      read_.lost = true;
    }
    position_ = to;
    return !ended_ && position_ < read_.until;
  }

  bool can_pass_over(const Row& row) {
    if (seeking()) return row.last_time < *read_.since;
    if (row.entries != row.last_seq - row.first_seq + 1) return false;  // a hole must be told
    bool links = false;
    if (!connection_.codec.decode_topics(topics_, names_, links) || links) return false;
    return std::none_of(names_.begin(), names_.end(),
                        [this](const std::string& name) { return read_.filters.matches(name); });
  }

  const Decoded& block(const Row& row) {
    auto& blocks = connection_.blocks;
    const auto known = std::find_if(blocks.begin(), blocks.end(), [&](const Decoded& decoded) {
      return decoded.first_seq == row.first_seq && decoded.last_seq == row.last_seq;
    });
    if (known != blocks.end()) {
      blocks.splice(blocks.begin(), blocks, known);
      return blocks.front();
    }
    if (blocks.size() == kDecodedBlocks) blocks.pop_back();
    Decoded& decoded = blocks.emplace_front();
    decoded.first_seq = row.first_seq;
    decoded.last_seq = row.last_seq;
    connection_.body.bind(1, static_cast<std::int64_t>(row.first_seq));
    std::string_view data;
    try {
      if (connection_.body.step()) data = connection_.body.blob(0);
    } catch (const SqliteError& error) {
      if ((error.code() & 0xFF) != SQLITE_CORRUPT) throw;  // SQLite's own checks found the damage; other blocks may do
    }
    decode(data, decoded);
    connection_.body.reset();
    return decoded;
  }

  void decode(std::string_view data, Decoded& decoded) {
    Stamp stamp;
    const auto& entries = decoded.chunk.entries;
    if (connection_.codec.decode(data, kMaxContent, decoded.chunk, stamp) && entries.front().seq >= decoded.first_seq &&
        entries.back().seq <= decoded.last_seq) {
      return;
    }
    decoded.chunk.entries.clear();
    if (std::find(counted_.begin(), counted_.end(), decoded.first_seq) != counted_.end()) return;
    if (counted_.size() < kCountedDamage) counted_.push_back(decoded.first_seq);
    counters_.damaged.add();
  }

  void walk_tail() {
    const std::int64_t version = connection_.database.number("PRAGMA data_version");
    if (version != connection_.records_version) {
      connection_.records.clear();
      read_tail(connection_.tail, [this](std::uint64_t first, std::uint64_t last, std::string_view data) {
        Decoded& decoded = connection_.records.emplace_back();
        decoded.first_seq = first;
        decoded.last_seq = last;
        decode(data, decoded);
      });
      connection_.records_version = version;
    }
    for (const Decoded& record : connection_.records) {
      if (ended_ || position_ >= read_.until) return;
      take(record);
    }
    if (!ended_) skip_hole(read_.until);
  }

  /// The entries behind the position; what is missing among them is a hole.
  void take(const Decoded& decoded) {
    const auto& entries = decoded.chunk.entries;
    auto entry = std::upper_bound(entries.begin(), entries.end(), position_,
                                  [](std::uint64_t position, const Entry& e) { return position < e.seq; });
    for (; entry != entries.end() && position_ < read_.until; ++entry) {
      if (!skip_hole(entry->seq - 1)) return;
      if (seeking() && entry->time >= *read_.since) read_.since.reset();
      if (!seeking() && (is_link(*entry) || read_.filters.matches(entry->topic)) && !copy(*entry)) return;
      position_ = entry->seq;
    }
    skip_hole(decoded.last_seq);
  }

  /// False where there is no room for it.
  bool copy(const Entry& entry) {
    Chunk& chunk = read_.chunk;
    if (!chunk.entries.empty() &&
        (chunk.entries.size() >= read_.max_entries || chunk.bytes.size() >= read_.max_bytes)) {
      ended_ = true;
      return false;
    }
    copy_entry(entry, chunk);
    return true;
  }

  Connection& connection_;
  Counters& counters_;
  std::vector<std::uint64_t>& counted_;
  HistoryRead& read_;
  std::uint64_t& position_;  // also where an error leaves the answer
  bool ended_ = false;
  std::string topics_;
  std::vector<std::string> names_;
};

History::History(std::string path, Counters& counters) : path_(std::move(path)), counters_(counters) {}

History::~History() = default;

void History::read(HistoryRead& read) noexcept {
  read.chunk.entries.clear();
  read.chunk.bytes.clear();
  read.lost = false;
  read.reached = read.after;
  try {
    if (!connection_) connection_ = std::make_unique<Connection>(path_);
    connection_->database.run("BEGIN");
    Walk walk(*connection_, counters_, counted_, read);
    walk.run();
    connection_->database.run("COMMIT");
    fault_.clear();
  } catch (const std::exception& error) {
    // Tried anew by the next read. What was found so far is good; what cannot be read is as good as lost.
    fault_ = error.what();
    connection_.reset();
    if (read.reached == read.after) {
      read.lost = true;
      read.reached = read.until;
    }
  }
  settle_strings(read.chunk);
}

}  // namespace fieldcast

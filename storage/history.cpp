#include "storage/history.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <deque>
#include <exception>
#include <iterator>
#include <list>
#include <optional>
#include <vector>

#include "gateway/cursor.hpp"
#include "gateway/entry_copies.hpp"
#include "storage/sqlite.hpp"
#include "storage/store.hpp"

namespace fieldcast {
namespace {

/// A row of the list of blocks, or a record of the tail.
struct Row {
  std::uint64_t first_seq = 0, last_seq = 0, entries = 0;
  std::int64_t first_time = 0, last_time = 0;
};

// Blocks of which it was counted that they are damaged; a database with more has other troubles.
constexpr std::size_t kCountedDamage = 256;

}  // namespace

struct History::Decoded {
  std::uint64_t first_seq = 0, last_seq = 0;
  Chunk chunk;  // empty where it is damaged

  std::size_t bytes() const { return chunk.bytes.size() + chunk.entries.size() * sizeof(Entry); }
};

struct History::Connection {
  explicit Connection(const std::string& path) : database(path, Database::Mode::existing) {
    database.run("PRAGMA query_only=1");
    database.run("PRAGMA cache_size=-512");  // KiB, of 2,000: what is read is rarely read again
  }

  Database database;
  Statement holding{
      database,
      "SELECT first_seq, last_seq, entries, first_time, last_time, topics FROM block WHERE first_seq <= ? "
      "ORDER BY first_seq DESC LIMIT 1"};
  Statement behind{database,
                   "SELECT first_seq, last_seq, entries, first_time, last_time, topics FROM block WHERE first_seq > ? "
                   "ORDER BY first_seq LIMIT 1"};
  Statement body{database, "SELECT data FROM body WHERE first_seq = ?"};
  Statement tail{database, kTailRecords};
  BlockCodec codec;
  std::list<Decoded> blocks;  // the one used last comes first
  std::deque<Decoded> records;
  std::int64_t records_version = -1;  // of the database when they were read
};

/// One step: where it stands, and what it has found. Ascending, all up to its position is done; descending, all behind
/// it. What is near and far is so as the walk comes to it.
class History::Walk {
 public:
  Walk(Connection& connection, Counters& counters, std::vector<std::uint64_t>& counted, HistoryRead& read)
      : connection_(connection), counters_(counters), counted_(counted), read_(read), position_(read.reached) {}

  void run() {
    std::size_t blocks = 0;
    if (!ascending() && is_behind_blocks()) walk_tail();
    for (std::size_t rows = 0; rows < kHistoryRows && !ended(); ++rows) {
      const std::optional<Row> row = next_block();
      if (!row) {
        if (ascending()) walk_tail();
        if (!ended()) skip_hole(ascending() ? read_.until : read_.after);
        break;
      }
      if (!skip_hole(near(row->first_seq, row->last_seq))) break;
      if (can_pass_over(*row)) {
        position_ = within(far(row->first_seq, row->last_seq));
        continue;
      }
      if (++blocks > kHistoryBlocks) break;
      take(block(*row));
    }
  }

 private:
  bool ascending() const { return read_.order == Order::ascending; }
  bool seeking() const { return read_.since.has_value(); }
  bool ended() const { return full_ || position_ == (ascending() ? read_.until : read_.after); }

  // Positions at both ends of the entries [first, last].
  std::uint64_t near(std::uint64_t first, std::uint64_t last) const { return ascending() ? first - 1 : last; }
  std::uint64_t far(std::uint64_t first, std::uint64_t last) const { return ascending() ? last : first - 1; }
  std::uint64_t within(std::uint64_t position) const { return std::clamp(position, read_.after, read_.until); }

  /// A row of the list of blocks; its topics are in topics_.
  std::optional<Row> find(Statement& statement, std::uint64_t seq) {
    std::optional<Row> row;
    statement.bind(1, static_cast<std::int64_t>(seq));
    if (statement.step()) {
      row = Row{static_cast<std::uint64_t>(statement.number(0)), static_cast<std::uint64_t>(statement.number(1)),
                static_cast<std::uint64_t>(statement.number(2)), statement.number(3), statement.number(4)};
      topics_.assign(statement.blob(5));
    }
    statement.reset();
    return row;
  }

  /// The block that holds the entry next to the position, or else the next on the way.
  std::optional<Row> next_block() {
    if (!ascending()) {
      const std::optional<Row> row = find(connection_.holding, position_);
      return row && row->first_seq - 1 < position_ ? row : std::nullopt;  // damaged, it may be zero or less
    }
    for (Statement* statement : {&connection_.holding, &connection_.behind}) {
      const std::optional<Row> row = find(*statement, position_ + 1);
      if (row && row->last_seq > position_) return row;
    }
    return std::nullopt;
  }

  bool is_behind_blocks() {
    const std::optional<Row> last = find(connection_.holding, kMaxSeq);
    return !last || position_ > last->last_seq;
  }

  /// Nothing is known of what lies between the position and `to`. False where the step ends before it, or with it.
  bool skip_hole(std::uint64_t to) {
    to = within(to);
    if (ascending() ? to <= position_ : to >= position_) return true;
    if (!seeking()) {
      full_ = true;
      if (position_ != (ascending() ? read_.after : read_.until)) return false;  // what is there comes first
      read_.lost = true;
    }
    position_ = to;
    return !ended();
  }

  bool can_pass_over(const Row& row) {
    if (seeking()) return row.last_time < *read_.since;
    if (row.entries != row.last_seq - row.first_seq + 1) return false;  // a hole must be told
    if (!read_.times.overlaps(row.first_time, row.last_time)) return true;
    bool links = false;
    if (!connection_.codec.decode_topics(topics_, names_, links) || (links && read_.links)) return false;
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
    std::size_t bytes = decoded.bytes();
    for (auto kept = std::next(blocks.begin()); kept != blocks.end();) {
      bytes += kept->bytes();
      kept = bytes > kDecodedBytes ? blocks.erase(kept) : std::next(kept);
    }
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
    const auto& records = connection_.records;
    if (ascending()) {
      for (auto record = records.begin(); record != records.end() && !ended(); ++record) take(*record);
    } else {
      for (auto record = records.rbegin(); record != records.rend() && !ended(); ++record) take(*record);
    }
  }

  /// The entries that lie on the way; what is missing among them is a hole.
  void take(const Decoded& decoded) {
    const auto& entries = decoded.chunk.entries;
    const auto behind = std::upper_bound(entries.begin(), entries.end(), position_,
                                         [](std::uint64_t position, const Entry& e) { return position < e.seq; });
    if (ascending()) {
      for (auto entry = behind; entry != entries.end() && !ended(); ++entry) take(*entry);
    } else {
      for (auto entry = std::reverse_iterator(behind); entry != entries.rend() && !ended(); ++entry) take(*entry);
    }
    if (!ended()) skip_hole(far(decoded.first_seq, decoded.last_seq));
  }

  void take(const Entry& entry) {
    if (!skip_hole(near(entry.seq, entry.seq))) return;
    if (seeking() && entry.time >= *read_.since) read_.since.reset();
    if (!seeking() && wanted(entry) && !copy(entry)) return;
    position_ = far(entry.seq, entry.seq);
  }

  bool wanted(const Entry& entry) const {
    if (!read_.times.holds(entry.time)) return false;
    return is_link(entry) ? read_.links : read_.filters.matches(entry.topic);
  }

  /// False where there is no room for it.
  bool copy(const Entry& entry) {
    Chunk& chunk = read_.chunk;
    if (!chunk.entries.empty() &&
        (chunk.entries.size() >= read_.max_entries || chunk.bytes.size() >= read_.max_bytes)) {
      full_ = true;
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
  bool full_ = false;        // nothing more goes into the answer
  std::string topics_;
  std::vector<std::string> names_;
};

History::History(std::string path, Counters& counters) : path_(std::move(path)), counters_(counters) {}

History::~History() = default;

void History::read(HistoryRead& read) noexcept {
  read.chunk.entries.clear();
  read.chunk.bytes.clear();
  read.lost = false;
  const bool ascending = read.order == Order::ascending;
  const std::uint64_t begin = ascending ? read.after : read.until;
  read.reached = begin;
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
    if (read.reached == begin) {
      read.lost = true;
      read.reached = ascending ? read.until : read.after;
    }
  }
  settle_strings(read.chunk);
}

}  // namespace fieldcast

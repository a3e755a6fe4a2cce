#include "storage/archive.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <set>
#include <tuple>
#include <utility>

#include "gateway/cursor.hpp"
#include "storage/schema.hpp"
#include "storage/store.hpp"

namespace fieldcast {
namespace {

// Instructions of SQLite between two calls of a progress function: some hundredths of a second.
constexpr int kProgressSteps = 100'000;

/// A gateway came or went, and the file is to be opened in another way.
struct Changed {};

bool is_corrupt(const SqliteError& error) {
  const int code = error.code() & 0xFF;
  // A cut file ends within a page.
  return code == SQLITE_CORRUPT || code == SQLITE_NOTADB || error.code() == SQLITE_IOERR_SHORT_READ;
}

std::uint64_t unsigned_number(const Statement& statement, int column) {
  return static_cast<std::uint64_t>(statement.number(column));
}

/// What `read` gives, or nothing where the pages that it needs are damaged.
template <class Read>
auto unless_damaged(Statement& statement, Read read) -> std::optional<decltype(read())> {
  try {
    auto value = read();
    statement.reset();
    return value;
  } catch (const SqliteError& error) {
    statement.reset();
    if (!is_corrupt(error)) throw;
    return std::nullopt;
  }
}

/// One of the two tables that blocks are found by.
struct KeyTable {
  KeyTable(Database& database, const std::string& name)
      : next(database, ("SELECT first_seq FROM " + name + " WHERE first_seq > ? ORDER BY first_seq LIMIT 1").c_str()),
        backwards(database,
                  ("SELECT first_seq FROM " + name + " WHERE first_seq > ? ORDER BY first_seq DESC").c_str()) {}

  /// The next key behind `position`. Where the pages on the way are damaged, the rest of the keys is collected from the
  /// other end once.
  std::optional<std::uint64_t> behind(std::uint64_t position) {
    if (!damaged) {
      const auto found = unless_damaged(next, [&]() -> std::optional<std::uint64_t> {
        next.bind(1, static_cast<std::int64_t>(position));
        if (!next.step()) return std::nullopt;
        return unsigned_number(next, 0);
      });
      // In damaged pages keys may be out of order.
      if (found && found->value_or(kMaxSeq) > position) return *found;
      damaged = true;
      unless_damaged(backwards, [&] {
        backwards.bind(1, static_cast<std::int64_t>(position));
        while (backwards.step()) rest.push_back(unsigned_number(backwards, 0));
        return true;
      });
    }
    while (!rest.empty() && rest.back() <= position) rest.pop_back();
    if (rest.empty()) return std::nullopt;
    return rest.back();
  }

  Statement next, backwards;
  bool damaged = false;
  std::vector<std::uint64_t> rest;  // the largest first
};

}  // namespace

struct Archive::Connection {
  explicit Connection(const std::string& path) : database(open_to_read(path, mode)) {}

  Database::Mode mode = Database::Mode::file_alone;  // before the database, which sets it
  Database database;
  KeyTable blocks{database, "block"}, bodies{database, "body"};
  Statement holding{database,
                    "SELECT first_seq, last_seq FROM block WHERE first_seq <= ? ORDER BY first_seq DESC LIMIT 1"};
  Statement row{database, "SELECT last_seq, entries, first_time, last_time, topics FROM block WHERE first_seq = ?"};
  Statement body{database, "SELECT data FROM body WHERE first_seq = ?"};
  Statement part{database, "SELECT first_seq, last_seq, part, parts, data FROM tail WHERE slot = ?"};
  Statement expired{database, "SELECT value FROM fact WHERE name = 'expired'"};
  Statement clean_end{database,
                      "SELECT last_seq FROM epoch WHERE last_seq IS NOT NULL AND place = "
                      "(SELECT max(place) FROM epoch)"};
  bool tail_damaged = false;

  /// A number in the first row of a statement without parameters; 0 where there is none.
  static std::uint64_t number(Statement& statement) {
    return unless_damaged(statement, [&] { return statement.step() ? unsigned_number(statement, 0) : 0; }).value_or(0);
  }
  bool damaged() const { return blocks.damaged || bodies.damaged || tail_damaged; }
};

/// One row of the tail.
struct Archive::Part {
  std::uint64_t first_seq, last_seq;
  std::int64_t part, parts;
  std::string data;
};

Archive::Archive(std::string path) : path_(std::move(path)), connection_(std::make_unique<Connection>(path_)) {}

Archive::~Archive() = default;

Archive::Summary Archive::summary() {
  Summary summary;
  Database& database = connection_->database;
  const auto number = [&](const char* sql) {
    Statement statement(database, sql);
    return Connection::number(statement);
  };
  database.run("BEGIN");
  const std::uint64_t last_block = number("SELECT max(last_seq) FROM block");
  summary.end.last_seq = std::max(last_block, number("SELECT max(last_seq) FROM tail"));
  const std::uint64_t first_block = number("SELECT min(first_seq) FROM block");
  const std::uint64_t first = first_block != 0 ? first_block : number("SELECT min(first_seq) FROM tail");
  summary.floor = std::max<std::uint64_t>(first, 1) - 1;
  summary.blocks = number("SELECT count(*) FROM block");
  summary.several_brokers = number("SELECT count(DISTINCT broker) FROM subscription") > 1;
  Statement epochs(database, "SELECT tag, last_seq, last_seq IS NULL FROM epoch ORDER BY place");
  unless_damaged(epochs, [&] {
    while (epochs.step()) {
      summary.end.clean = epochs.number(2) == 0;
      summary.end.epochs.push_back(
          {unsigned_number(epochs, 0), summary.end.clean ? unsigned_number(epochs, 1) : summary.end.last_seq});
    }
    return true;
  });
  database.run("ROLLBACK");
  return summary;
}

// --- The walk ------------------------------------------------------------------------------------------------------

bool Archive::step(std::uint64_t& position, const Walk& walk) {
  try {
    connection_->database.run("BEGIN");  // so that a block's row and body are of one moment
    if (position == 0) position = Connection::number(connection_->expired);
    const auto key = next_key(position);
    const bool more = key ? step_block(*key, position, walk) : step_tail(position, walk);
    connection_->database.run("ROLLBACK");  // a COMMIT fails once damage was met
    return more;
  } catch (const Changed&) {
  } catch (const SqliteError&) {
    if (connection_->mode == mode_to_read(path_)) throw;
  }
  connection_ = std::make_unique<Connection>(path_);
  return true;
}

void Archive::report(Finding finding, const Walk& walk) {
  // What is read while others write, and nobody knew, looks damaged.
  if (connection_->mode != mode_to_read(path_)) throw Changed{};
  walk.found(finding);
}

/// The block that goes on behind the position, or the next one.
std::optional<std::uint64_t> Archive::next_key(std::uint64_t position) {
  Statement& holding = connection_->holding;
  const auto held = unless_damaged(holding, [&]() -> std::uint64_t {
    holding.bind(1, static_cast<std::int64_t>(position + 1));
    return holding.step() && unsigned_number(holding, 1) > position ? unsigned_number(holding, 0) : 0;
  });
  if (position != 0 && held.value_or(0) != 0) {
    const auto next = key_behind(*held);
    if (!next || *next > position + 1) return *held;  // else its row tells of more than there is
  }
  return key_behind(position);
}

std::optional<std::uint64_t> Archive::key_behind(std::uint64_t position) {
  const auto block = connection_->blocks.behind(position), body = connection_->bodies.behind(position);
  return block && body ? std::min(*block, *body) : std::max(block, body);
}

std::optional<BlockRow> Archive::row(std::uint64_t first_seq) {
  Statement& row = connection_->row;
  const auto found = unless_damaged(row, [&]() -> std::optional<BlockRow> {
    row.bind(1, static_cast<std::int64_t>(first_seq));
    if (!row.step()) return std::nullopt;
    return BlockRow{first_seq,     unsigned_number(row, 0), unsigned_number(row, 1),
                    row.number(2), row.number(3),           std::string(row.blob(4))};
  });
  // One that is not so is damaged.
  if (!found || !*found || (*found)->last_seq < first_seq || (*found)->last_seq > kMaxSeq) return std::nullopt;
  return *found;
}

bool Archive::step_block(std::uint64_t first_seq, std::uint64_t& position, const Walk& walk) {
  const auto next = key_behind(first_seq);
  const auto before_next = [&](std::uint64_t seq) { return next ? std::min(seq, *next - 1) : seq; };
  const std::optional<BlockRow> listed = row(first_seq);
  const bool whole = listed && listed->entries == listed->last_seq - first_seq + 1;  // else a hole is to be told
  if (whole && first_seq > position && walk.passes_over && walk.passes_over(*listed)) {
    reach(first_seq, position, walk);
    position = before_next(listed->last_seq);
    return true;
  }

  Statement& body = connection_->body;
  const auto decoded = unless_damaged(body, [&] {
    body.bind(1, static_cast<std::int64_t>(first_seq));
    Stamp stamp;
    return codec_.decode(body.step() ? body.blob(0) : std::string_view(), kMaxContent, chunk_, stamp) &&
           chunk_.entries.front().seq == first_seq;
  });
  if (!decoded.value_or(false)) {
    const std::uint64_t last = listed ? before_next(listed->last_seq) : next ? *next - 1 : first_seq;
    if (first_seq > position) reach(first_seq, position, walk);
    report({Finding::What::block, position + 1, last, listed,
            decoded ? "its bytes do not fit their checksum" : "pages of the file that it is on are damaged"},
           walk);
    position = std::max(position, last);
    return true;
  }
  if (walk.thorough) compare(first_seq, listed, walk);
  take_entries(position, walk);
  // What was lost when the block was closed.
  if (listed && before_next(listed->last_seq) > position) reach(before_next(listed->last_seq) + 1, position, walk);
  return true;
}

bool Archive::step_tail(std::uint64_t& position, const Walk& walk) {
  std::vector<Part> parts;
  Statement& part = connection_->part;
  for (std::size_t slot = 0; slot < kTailSlots; ++slot) {
    const auto found = unless_damaged(part, [&] {
      part.bind(1, static_cast<std::int64_t>(slot));
      if (part.step() && unsigned_number(part, 0) > position) {
        parts.push_back({unsigned_number(part, 0), unsigned_number(part, 1), part.number(2), part.number(3),
                         std::string(part.blob(4))});
      }
      return true;
    });
    if (!found) connection_->tail_damaged = true;
  }
  std::sort(parts.begin(), parts.end(),
            [](const Part& a, const Part& b) { return std::tie(a.first_seq, a.part) < std::tie(b.first_seq, b.part); });
  const bool any = !parts.empty();
  for (auto first = parts.begin(); first != parts.end();) {
    const auto behind =
        std::find_if(first, parts.end(), [&](const Part& each) { return each.first_seq != first->first_seq; });
    std::string data;
    std::int64_t found = 0;
    for (auto each = first; each != behind; ++each) {
      if (each->part == found) ++found;
      data += each->data;
    }
    Stamp stamp;
    reach(first->first_seq, position, walk);
    if (found == first->parts && codec_.decode(data, kMaxContent, chunk_, stamp) &&
        chunk_.entries.front().seq == first->first_seq) {
      take_entries(position, walk);
    } else {
      const std::uint64_t most = behind == parts.end() ? kMaxSeq : behind->first_seq - 1;
      const std::uint64_t last = std::clamp(first->last_seq, first->first_seq, most);
      report({Finding::What::record, first->first_seq, last, std::nullopt,
              found == first->parts ? "its bytes do not fit their checksum" : "parts of it are missing"},
             walk);
      position = last;
    }
    first = behind;
  }
  if (any) return true;
  // A clean stop has left a mark where the log ends.
  if (const std::uint64_t end = Connection::number(connection_->clean_end); end > position) {
    reach(end + 1, position, walk);
  }
  return false;
}

/// Those of chunk_ that lie behind the position.
void Archive::take_entries(std::uint64_t& position, const Walk& walk) {
  const auto& entries = chunk_.entries;
  auto first = std::upper_bound(entries.begin(), entries.end(), position,
                                [](std::uint64_t seq, const Entry& entry) { return seq < entry.seq; });
  while (first != entries.end()) {
    reach(first->seq, position, walk);
    auto behind = first;
    while (behind != entries.end() && behind->seq == position + 1) {
      ++position;
      ++behind;
    }
    walk.take({first, behind});
    first = behind;
  }
}

/// The next entry is this one: what lies between is missing, unless it has expired meanwhile.
void Archive::reach(std::uint64_t seq, std::uint64_t& position, const Walk& walk) {
  if (seq <= position + 1) return;
  const bool damaged = connection_->damaged();
  if ((position != 0 || damaged) && seq - 1 > Connection::number(connection_->expired)) {
    report({damaged ? Finding::What::pages : Finding::What::hole, position + 1, seq - 1, std::nullopt, ""}, walk);
  }
  position = seq - 1;
}

void Archive::compare(std::uint64_t first_seq, const std::optional<BlockRow>& row, const Walk& walk) {
  const auto& entries = chunk_.entries;
  const auto report_row = [&](const std::string& detail) {
    report({Finding::What::row, first_seq, entries.back().seq, row, detail}, walk);
  };
  if (!row) return report_row("it is not there");
  const auto [first_time, last_time] = std::minmax_element(
      entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.time < b.time; });
  if (row->entries != entries.size() || row->last_seq < entries.back().seq) return report_row("its entries are others");
  if (row->first_time != first_time->time || row->last_time != last_time->time)
    return report_row("its times are others");
  std::vector<std::string> names;
  bool links = false;
  std::set<std::string_view> topics;
  for (const Entry& entry : entries) {
    if (!is_link(entry)) topics.insert(entry.topic);
  }
  const bool with_links = std::any_of(entries.begin(), entries.end(), [](const Entry& e) { return is_link(e); });
  if (!codec_.decode_topics(row->topics, names, links) || links != with_links ||
      std::set<std::string_view>(names.begin(), names.end()) != topics)
    report_row("its topics are others");
}

// --- The rest of the database --------------------------------------------------------------------------------------

Archive::State Archive::check_state(const std::function<void(const Finding&)>& found) {
  State state;
  Statement pieces(connection_->database, "SELECT id, data FROM state ORDER BY id");
  const auto read = unless_damaged(pieces, [&] {
    Chunk chunk;
    while (pieces.step()) {
      ++state.pieces;
      Stamp stamp;
      if (codec_.decode(pieces.blob(1), kMaxContent, chunk, stamp, BlockCodec::Counts::with)) {
        state.topics += static_cast<std::uint64_t>(
            std::count_if(chunk.entries.begin(), chunk.entries.end(), [](const Entry& e) { return !is_link(e); }));
      } else {
        const std::uint64_t id = unsigned_number(pieces, 0);
        found({Finding::What::state, id, id, std::nullopt, "its bytes do not fit their checksum"});
      }
    }
    return true;
  });
  if (!read) found({Finding::What::state, 0, 0, std::nullopt, "pages of the file that it is on are damaged"});
  return state;
}

std::vector<std::string> Archive::quick_check(int most, const std::function<void()>& progress) {
  std::vector<std::string> found;
  sqlite3* const handle = connection_->database.handle();
  const auto call = [](void* function) {
    (*static_cast<const std::function<void()>*>(function))();
    return 0;
  };
  sqlite3_progress_handler(handle, kProgressSteps, call, const_cast<std::function<void()>*>(&progress));
  try {
    Statement check(connection_->database, ("PRAGMA quick_check(" + std::to_string(most) + ")").c_str());
    while (check.step()) found.emplace_back(check.blob(0));
  } catch (const SqliteError& error) {
    found.emplace_back(error.what());
  }
  sqlite3_progress_handler(handle, 0, nullptr, nullptr);
  if (found.size() == 1 && found.front() == "ok") found.clear();
  return found;
}

}  // namespace fieldcast

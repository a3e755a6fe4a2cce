// Pages of history over any layout of blocks, records and memory, with holes, damage and times that jump, while the log
// goes on and its oldest blocks expire: every page is what a plain list of the log says.
#include <gtest/gtest.h>

#include <deque>
#include <random>

#include "tests/unit/gateway_history_page_fixture.hpp"
#include "tests/unit/storage_history_fixture.hpp"

namespace fieldcast {
namespace {

using test::Kept;

/// A log whose memory and floor the test sets, and whose disk is the test's database.
class LaidOutLog final : public Log {
 public:
  /// A chunk of memory holds `chunk_bytes`, or one entry.
  LaidOutLog(History& history, std::size_t chunk_bytes) : history_(history), chunk_bytes_(chunk_bytes) {}

  bool append(const NewEntry&) noexcept override { return false; }
  std::uint64_t tag() const noexcept override { return 1; }
  std::optional<std::uint64_t> end_of(std::uint64_t) const override { return head(); }
  std::uint64_t head() const noexcept override { return memory_floor + memory.size(); }
  std::uint64_t floor() const noexcept override { return disk_floor; }
  GapReason gone(std::uint64_t position) const noexcept override {
    return position < expired ? GapReason::expired : GapReason::storage;
  }
  std::uint64_t read(std::uint64_t after, std::uint64_t until, std::size_t, Chunk& chunk) const override {
    chunk = {};
    std::size_t bytes = 0;
    for (const Entry& entry : memory) {
      if (entry.seq <= after || entry.seq > until || (bytes >= chunk_bytes_ && bytes != 0)) continue;
      bytes += entry.topic.size() + entry.payload.size();
      chunk.entries.push_back(entry);  // their strings live as long as the test
    }
    return memory_floor;
  }
  std::uint64_t before(std::int64_t) const override { return disk_floor; }
  std::uint64_t latest(std::uint64_t, std::uint64_t until, const std::function<bool(std::string_view)>&, std::size_t,
                       std::size_t, Chunk&) const override {
    return until;
  }
  bool topics(std::string&, const FilterSet&, std::size_t, std::size_t, Chunk&) const override { return false; }
  std::optional<GapReason> latest_gap() const noexcept override { return std::nullopt; }
  bool names_brokers() const noexcept override { return true; }
  void links(Chunk& chunk) const override { chunk = {}; }
  void add_wakeup(Wakeup&) override {}
  void read_history(std::shared_ptr<HistoryRead> read, Wakeup&) override { reads_.push_back(std::move(read)); }

  bool disk_turn(test::PageShard& shard) {
    if (reads_.empty()) return false;
    history_.read(*reads_.front());
    reads_.front()->done = true;
    reads_.pop_front();
    shard.wake();
    return true;
  }

  std::uint64_t memory_floor = 0, disk_floor = 0, expired = 0;
  std::deque<Entry> memory;

 private:
  History& history_;
  const std::size_t chunk_bytes_;
  std::deque<std::shared_ptr<HistoryRead>> reads_;
};

class HistoryPagesTest : public test::HistoryTest {
 protected:
  /// A block or record, and what became of it.
  struct Piece {
    std::vector<Entry> entries;
    bool block = false, damaged = false, topics_known = true;

    std::uint64_t first() const { return entries.front().seq; }
    std::uint64_t last() const { return entries.back().seq; }
  };
  struct Expected {
    std::vector<Kept> readings;
    std::string gap;
    bool more = false;
    std::uint64_t next = 0;  // where more is: the seq of a reading, or of an entry that is missing
  };

  std::uint64_t pick(std::uint64_t below) { return random() % below; }
  bool chance(unsigned percent) { return pick(100) < percent; }

  Entry some_entry(std::uint64_t seq) {
    static const std::vector<std::string> kTopics{"a", "b", "a/1", "b/2"};
    time += static_cast<std::int64_t>(pick(20)) - (chance(4) ? 300 : 0);
    Entry entry = chance(8) ? link(seq) : reading(seq, kTopics[pick(kTopics.size())], std::string(pick(40), '1') + "2");
    entry.time = time;
    return entry;
  }

  void store(Piece piece) {
    if (piece.block) {
      store_block(piece.entries);
    } else {
      store_record(piece.entries, 1 + pick(300));
    }
    const std::string first = std::to_string(piece.first());
    if (piece.damaged && piece.block) damage_body(piece.first());
    if (piece.damaged && !piece.block) damage("tail", "data", "part = 0 AND first_seq = " + first);
    if (!piece.topics_known) damage("block", "topics", "first_seq = " + first);
    pieces.push_back(std::move(piece));
  }

  void lay_out() {
    clear();
    pieces.clear();
    hub.reset();
    log = std::make_unique<LaidOutLog>(*history, 1 + pick(2'000));
    std::uint64_t seq = pick(5), whole_from = seq;
    const std::uint64_t count = 1 + pick(12), blocks = pick(count + 1);
    for (std::uint64_t n = 0; n < count; ++n) {
      Piece piece;
      piece.block = n < blocks;
      piece.damaged = chance(15);
      piece.topics_known = !piece.block || !chance(15);
      if (chance(20)) whole_from = seq += 1 + pick(6);
      for (std::uint64_t left = 1 + pick(30); left != 0; --left) {
        if (chance(1) && !piece.entries.empty()) whole_from = ++seq;
        piece.entries.push_back(some_entry(++seq));
      }
      store(std::move(piece));
    }
    log->disk_floor = pieces.front().first() - 1;
    log->memory_floor = chance(70) ? whole_from + pick(seq - whole_from + 1) : seq + 1 + pick(5);
    for (const Piece& piece : pieces) {
      for (const Entry& entry : piece.entries) {
        if (entry.seq > log->memory_floor) log->memory.push_back(entry);
      }
    }
    go_on();
    hub = std::make_unique<Hub>(*log, clock, limits, counters, shard);
  }

  // What happens to the log between two pages.
  void go_on() {
    for (std::uint64_t left = pick(10); left != 0; --left) log->memory.push_back(some_entry(log->head() + 1));
  }
  void commit() {
    Piece piece;
    for (const Entry& entry : log->memory) {
      if (entry.seq > pieces.back().last()) piece.entries.push_back(entry);
    }
    if (!piece.entries.empty()) store(std::move(piece));
    for (std::uint64_t left = pick(log->memory.size() + 1); left != 0; --left) {
      log->memory.pop_front();
      ++log->memory_floor;
    }
  }
  void expire() {
    if (pieces.size() < 2 || !pieces.front().block || pieces[1].first() - 1 > log->memory_floor) return;
    const std::string where = " WHERE first_seq = " + std::to_string(pieces.front().first());
    change("DELETE FROM block" + where + "; DELETE FROM body" + where);
    log->expired = pieces.front().last();
    pieces.pop_front();
    log->disk_floor = pieces.front().first() - 1;
    ++expiries;
  }

  /// The entry, where it can be read. `told`: whether it is told that it cannot.
  const Entry* find(std::uint64_t seq, const HistoryPageRequest& request, bool& told) const {
    told = false;
    if (seq > log->memory_floor) return &log->memory[seq - log->memory_floor - 1];
    for (const Piece& piece : pieces) {
      if (seq > piece.last()) continue;
      if (seq < piece.first()) break;
      const auto entry =
          std::find_if(piece.entries.begin(), piece.entries.end(), [&](const Entry& e) { return e.seq == seq; });
      if (!piece.damaged && entry != piece.entries.end()) return &*entry;
      told = !passed_over(piece, request);
      return nullptr;
    }
    told = true;
    return nullptr;
  }

  /// Whether its row says that nothing in it can match.
  static bool passed_over(const Piece& piece, const HistoryPageRequest& request) {
    if (!piece.block || piece.last() - piece.first() + 1 != piece.entries.size()) return false;
    const auto any = [&](const auto& is) { return std::any_of(piece.entries.begin(), piece.entries.end(), is); };
    const bool some_late = any([&](const Entry& e) { return !request.start || e.time >= *request.start; });
    const bool some_early = any([&](const Entry& e) { return !request.end || e.time < *request.end; });
    if (!some_late || !some_early) return true;
    return piece.topics_known && !any([&](const Entry& e) { return !is_link(e) && request.filters.matches(e.topic); });
  }

  static bool wanted(const Entry& entry, const HistoryPageRequest& request) {
    return !is_link(entry) && request.filters.matches(entry.topic) &&
           (!request.start || entry.time >= *request.start) && (!request.end || entry.time < *request.end);
  }

  Expected expected(const HistoryPageRequest& request, std::uint64_t position) const {
    const bool up = request.order == Order::ascending;
    Expected page;
    std::size_t bytes = 0;
    bool seeking = request.from && request.from->kind == From::Kind::time;
    for (;;) {
      if (up ? position >= log->head() : position <= log->disk_floor) return page;
      const std::uint64_t seq = up ? position + 1 : position;
      bool told = false;
      const Entry* entry = seq <= log->disk_floor ? nullptr : find(seq, request, told);
      if (seq <= log->disk_floor || told) {
        if (!seeking && !page.readings.empty()) {
          page.more = true;
          page.next = seq;
          return page;
        }
        const GapReason reason = seq <= log->disk_floor ? log->gone(position) : GapReason::storage;
        if (!seeking && page.gap.empty()) page.gap = to_string(reason);
        // What is gone below the floor is one hole.
        if (seq <= log->disk_floor) {
          position = log->disk_floor;
          continue;
        }
      } else if (entry != nullptr) {
        if (seeking && entry->time >= request.from->time) seeking = false;
        if (!seeking && wanted(*entry, request)) {
          std::string json;
          append_entry(json, *entry, true);
          bytes += json.size() + (page.readings.empty() ? 0 : 1);
          if (!page.readings.empty() && (page.readings.size() == request.limit || bytes > limits.batch_bytes)) {
            page.more = true;
            page.next = seq;
            return page;
          }
          page.readings.emplace_back(*entry);
        }
      }
      position = up ? seq : seq - 1;
    }
  }

  void judge(const HistoryPageRequest& request, std::uint64_t position, const HistoryPage& page) {
    const bool up = request.order == Order::ascending;
    const Expected right = expected(request, position);
    ASSERT_EQ(test::kept(page.chunk.entries), right.readings);
    ASSERT_EQ(test::gap_of(page), right.gap);
    ASSERT_FALSE(page.gap && page.gap->missed);
    ASSERT_EQ(page.more, right.more);
    ASSERT_EQ(page.head, (Cursor{1, log->head(), std::nullopt}));
    const std::uint64_t cursor = page.cursor.seq;
    if (!page.more) {
      ASSERT_EQ(cursor, up ? log->head() : std::min(position, log->disk_floor));
    } else if (up) {
      ASSERT_GE(cursor, right.readings.back().entry.seq);
      ASSERT_LT(cursor, right.next);
    } else {
      ASSERT_LT(cursor, right.readings.back().entry.seq);
      ASSERT_GE(cursor, right.next);
    }
    readings += right.readings.size();
    gaps += right.gap.empty() ? 0 : 1;
    ++pages;
  }

  /// Page by page to the end.
  void walk(HistoryPageRequest request) {
    const bool up = request.order == Order::ascending;
    std::uint64_t position = up ? log->disk_floor : log->head();
    if (request.from && request.from->kind == From::Kind::cursor) position = request.from->cursor.seq;
    for (;;) {
      const auto page = test::read_page(
          *hub, shard, [this] { return log->disk_turn(shard); }, request);
      ASSERT_NE(page, nullptr);
      judge(request, position, *page);
      if (HasFatalFailure() || !page->more) return;
      position = page->cursor.seq;
      request.from = test::from_cursor(page->cursor);
      if (chance(20)) go_on();
      if (chance(10)) commit();
      if (chance(5)) expire();
    }
  }

  std::mt19937_64 random;
  std::int64_t time = 10'000;
  std::deque<Piece> pieces;
  std::size_t readings = 0, gaps = 0, pages = 0, expiries = 0;
  Limits limits;
  test::PageClock clock;
  test::PageShard shard;
  std::unique_ptr<LaidOutLog> log;
  std::unique_ptr<Hub> hub;
};

TEST_F(HistoryPagesTest, EveryPageAgreesWithAPlainList) {
  for (unsigned seed = 1; seed <= 60 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    random.seed(seed);
    lay_out();
    for (int run = 0; run < 12 && !HasFailure(); ++run) {
      static const std::vector<std::string> kFilters{"#", "a", "b/#", "+/1", "a/1", "z"};
      HistoryPageRequest request;
      request.filters = FilterSet({kFilters[pick(kFilters.size())], kFilters[pick(kFilters.size())]});
      request.order = chance(50) ? Order::ascending : Order::descending;
      request.limit = 1 + pick(chance(50) ? 5 : 200);
      limits.batch_bytes = chance(30) ? 100 + pick(500) : 100'000;
      if (chance(40)) request.start = time - static_cast<std::int64_t>(pick(3'000));
      if (chance(40)) request.end = time - static_cast<std::int64_t>(pick(2'000));
      if (chance(30)) {
        request.from = test::from_cursor({1, pick(log->head() + 1), std::nullopt});
      } else if (request.order == Order::ascending && chance(30)) {
        request.from = test::from_kind(From::Kind::time, time - static_cast<std::int64_t>(pick(3'000)));
      }
      walk(request);
    }
  }
  // The layouts reach what they are for.
  EXPECT_GT(readings, 20'000u);
  EXPECT_GT(pages, 5'000u);
  EXPECT_GT(gaps, 500u);
  EXPECT_GT(expiries, 50u);
}

}  // namespace
}  // namespace fieldcast

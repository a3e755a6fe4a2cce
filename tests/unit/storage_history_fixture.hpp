// A database of blocks and records as a test lays them out, a model of what can be read from it, and a history whose
// every answer is judged by that model.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/history.hpp"
#include "storage/schema.hpp"
#include "storage/store.hpp"
#include "tests/unit/storage_store_fixture.hpp"

namespace fieldcast::test {

class HistoryTest : public testing::Test {
 protected:
  struct Ask {
    std::uint64_t after = 0, until = 0;
    std::vector<std::string> filters{"#"};
    std::optional<std::int64_t> since{};
    Order order = Order::ascending;
    TimeRange times{};
    bool links = true;
    std::size_t max_entries = 10'000, max_bytes = 1u << 20;
  };
  using Seqs = std::vector<std::uint64_t>;
  /// A replay: what came, and the gaps in it as (after, reached], or descending (reached, until].
  struct Replay {
    Seqs seqs;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> lost;
    std::size_t steps = 0;
  };

  // --- The database

  std::string path() const { return (directory.path() / "fieldcast.db").string(); }
  Database& database() {
    if (!database_) {
      database_ = std::make_unique<Database>(open_database(path()));
      database_->run("PRAGMA synchronous=OFF");  // no power is cut here
    }
    return *database_;
  }

  /// Readings that no two are alike, of three brokers in turn.
  std::vector<Entry> readings(std::uint64_t first, std::uint64_t last, const std::string& topic = "a") {
    std::vector<Entry> entries;
    for (std::uint64_t seq = first; seq <= last; ++seq) {
      entries.push_back(strings_.add(seq, topic, std::to_string(seq), "broker-" + std::to_string(seq % 3)));
    }
    return entries;
  }
  Entry reading(std::uint64_t seq, const std::string& topic, const std::string& payload) {
    return strings_.add(seq, topic, payload);
  }
  Entry link(std::uint64_t seq) { return strings_.add_link(seq, "local"); }

  void store_block(const std::vector<Entry>& entries) {
    const auto [first, last] = std::minmax_element(entries.begin(), entries.end(),
                                                   [](const Entry& a, const Entry& b) { return a.time < b.time; });
    const std::string topics = codec.encode_topics(entries), data = codec.encode(entries, {});
    Statement insert(database(), "INSERT INTO block VALUES (?, ?, ?, ?, ?, 0, ?)");
    insert.bind(1, signed_seq(entries.front().seq)).bind(2, signed_seq(entries.back().seq));
    insert.bind(3, static_cast<std::int64_t>(entries.size())).bind(4, first->time).bind(5, last->time);
    insert.bind(6, std::string_view(topics)).run();
    Statement insert_body(database(), "INSERT INTO body VALUES (?, ?)");
    insert_body.bind(1, signed_seq(entries.front().seq)).bind(2, std::string_view(data)).run();
    keep(entries);
  }

  void store_record(const std::vector<Entry>& entries, std::size_t part_bytes = kPartBytes) {
    const std::string data = codec.encode(entries, {});
    const std::size_t parts = (data.size() + part_bytes - 1) / part_bytes;
    Statement insert(database(), "INSERT INTO tail VALUES (?, ?, ?, ?, ?, ?)");
    for (std::size_t part = 0; part < parts; ++part) {
      insert.bind(1, next_slot_++).bind(2, signed_seq(entries.front().seq)).bind(3, signed_seq(entries.back().seq));
      insert.bind(4, static_cast<std::int64_t>(part)).bind(5, static_cast<std::int64_t>(parts));
      insert.bind(6, std::string_view(data).substr(part * part_bytes, part_bytes)).run();
    }
    keep(entries);
  }

  void change(const std::string& sql) { database().run(sql.c_str()); }
  /// Another byte in the middle of the blob.
  void damage(const std::string& table, const std::string& column, const std::string& where) {
    const std::string half = "length(" + column + ") / 2";
    change("UPDATE " + table + " SET " + column + " = CAST(substr(" + column + ", 1, " + half +
           " - 1) || CASE substr(" + column + ", " + half + ", 1) WHEN x'00' THEN x'01' ELSE x'00' END || substr(" +
           column + ", " + half + " + 1) AS BLOB) WHERE " + where);
  }
  void damage_body(std::uint64_t first_seq) { damage("body", "data", "first_seq = " + std::to_string(first_seq)); }
  /// The database does not give it back any more.
  void lose(std::uint64_t first, std::uint64_t last) { there.erase(there.lower_bound(first), there.upper_bound(last)); }
  /// The same, but the list of blocks still tells its times, and its topics.
  void lose_body(const std::vector<Entry>& entries, bool topics_known = true) {
    const auto [first, last] = std::minmax_element(entries.begin(), entries.end(),
                                                   [](const Entry& a, const Entry& b) { return a.time < b.time; });
    for (const Entry& entry : entries) {
      listed_.insert_or_assign(entry.seq, Listed{Kept(entry), topics_known, first->time, last->time});
    }
    lose(entries.front().seq, entries.back().seq);
  }
  void clear() {
    change("DELETE FROM block; DELETE FROM body; DELETE FROM tail");
    there.clear();
    listed_.clear();
    reopen();
  }

  // --- The reader

  /// One step, judged.
  std::unique_ptr<HistoryRead> read(const Ask& ask) {
    auto step = std::make_unique<HistoryRead>();
    step->after = ask.after;
    step->until = ask.until;
    step->since = ask.since;
    step->order = ask.order;
    step->times = ask.times;
    step->links = ask.links;
    step->filters = FilterSet(ask.filters);
    step->max_entries = ask.max_entries;
    step->max_bytes = ask.max_bytes;
    // Whatever was there before.
    step->reached = 7;
    step->lost = true;
    step->chunk.bytes = "old";
    step->chunk.entries.resize(1);
    history->read(*step);
    judge(ask, *step);
    return step;
  }

  Replay replay(Ask ask) {
    Replay replay;
    while (ask.after < ask.until && !HasFatalFailure()) {
      const auto step = read(ask);
      ++replay.steps;
      for (const Entry& entry : step->chunk.entries) replay.seqs.push_back(entry.seq);
      const bool up = ask.order == Order::ascending;
      if (step->lost) replay.lost.emplace_back(up ? ask.after : step->reached, up ? step->reached : ask.until);
      ask.since = step->since;
      (up ? ask.after : ask.until) = step->reached;
    }
    return replay;
  }

  void reopen() { history = std::make_unique<History>(path(), counters); }

  TempDir directory;
  Counters counters;
  BlockCodec codec;
  std::map<std::uint64_t, Kept> there;  // what can be read
  bool all_damage_known = true;         // else what is there may be lost all the same
  std::unique_ptr<History> history = std::make_unique<History>(path(), counters);

 private:
  static std::int64_t signed_seq(std::uint64_t seq) { return static_cast<std::int64_t>(seq); }

  void keep(const std::vector<Entry>& entries) {
    for (const Entry& entry : entries) there.insert_or_assign(entry.seq, Kept(entry));
  }

  /// A lost entry whose block is still listed.
  struct Listed {
    Kept kept;
    bool topics_known;
    std::int64_t first_time, last_time;  // of the block

    bool may_be_passed_over(const Ask& ask) const {
      return (topics_known && !named(kept, ask)) || !ask.times.overlaps(first_time, last_time);
    }
  };

  static bool named(const Kept& kept, const Ask& ask) {
    return is_link(kept.entry) ? ask.links : FilterSet(ask.filters).matches(kept.topic);
  }
  static bool wanted(const Kept& kept, const Ask& ask) {
    const std::int64_t time = kept.entry.time;
    const bool in_range = (!ask.times.start || time >= *ask.times.start) && (!ask.times.end || time < *ask.times.end);
    return in_range && named(kept, ask);
  }

  void judge(const Ask& ask, const HistoryRead& step) {
    const bool up = ask.order == Order::ascending;
    ASSERT_GE(step.reached, up ? ask.after + 1 : ask.after);
    ASSERT_LE(step.reached, up ? ask.until : ask.until - 1);
    std::uint64_t from = up ? ask.after : step.reached;
    const std::uint64_t to = up ? step.reached : ask.until;
    const auto& entries = step.chunk.entries;
    if (step.lost) {
      EXPECT_TRUE(entries.empty());
      if (!all_damage_known) return;
      EXPECT_FALSE(ask.since) << "what is passed over is not lost";
      const auto next = there.upper_bound(from);
      ASSERT_TRUE(next == there.end() || next->first > to) << next->first << " is there";
      return;
    }
    if (ask.since) {
      auto first = there.upper_bound(ask.after);
      while (first != there.end() && first->second.entry.time < *ask.since) ++first;
      const bool met = first != there.end() && first->first <= step.reached;
      ASSERT_TRUE(!all_damage_known || step.since.has_value() != met);
      from = step.since ? step.reached : first->first - 1;
    }
    std::vector<Kept> expected;
    for (std::uint64_t seq = from + 1; seq <= to; ++seq) {
      if (const auto listed = listed_.find(seq); listed != listed_.end()) {
        ASSERT_TRUE(listed->second.may_be_passed_over(ask)) << seq << " cannot be read, and that was not told";
        continue;
      }
      const auto entry = there.find(seq);
      ASSERT_NE(entry, there.end()) << seq << " is missing, and that was not told";
      if (wanted(entry->second, ask)) expected.push_back(entry->second);
    }
    if (!up) std::reverse(expected.begin(), expected.end());
    ASSERT_EQ(std::vector<Kept>(entries.begin(), entries.end()), expected) << from << " to " << to;
    ASSERT_LE(entries.size(), std::max<std::size_t>(1, ask.max_entries));
    std::size_t bytes = 0;
    for (const Entry& entry : entries) {
      ASSERT_TRUE(bytes == 0 || bytes < ask.max_bytes);
      bytes += entry.broker.size() + entry.topic.size() + entry.payload.size();
    }
  }

  std::unique_ptr<Database> database_;
  Entries strings_;
  std::int64_t next_slot_ = 1;
  std::map<std::uint64_t, Listed> listed_;
};

}  // namespace fieldcast::test

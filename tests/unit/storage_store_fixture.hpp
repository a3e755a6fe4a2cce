// A store over files of a test's own, entries that own their strings, and a clock that stands until the test moves it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "storage/store.hpp"
#include "tests/support/temp_dir.hpp"

namespace fieldcast::test {

class HandClock final : public Clock {
 public:
  std::int64_t wall_ms() const noexcept override { return wall; }
  Instant now() const noexcept override { return steady; }
  void pass(std::chrono::milliseconds time) {
    steady += time;
    wall += time.count();
  }

  std::int64_t wall = 1'764'000'000'000;
  Instant steady{0};
};

/// What a database must give back of an entry.
struct Kept {
  explicit Kept(const Entry& e) : broker(e.broker), topic(e.topic), payload(e.payload), entry(e) {}
  auto facts() const {
    return std::tuple(entry.seq, entry.time, entry.kind, entry.retained, entry.redelivered, entry.session_resumed,
                      entry.state, entry.size, std::string_view(broker), std::string_view(topic),
                      std::string_view(payload));
  }
  bool operator==(const Kept& other) const { return facts() == other.facts(); }
  friend void PrintTo(const Kept& kept, std::ostream* out) {
    *out << kept.entry.seq << ' ' << kept.broker << ' ' << kept.topic << " (" << kept.payload.size() << " bytes)";
  }

  std::string broker, topic, payload;
  Entry entry;  // without its strings
};
inline std::vector<Kept> kept(std::span<const Entry> entries) {
  return {entries.begin(), entries.end()};
}

/// Entries in log order, and their strings.
class Entries {
 public:
  Entry& add(std::uint64_t seq, std::string topic, std::string payload, std::string broker = "local") {
    Entry entry;
    entry.broker = strings_.emplace_back(std::move(broker));
    entry.kind = Kind::json;
    entry.seq = seq;
    entry.time = 1'764'000'000'000 + static_cast<std::int64_t>(seq);
    entry.topic = strings_.emplace_back(std::move(topic));
    entry.payload = strings_.emplace_back(std::move(payload));
    return entries_.emplace_back(entry);
  }
  Entry& add_link(std::uint64_t seq, std::string broker) {
    Entry& link = add(seq, "", "hall", std::move(broker));
    link.kind = Kind::link;
    return link;
  }
  std::span<const Entry> all() const { return entries_; }

 private:
  std::deque<std::string> strings_;
  std::vector<Entry> entries_;
};

inline std::string random_bytes(std::mt19937_64& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

class StoreTest : public testing::Test {
 protected:
  std::string path() const { return (directory.path() / "fieldcast.db").string(); }

  Store& open() {
    store.reset();
    options.path = path();
    store = std::make_unique<Store>(options, clock, counters);
    return *store;
  }

  /// One commit, as the log does it.
  void commit(std::span<const Entry> entries) {
    store->begin();
    store->add(entries);
    note(entries);
    if (store->wants_state()) {
      ++states;
      bool given = false;
      store->write_state([&](Chunk& chunk) { return !std::exchange(given, true) && fill_state(chunk); }, false);
    }
    store->expire();
    store->commit();
  }

  /// One reading with the next seq in a commit of its own.
  void commit_reading(const std::string& topic, const std::string& payload = "1") {
    Entries entries;
    entries.add(store->last_seq() + 1, topic, payload);
    commit(entries.all());
  }

  std::vector<Kept> loaded() {
    std::vector<Kept> loaded;
    store->load([&](const Chunk& chunk) {
      for (const Entry& entry : chunk.entries) loaded.emplace_back(entry);
    });
    return loaded;
  }

  /// Counted on from the state, by topic and by broker, as the log does it.
  std::map<std::string, std::uint64_t> loaded_counts() {
    std::map<std::string, std::uint64_t> found;
    store->load([&](const Chunk& chunk) {
      for (std::size_t i = 0; i < chunk.entries.size(); ++i) {
        std::uint64_t& count = found[key(chunk.entries[i])];
        count = chunk.counts.empty() ? count + 1 : chunk.counts[i];
      }
    });
    return found;
  }

  /// Asks the file itself.
  std::int64_t number(const char* sql) const { return Database(path(), Database::Mode::existing).number(sql); }
  void change(const char* sql) const { Database(path(), Database::Mode::existing).run(sql); }

  TempDir directory;
  HandClock clock;
  Counters counters;
  Store::Options options{"", std::chrono::hours(24 * 365), std::uint64_t{1} << 40};
  std::unique_ptr<Store> store;
  std::map<std::string, Kept> latest;           // of each topic and each broker
  std::map<std::string, std::uint64_t> counts;  // of their entries
  int states = 0;                               // written

 private:
  static std::string key(const Entry& entry) { return std::string(is_link(entry) ? entry.broker : entry.topic); }

  void note(std::span<const Entry> entries) {
    for (const Entry& entry : entries) {
      latest.insert_or_assign(key(entry), Kept(entry));
      ++counts[key(entry)];
    }
  }

  bool fill_state(Chunk& chunk) {
    chunk.clear();
    for (const auto& [topic, kept] : latest) {
      Entry& entry = chunk.entries.emplace_back(kept.entry);
      entry.broker = kept.broker;
      entry.topic = kept.topic;
      entry.payload = kept.payload;
    }
    std::sort(chunk.entries.begin(), chunk.entries.end(), [](const Entry& a, const Entry& b) { return a.seq < b.seq; });
    for (const Entry& entry : chunk.entries) chunk.counts.push_back(counts.at(key(entry)));
    return !chunk.entries.empty();
  }
};

}  // namespace fieldcast::test

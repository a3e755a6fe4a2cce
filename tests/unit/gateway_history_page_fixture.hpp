// Pages of history over a log: asked for and read turn by turn, the disk's turns between the hub's. One thread.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/history_page.hpp"
#include "gateway/hub.hpp"
#include "storage/durable_log.hpp"
#include "tests/unit/reached.hpp"
#include "tests/unit/test_log.hpp"

namespace fieldcast::test {

struct PageClock final : Clock {
  std::int64_t wall_ms() const noexcept override { return wall; }
  Instant now() const noexcept override { return steady; }
  std::int64_t wall = 1'764'000'000'000;
  Instant steady{0};
};

struct PageShard final : Wakeup {
  void wake() noexcept override { woken = true; }
  bool woken = false;
};

struct PageAsker final : HistoryPageOwner {
  void on_page_ready() override { ++told; }
  int told = 0;
};

using Seqs = std::vector<std::uint64_t>;

inline Seqs seqs_of(const HistoryPage& page) {
  Seqs seqs;
  for (const Entry& entry : page.chunk.entries) seqs.push_back(entry.seq);
  return seqs;
}

/// Of a page's gap, "" where it has none.
inline std::string gap_of(const HistoryPage& page) {
  return page.gap ? std::string(to_string(page.gap->reason)) : "";
}

inline From from_cursor(const Cursor& cursor) {
  From from;
  from.kind = From::Kind::cursor;
  from.cursor = cursor;
  return from;
}

inline From from_kind(From::Kind kind, std::int64_t time = 0) {
  From from;
  from.kind = kind;
  from.time = time;
  return from;
}

/// Reads one page, with turns of the disk and the hub until it is there; null where it does not come.
inline std::unique_ptr<HistoryPage> read_page(Hub& hub, PageShard& shard, const std::function<bool()>& disk_turn,
                                              HistoryPageRequest request) {
  PageAsker asker;
  HistoryPageReader reader(hub, asker, std::move(request));
  auto page = reader.take();
  EXPECT_EQ(asker.told, 0) << "the page was taken at once, or is on its way";
  const bool at_once = page != nullptr;
  for (bool going = true; !page && going;) {
    going = disk_turn();
    while (std::exchange(shard.woken, false)) {
      hub.run();
      going = true;
    }
    EXPECT_LE(asker.told, 1);
    if (asker.told == 0) {
      EXPECT_EQ(reader.take(), nullptr) << "it was not told";
    } else {
      page = reader.take();
    }
  }
  EXPECT_NE(page, nullptr);
  EXPECT_EQ(asker.told, at_once ? 0 : 1);
  EXPECT_EQ(reader.take(), nullptr) << "once";
  return page;
}

/// Both ends are in.
inline Seqs downwards(std::uint64_t from, std::uint64_t to) {
  Seqs seqs;
  for (std::uint64_t seq = from; seq >= to; --seq) seqs.push_back(seq);
  return seqs;
}
inline Seqs upwards(std::uint64_t from, std::uint64_t to) {
  Seqs seqs = downwards(to, from);
  std::reverse(seqs.begin(), seqs.end());
  return seqs;
}

/// The program's log without threads, and its hub; they can be closed and opened again.
class HistoryPageTest : public testing::Test {
 protected:
  static constexpr Order kUp = Order::ascending, kDown = Order::descending;

  HistoryPageTest() { limits.payload = 50'000; }

  void open() {
    options.memory_bytes = 1u << 20;
    log = std::make_unique<DurableLog>(clock, limits, files.in(options), counters);
    log->add_wakeup(shard);
    hub = std::make_unique<Hub>(*log, clock, limits, counters, shard);
  }
  void close() {
    hub.reset();
    log.reset();
  }

  std::uint64_t append(const std::string& topic, const std::string& payload = "1", Kind kind = Kind::json) {
    NewEntry entry;
    entry.kind = kind;
    entry.topic = topic;
    entry.payload = payload;
    if (kind == Kind::omitted) entry.size = 1'000'000;
    log->append(entry);
    return log->head();
  }
  std::uint64_t append_at(std::int64_t time, const std::string& topic = "a") {
    clock.wall = time;
    return append(topic);
  }
  void append_link() {
    NewEntry entry;
    entry.kind = Kind::link;
    entry.broker = "local";
    entry.payload = "hall";
    log->append(entry);
  }

  std::unique_ptr<HistoryPage> page(HistoryPageRequest request) {
    EXPECT_EQ(fault(request), std::nullopt);
    return read(std::move(request));
  }
  std::unique_ptr<HistoryPage> read(HistoryPageRequest request) {
    return read_page(
        *hub, shard, [this] { return log->history_turn(); }, std::move(request));
  }
  std::unique_ptr<HistoryPage> page(Order order, std::size_t limit = kPageEntries, const std::string& filter = "#",
                                    std::optional<From> from = std::nullopt) {
    return page({FilterSet({filter}), from, {}, {}, limit, order});
  }
  /// All pages, one behind the other, and the gaps between them.
  Seqs walk(HistoryPageRequest request, std::vector<std::string>* gaps = nullptr) {
    Seqs all;
    for (;;) {
      const auto next = page(request);
      if (!next) return all;
      for (const std::uint64_t seq : seqs_of(*next)) all.push_back(seq);
      if (next->gap && gaps != nullptr) gaps->push_back(gap_of(*next));
      EXPECT_TRUE(!next->more || next->gap || !next->chunk.entries.empty()) << "no page is for nothing";
      if (!next->more || HasFailure()) return all;
      request.from = from_cursor(next->cursor);
    }
  }
  Cursor at(std::uint64_t seq) const { return {log->tag(), seq, std::nullopt}; }

  LogFiles files;
  PageClock clock;
  Limits limits;
  Counters counters;
  DurableLog::Options options;
  PageShard shard;
  std::unique_ptr<DurableLog> log;
  std::unique_ptr<Hub> hub;
};

}  // namespace fieldcast::test

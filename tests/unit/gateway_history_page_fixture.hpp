// Pages of history over a log: asked for and read turn by turn, the disk's turns between the hub's. One thread.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/history_page.hpp"
#include "gateway/hub.hpp"

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

}  // namespace fieldcast::test

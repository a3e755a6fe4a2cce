// The database as a tool sees it: opened so that nothing is made or changed, and walked once from its oldest entry to
// its newest, whatever is damaged on the way. A gateway may write it meanwhile.
//
// Each block is found by two tables, the list of blocks and the bodies, each of which tells where the next one is where
// the other cannot. A body is whole by itself; so what the list says of it is only needed to pass it over.
//
// Every function may throw SqliteError where the file cannot be read at all. One thread. Owned by the tool.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gateway/log.hpp"
#include "storage/block.hpp"
#include "storage/epoch.hpp"
#include "storage/sqlite.hpp"

namespace fieldcast {

/// What the list of blocks says of one.
struct BlockRow {
  std::uint64_t first_seq = 0, last_seq = 0, entries = 0;
  std::int64_t first_time = 0, last_time = 0;
  std::string topics;  // BlockCodec::decode_topics
};

/// What the walk could not read, or found wrong.
struct Finding {
  enum class What {
    block,   // damaged, with all its entries
    record,  // of the tail, the same
    pages,   // damaged pages of the file, and what was on them
    hole,    // entries are missing between others, and nothing is damaged: they were lost before they were on disk
    row,     // the list of blocks says other than the block, which is whole
    state,   // a piece of the latest readings: no reading of the log
  };
  What what = What::hole;
  std::uint64_t first_seq = 0, last_seq = 0;  // positions; of a piece of the state its number; 0: not known
  std::optional<BlockRow> row;                // where it is known
  std::string detail;                         // one line; may be empty
};
/// Whether entries of the log are missing.
inline bool is_loss(Finding::What what) {
  return what != Finding::What::row && what != Finding::What::state;
}

class Archive {
 public:
  explicit Archive(std::string path);
  ~Archive();

  const std::string& path() const { return path_; }

  /// Of what is in it now.
  struct Summary {
    DatabaseEnd end;
    std::uint64_t floor = 0;  // the position before the oldest entry
    std::uint64_t blocks = 0;
    bool several_brokers =
        false;  // the gateway that wrote it last had more than one: its readings say of which they are
  };
  Summary summary();

  struct Walk {
    std::function<bool(const BlockRow&)> passes_over;  // its entries need not come; may be empty
    std::function<void(std::span<const Entry>)> take;  // in order; the strings live as long as the call
    std::function<void(const Finding&)> found;
    bool thorough = false;  // holds each row of the list against its block
  };
  /// One block, or all of the tail, behind the position, which goes forward; false where there is nothing more.
  bool step(std::uint64_t& position, const Walk& walk);

  /// Decodes all pieces of the state, and tells how many there are and how many topics are in them.
  struct State {
    std::uint64_t pieces = 0, topics = 0;
  };
  State check_state(const std::function<void(const Finding&)>& found);

  /// SQLite's own check of the file (PRAGMA quick_check): what it finds wrong, one line each, at most `most`.
  /// `progress` is called now and then.
  std::vector<std::string> quick_check(int most, const std::function<void()>& progress);

 private:
  struct Connection;
  struct Part;

  void report(Finding finding, const Walk& walk);
  std::optional<std::uint64_t> next_key(std::uint64_t position);
  std::optional<std::uint64_t> key_behind(std::uint64_t position);
  std::optional<BlockRow> row(std::uint64_t first_seq);
  bool step_block(std::uint64_t first_seq, std::uint64_t& position, const Walk& walk);
  bool step_tail(std::uint64_t& position, const Walk& walk);
  void take_entries(std::uint64_t& position, const Walk& walk);
  void reach(std::uint64_t seq, std::uint64_t& position, const Walk& walk);
  void compare(std::uint64_t first_seq, const std::optional<BlockRow>& row, const Walk& walk);

  const std::string path_;
  std::unique_ptr<Connection> connection_;
  BlockCodec codec_;
  Chunk chunk_;
};

}  // namespace fieldcast

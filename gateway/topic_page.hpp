// One page of the list of topics, by the bytes of their names: of each its count and its latest reading.
//
//   after ──► step, step, … ──► `limit` topics, limits.batch_bytes of them, or the end
//
// However many topics there are, each step looks at few of them under the log's lock, and each turn of the shard takes
// few steps.
//
// Belongs to one session, on its shard's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "gateway/cursor.hpp"
#include "gateway/encoding.hpp"
#include "gateway/limits.hpp"
#include "gateway/log_reader.hpp"
#include "gateway/topic_filter.hpp"

namespace fieldcast {

class Hub;

struct TopicPageRequest {
  FilterSet filters;                 // empty: all topics, those that begin with `$` too
  std::string after;                 // only names behind this one; empty: from the first on
  std::size_t limit = kPageEntries;  // 1 to kMaxPageEntries topics
};

/// Told, on the shard's thread, that a page is there. May destroy its reader.
class TopicPageOwner {
 public:
  virtual void on_page_ready() = 0;

 protected:
  ~TopicPageOwner() = default;
};

/// Makes one page, pulled like a stream. Whoever destroys it before is told nothing any more.
class TopicPageReader final : public LogReader {
 public:
  /// Takes the page's cursor, the head as it is now, before it looks at any topic: from there a stream joins without a
  /// seam. Hub and owner outlive the reader.
  TopicPageReader(Hub& hub, TopicPageOwner& owner, TopicPageRequest request);
  ~TopicPageReader() override;

  /// The page as JSON (encode_topics), once; null while topics are still to be looked at: then the owner is told once
  /// when it is there.
  std::shared_ptr<const std::string> take();

 private:
  void on_turn() override;
  // All that it reads is in memory.
  std::shared_ptr<HistoryRead> history_read() const override { return nullptr; }
  void take_history(HistoryRead&) override {}

  void go_on();
  bool add(const Entry& latest, std::uint64_t count);
  void note_gap();
  void finish(bool more);

  Hub& hub_;
  TopicPageOwner& owner_;
  const TopicPageRequest request_;
  Cursor cursor_;
  std::string after_;  // looked at up to this name
  std::string topics_;
  std::size_t count_ = 0;  // in topics_
  std::optional<Gap> gap_;
  std::shared_ptr<const std::string> page_;
};

}  // namespace fieldcast

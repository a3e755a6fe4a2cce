// One client's stream: a cursor that is either in a snapshot, replaying the log, or live on its view's
// ring. The change-over from stored to live readings happens here and nowhere else, for every transport
// and for clients that were too slow for the ring.
//
//   begin ──► snapshot ──► replay ──► live        live ──► replay   where the ring no longer has its next batch
//                                                      or a gap     where the client lags more than limits.client_lag
//
// A replay reads the log's memory at once, and what is on disk only, one step at a time, through the hub.
//
// Belongs to one session, on its shard's thread. Pulled, never pushed: the session asks for the next
// batch when its socket has room, so a client that does not read costs a cursor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "gateway/batch.hpp"
#include "gateway/counters.hpp"
#include "gateway/encoding.hpp"
#include "gateway/from.hpp"
#include "gateway/limits.hpp"
#include "gateway/log.hpp"
#include "gateway/log_reader.hpp"
#include "gateway/result.hpp"
#include "gateway/topic_filter.hpp"
#include "gateway/view.hpp"

namespace fieldcast {

class Hub;

/// Told, on the shard's thread, that a stream that had nothing more has something now. May destroy the stream.
class StreamOwner {
 public:
  virtual void on_stream_ready() = 0;

 protected:
  ~StreamOwner() = default;
};

class Stream final : public LogReader {
 public:
  struct Options {
    Transport transport = Transport::websocket;
    std::size_t page_entries = kPageEntries;  // entries of one batch at most
    bool joined =
        false;  // a poll: one batch holds all there is up to page_entries, and a cursor waits for something to come
  };

  /// A stream without filters: empty batches only. Hub and owner outlive it.
  Stream(Hub& hub, StreamOwner& owner, Options options);
  ~Stream() override;

  /// Begins with these filters (not empty), once. With `answer_id` (JSON) an answer `subscribed` follows when
  /// all that `from` asks for, up to the head as it is now, was taken. `too_many` where no view is left.
  std::optional<Problem> begin(const FilterSet& filters, const From& from, std::optional<std::string> answer_id);

  /// Adds filters behind all that the present ones match up to now. On a stream that has none this begins
  /// anew with any `from`; else only `now` and `latest` (`bad_from`). `too_many`: kPendingChanges, filters or views.
  std::optional<Problem> subscribe(std::string answer_id, const FilterSet& filters, const From& from);
  std::optional<Problem> unsubscribe(std::string answer_id, const FilterSet& filters);

  /// The next batch or answer (an answer has no cursor), or null: then the owner is told once when to ask again.
  std::shared_ptr<const Batch> next();

  /// Whether stored readings are on their way: a null from next() does not mean that there is nothing.
  bool busy() const { return mode_ == Mode::snapshot || mode_ == Mode::replay; }

  /// Whether the client is to be disconnected, since it was too slow (limits.slow_client): a null from next() was the
  /// last one then.
  bool too_slow() const { return mode_ == Mode::too_slow; }
  static Problem slow_problem();

  /// What there is at the present position, empty if need be: for a heartbeat, a timeout or a good-bye.
  std::shared_ptr<const Batch> heartbeat();

 private:
  enum class Mode : std::uint8_t { idle, snapshot, replay, live, too_slow };

  using HeldFilters = std::shared_ptr<const FilterSet>;  // see Hub::hold()

  /// A change of filters, which waits until everything up to `head` was delivered.
  struct Change {
    const char* answer_type;
    std::string answer_id;
    View* view = nullptr;         // of the stream's filters afterwards; null where there are none
    HeldFilters snapshot_of{};    // not null: first the latest readings of these
    std::optional<From> begin{};  // the stream has no filters by then, and begins anew from here
    std::uint64_t head = 0;
    Matched before{}, after{};  // by the former view and by `view`, up to `head`
  };

  void start(const From& from);
  void start_behind(const Cursor& cursor);
  void start_since(std::int64_t time);
  void start_at(std::uint64_t position);
  void start_snapshot(HeldFilters of, std::uint64_t place, std::uint64_t head);
  void state_missing_topics();
  void state_gap(GapReason reason, std::optional<std::uint64_t> missed = std::nullopt);
  const FilterSet& filters() const;
  const FilterSet& filters_after_changes() const;
  std::optional<Problem> add_change(Change change, const FilterSet& filters);
  bool change_due() const;
  std::shared_ptr<const Batch> apply_change();
  bool read_snapshot();
  bool read_log();
  bool read_disk(std::uint64_t target);
  void on_turn() override { owner_.on_stream_ready(); }
  std::shared_ptr<HistoryRead> history_read() const override;
  void take_history(HistoryRead& read) override;
  bool passes_over(const Entry& entry);
  bool lags(std::uint64_t seq) const;
  void give_up();
  std::shared_ptr<const Batch> next_live();
  bool add_to_page(const Entry& entry);
  std::shared_ptr<const Batch> seal_page();

  Hub& hub_;
  StreamOwner& owner_;
  const Options options_;
  View* view_ = nullptr;  // null where there are no filters
  Mode mode_ = Mode::idle;
  bool must_send_ = true;  // a batch is due, empty if need be
  bool reading_ = false;   // it is waiting for an answer from disk
  bool page_due_ = false;  // the answer says that page_ is to be sent
  // Up to position_ everything was delivered; what was found in (position_, scanned_] is in page_. Both are
  // positions of the log, or while in a snapshot places in it: the seq of a topic's latest reading.
  std::uint64_t position_ = 0;
  std::uint64_t scanned_ = 0;
  BatchBuilder page_;
  std::size_t counted_ = 0;            // of page_, among the pages of the shard
  std::uint64_t memory_floor_ = 0;     // of the log, as it was when it was last looked at
  std::uint64_t read_until_ = 0;       // while reading_
  std::optional<std::int64_t> since_;  // what is older than this comes not, up to the first reading that is not
  std::uint64_t since_until_ = 0;      // and not behind this, the head when the stream began
  std::uint64_t number_ = 0;           // live: of the view's next batch
  bool caught_up_ = false;             // it was live once; before that it is never slow
  std::optional<Matched> matched_;     // by view_, up to position_; empty where that is not known
  HeldFilters snapshot_of_;            // in a snapshot; null: of the stream's own filters
  std::uint64_t snapshot_head_ = 0;    // in a snapshot: the head at which it began
  bool topics_missing_ = false;        // in a snapshot: that it may be incomplete was said
  std::deque<Change> changes_;
};

}  // namespace fieldcast

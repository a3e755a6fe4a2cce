// The log: crash journal and ring in memory (Journal), the latest readings, and the database behind them (Store,
// History).
//
//   append ──► Journal, LatestReadings ──► the streams          Paho's thread; any thread reads
//                 │ once a commit interval
//                 └──► Store ──► SQLite ──► History ──► streams that replay
//                    store thread             reader thread
//
// A disk that is away stops neither the first line nor reading from memory: the store thread tries on, and what the
// journal cannot hold meanwhile is lost with a `storage` gap.
//
// Any thread. One mutex guards journal, latest readings and epochs; it is held for moments and never while the disk
// works. Owned by the app; outlives brokers and hubs, but its threads stop before those are gone.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "gateway/clock.hpp"
#include "gateway/counters.hpp"
#include "gateway/event.hpp"
#include "gateway/limits.hpp"
#include "gateway/log.hpp"
#include "gateway/log_figures.hpp"
#include "storage/disk_watch.hpp"
#include "storage/epoch.hpp"
#include "storage/file_lock.hpp"
#include "storage/history.hpp"
#include "storage/journal.hpp"
#include "storage/latest_readings.hpp"
#include "storage/recent_packets.hpp"
#include "storage/store.hpp"

namespace fieldcast {

/// What /readyz and the metrics tell of the disk.
struct StorageState {
  bool up = false;
  std::int64_t since = 0;  // Unix ms of the last change
  std::string detail;      // why it is away, one line; empty where it is up
  bool hangs = false;      // it has not answered for kHangTime: away without an error
  Instant waiting{0};      // how long it has not answered; 0 while nothing is asked of it
};

class DurableLog : public Log {
 public:
  struct Options {
    std::string path;                                  // of the database
    std::string journal;                               // directory of the journal
    std::size_t memory_bytes = 16u << 20;              // of the journal; at least Journal::smallest()
    std::size_t memory_entries = 100'000;              // kept in memory, of those that are on disk too
    std::chrono::milliseconds commit_interval{1'000};  // 0: each append waits for the disk, kSyncPatience at most
    std::chrono::milliseconds keep_for{std::chrono::hours{7 * 24}};
    std::uint64_t keep_bytes = 1u << 30;
    std::string gateway;  // this gateway's name, in link entries
    struct Broker {
      std::string name;
      std::vector<std::string> topics;    // filters that it is asked for
      std::size_t receive_maximum = 500;  // of its connection
    };
    std::vector<Broker> brokers;  // those of the configuration, by different names
    // Told of each change, by the thread that finds it; a disk that hangs is found by who asks state().
    std::function<void(const StorageState&)> on_change;
  };

  /// Joins journal and database, opens an epoch, and writes `down` for each broker whose last entry is `up`; brokers
  /// that are not configured any more are forgotten then. A database that is away is told by state() and tried again;
  /// throws std::runtime_error with one clear line only where the journal cannot be had. Clock, limits and counters
  /// outlive the log.
  DurableLog(const Clock& clock, const Limits& limits, Options options, Counters& counters);
  ~DurableLog() override;

  /// Starts the threads; without them the two functions below are for the caller to call.
  void start();
  /// Writes what is in memory, leaves the mark of a clean stop and ends the threads: a `patience` at most, after
  /// which it returns false, with a thread that hangs in the disk: then the process must end without destructors.
  /// Nothing is appended and no history asked for any more.
  bool stop(std::chrono::milliseconds patience);

  /// One turn of the store thread: opens the database if it is away, commits what waits.
  void store_turn();
  /// One turn of the reader thread: answers one read that waits; false where there was none.
  bool history_turn();
  /// The end of a clean stop, on the store thread: the last commit, the state, and the mark.
  void finish();

  /// As it is now, whatever a thread waits for.
  StorageState state() const;
  /// Any thread; never waits for the disk.
  LogFigures figures() const;
  /// Tells on_change of a disk that hangs, and of one that answers again. To be called now and then, by one thread that
  /// does not wait for the disk.
  void look();
  /// What an operator should know of this start, a line each.
  struct Warning {
    Event event;
    std::string text;
  };
  const std::vector<Warning>& warnings() const { return warnings_; }
  /// True where nothing was kept when it began: no topic's latest reading is known.
  bool began_empty() const { return began_empty_; }

  /// Topic filters that this broker was asked for by former configurations, and is not any more: its session may still
  /// have them. At most kFormerTopics.
  std::vector<std::string> former_topics(const std::string& broker) const;

  bool append(const NewEntry& entry) noexcept override;
  std::uint64_t tag() const noexcept override { return tag_; }
  std::optional<std::uint64_t> end_of(std::uint64_t tag) const override;
  std::uint64_t head() const noexcept override { return head_.load(std::memory_order_acquire); }
  std::uint64_t floor() const noexcept override;
  GapReason gone(std::uint64_t position) const noexcept override;
  std::uint64_t read(std::uint64_t after, std::uint64_t until, std::size_t max_bytes, Chunk& chunk) const override;
  std::uint64_t before(std::int64_t time) const override;
  std::uint64_t latest(std::uint64_t after, std::uint64_t until, const std::function<bool(std::string_view)>& wanted,
                       std::size_t max_entries, std::size_t max_bytes, Chunk& chunk) const override;
  bool topics(std::string& after, const FilterSet& filters, std::size_t max_entries, std::size_t max_bytes,
              Chunk& chunk) const override;
  std::optional<GapReason> latest_gap() const noexcept override;
  bool names_brokers() const noexcept override { return options_.brokers.size() > 1; }
  void links(Chunk& chunk) const override;
  void add_wakeup(Wakeup& wakeup) override;
  void read_history(std::shared_ptr<HistoryRead> read, Wakeup& asker) override;

 private:
  struct Link {
    std::string broker, gateway;
    Entry entry;  // its strings are those above
  };
  struct Asked {
    std::shared_ptr<HistoryRead> read;
    Wakeup* asker;
  };

  // At the start.
  void join_database();
  void load_journal();
  void write_first_links();
  void forget_former_links();
  void write_down(const std::string& broker);

  // The store thread, or whoever stands for it.
  void run_store(std::stop_token stop) noexcept;
  void open_store();
  void adopt_store();
  void load_store();
  void load_former(LatestReadings& former);
  void remember_subscriptions();
  void commit();
  void write_state();
  bool next_state_piece(Chunk& chunk, std::uint64_t& after) const;
  void note_disk();
  void set_state(bool up, const std::string& detail);
  void note_read_fault(const std::string& fault);

  void run_reader(std::stop_token stop) noexcept;
  void note_thread_end() noexcept;

  // With the mutex held.
  void note_link(const Entry& link);
  void note_packet(const Entry& entry);
  RecentPackets* packets_of(std::string_view broker);
  bool is_repeat(const NewEntry& entry) const;
  bool is_again(Entry& entry);
  bool holds(std::uint64_t seq, const NewEntry& entry);
  bool must_commit_early() const;
  StorageState state_with_reads() const;
  Instant disk_waiting() const;
  std::uint64_t floor_now() const;

  void wait_for_disk(std::uint64_t seq) noexcept;

  const Clock& clock_;
  const Limits& limits_;
  const Options options_;
  Counters& counters_;
  std::uint64_t tag_;
  bool began_empty_ = false;
  std::vector<Warning> warnings_;
  std::vector<Wakeup*> wakeups_;
  std::atomic<std::uint64_t> head_{0};
  std::atomic<std::uint64_t> expired_{0};

  mutable std::mutex mutex_;  // all up to the next blank line
  std::condition_variable_any changed_;
  Journal journal_;
  Chunk one_;  // one entry of it
  LatestReadings latest_;
  // Of each broker of the configuration, and of no other.
  std::map<std::string, RecentPackets, std::less<>> packets_;
  std::map<std::string, Link, std::less<>> links_;         // the last of each broker
  std::multimap<std::string, std::string> former_topics_;  // by broker
  std::vector<PastEpoch> epochs_;                          // without the one being written
  std::uint64_t disk_floor_;                               // of what is on disk; no position where there is nothing
  bool loaded_ = false;                                    // the latest readings of the database
  bool disk_was_there_ = false;                            // with entries from before this start
  Instant waiting_since_{};                                // the oldest entry that is not on disk
  Instant committed_at_{};                                 // the end of the last commit
  std::size_t waiting_bytes_ = 0;
  std::int64_t disk_oldest_ = 0;  // Unix ms; 0 where there is nothing on disk
  std::int64_t last_commit_ = 0;  // Unix ms
  std::chrono::microseconds last_commit_time_{};
  std::uint64_t free_bytes_ = 0;
  StorageState state_;      // of writing
  std::string read_fault_;  // why the last read from disk failed; empty where it did not
  bool syncing_ = false;    // appends wait for the disk where they are to
  int running_ = 0;         // threads

  DiskWatch storing_, reading_;  // a step of the store thread, of the reader thread

  // The store thread's.
  std::optional<FileLock> lock_;  // of the database; empty until it can be had
  std::unique_ptr<Store> store_;  // null while the database is away
  std::uint64_t first_seq_ = 0;   // of the epoch being written
  Chunk chunk_;

  mutable std::mutex reads_mutex_;
  std::condition_variable_any asked_;
  std::deque<Asked> reads_;  // one a stream at most, and each shard has few at once

  // The reader thread's.
  History history_;

  bool told_of_hang_ = false;  // look()'s

  std::jthread store_thread_, reader_thread_;
};

// With commit_interval = 0 an append waits so long for the disk; then the disk counts as away, and appends wait no more
// until it is back.
inline constexpr std::chrono::milliseconds kSyncPatience{1'000};
// The floor of a disk that holds nothing.
inline constexpr std::uint64_t kNowhere = std::numeric_limits<std::uint64_t>::max();
inline constexpr std::size_t kFormerTopics = 256;  // as many as mqtt.topics may have
// A database that is away is tried again so often.
inline constexpr std::chrono::milliseconds kStoreRetry{1'000};

}  // namespace fieldcast

// Every bound of the gateway's domain. The struct holds those that an operator turns (keys of [limits]
// and [storage]); the constants below it are those that nobody should need to, each with its reason.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace fieldcast {

/// What becomes of a client that lags more than `client_lag`: one `slow` gap, from which it goes on at the head; or the
/// end of its connection, whose cursor stays good.
enum class SlowClient : std::uint8_t { gap, disconnect };

struct Limits {
  std::size_t payload = 256 * 1024;              // bytes; a longer one is kept as `omitted`
  std::size_t batch_bytes = 256 * 1024;          // of readings in one batch; also the largest step of a replay
  std::size_t topics = 100'000;                  // latest readings remembered
  std::size_t latest_bytes = 64u << 20;          // what those may take together
  std::size_t filters = 64;                      // topic filters of one stream
  std::size_t views = 10'000;                    // distinct filter sets at once
  std::size_t view_bytes = 8u << 20;             // encoded entries kept in memory, all views together
  std::size_t connections = 10'000;              // sockets of clients
  std::chrono::milliseconds client_lag{60'000};  // how long a reading may wait for a client that takes none
  SlowClient slow_client = SlowClient::gap;
};

// A page of a replay holds as many entries as a poll takes by default, so that the same cursor and
// filters give the same bytes on every transport.
inline constexpr std::size_t kPageEntries = 500;
// The most entries one poll may ask for: enough to fetch a ring in few steps, small enough for a phone.
inline constexpr std::size_t kMaxPageEntries = 10'000;
// Levels of a topic filter: each costs a node in every shard's filter tree.
inline constexpr std::size_t kFilterLevels = 64;
// All filters of one stream together: each view keeps its own copy.
inline constexpr std::size_t kStreamFilterBytes = 128 * 1024;
// Subscriptions of one WebSocket that wait for their turn: a client that pipelines more is not waiting for answers.
inline constexpr std::size_t kPendingChanges = 64;
// A command as JSON: a request's body, or a WebSocket message. Its payload may be as long as limits.payload by default,
// in base64 or with every character escaped by two; the rest is for the longest topic and the other members.
inline constexpr std::size_t kPublishBytes = 2 * 256 * 1024 + 128 * 1024;
// Commands of one client that wait for their broker: one that sends more does not wait for its answers.
inline constexpr std::size_t kPendingPublishes = 64;
// Commands of one shard that wait for their brokers, all clients together, and what they may take in memory: a broker
// answers in milliseconds, so that more wait only where it does not. Each wake-up looks at all of them.
inline constexpr std::size_t kShardPublishes = 1'000;
inline constexpr std::size_t kShardPublishBytes = 8u << 20;
// A view without clients is kept this long, since polls come back: twice the longest poll.
inline constexpr std::chrono::seconds kViewKept{120};
// Topics looked at under the log's lock in one step of a snapshot: the broker's thread waits meanwhile.
inline constexpr std::size_t kSnapshotScan = 512;
// What is copied out of the log in one step: some hundred readings, so that the sockets of a shard and the
// broker's thread, which waits for the log meanwhile, get their turn in between.
inline constexpr std::size_t kReadBytes = 64 * 1024;
// Chunks of the log that one stream reads before others have their turn.
inline constexpr std::size_t kChunksPerTurn = 4;
// Streams and pages of history that read the log in one turn of a shard; the others wait for the next, so that what is
// live is not late because many catch up.
inline constexpr std::size_t kReadersPerTurn = 2;
// What one step of a replay from disk brings at most: a batch of the usual size.
inline constexpr std::size_t kHistoryBytes = 256 * 1024;
// Steps from disk that one shard has under way; the streams behind them wait for their turn. Bounds what the answers
// take, 1 MiB, and keeps the reader thread busy.
inline constexpr std::size_t kHistoryReads = 4;
// A poll whose time is up waits so much longer for a read that is under way, so that it brings its client further on.
inline constexpr std::chrono::seconds kReadPatience{5};
// How long a reading has waited is known as exactly as this part of `client_lag`: so many marks a shard keeps.
inline constexpr int kLagMarks = 240;
// Every deadline of a connection (heartbeat, ping, head, stall) is looked at this often: four times in the
// shortest heartbeat.
inline constexpr std::chrono::milliseconds kTick{250};

}  // namespace fieldcast

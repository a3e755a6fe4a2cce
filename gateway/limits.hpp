// Every bound on what clients, publishers and brokers can make the gateway hold, or wait for. The struct has those that
// an operator turns (keys of [limits]); the constants below it are those that nobody should need to, each with its
// reason. gateway/limit.hpp has the names of those that can be reached. Pure values, any thread. C++17 can read it too.
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
  std::size_t connections_per_address = 0;       // of those, from one address; 0: as many as there may be
  std::size_t polls = 5'000;                     // that wait at once
  std::chrono::milliseconds client_lag{60'000};  // how long a reading may wait for a client that takes none
  SlowClient slow_client = SlowClient::gap;
};

// ---- Connections -----------------------------------------------------------------------------------------

// Sockets over limits.connections that are told so, at once; more are closed without a word. They serve health
// checks and metrics too, which must work when the gateway is full.
inline constexpr std::size_t kExtraConnections = 64;
// A connection that was answered, and has no request, is closed after this: above the 60 s that proxies keep theirs for
// reuse. After kRequestTime where half of limits.connections are open: new clients may need its place.
inline constexpr std::chrono::seconds kIdleTime{75};
// From the first byte of a request to the end of its head and body: a slow radio link needs a second. A new connection
// has so much too until its first request begins, a TLS handshake included.
inline constexpr std::chrono::seconds kRequestTime{10};
// At a stop a client that has just connected has so long for its first request: it is answered, and not cut off.
inline constexpr std::chrono::milliseconds kFirstRequestTime{1'000};
// How long, and for how many bytes, a closed connection waits for its client's end: a reset would reach a client
// that is still sending before the answer does.
inline constexpr std::chrono::seconds kLingerTime{2};
// What was refused without its body being read is a command of kPublishBytes at most, by a client that means well.
inline constexpr std::size_t kLingerBytes = 1u << 20;
// What the kernel keeps of what a client was not sent yet (TCP_NOTSENT_LOWAT). Without it Linux lets the buffer of a
// client that does not read grow to 4 MiB; with it, 0.2 MiB were measured. The socket can be written again when half of
// it is gone. Costs some wake-ups: a body of 512 MiB over loopback came at 3.1 GB/s instead of 3.7.
inline constexpr int kUnsentBytes = 128 * 1024;
// What may be handed to a socket while earlier bytes still wait. A session sends batches only when all is in the
// socket, so this is for pongs, answers and a good-bye; one that is over it does not read at all.
inline constexpr std::size_t kBehindBytes = 512 * 1024;
// Every deadline of a connection (heartbeat, ping, head, stall) is looked at this often: four times in the
// shortest heartbeat.
inline constexpr std::chrono::milliseconds kTick{250};

// ---- Requests --------------------------------------------------------------------------------------------

// Request line and fields together, in bytes: 64 topic filters of ordinary length in a URL fit, and it is what
// one connection may make us keep.
inline constexpr std::size_t kHeadBytes = 16 * 1024;
// Fields of one head: browsers send about 20, proxies add a few.
inline constexpr std::size_t kHeadFields = 100;
// Heads of a shard's clients together that are not complete, or wait behind an answer: a head comes in one piece where
// its client does not dawdle, and then is not kept.
inline constexpr std::size_t kHeadsBytes = 4u << 20;
// Parameters of one query: above any sensible `limits.filters`, below what costs time to look through.
inline constexpr std::size_t kParameters = 1024;
// A longer body that is thrown away is refused with 413: clients that send one by habit send a few bytes.
inline constexpr std::size_t kBodyBytes = 16 * 1024;
// A command as JSON: a request's body, or a WebSocket message. Its payload may be as long as limits.payload by default,
// in base64 or with every character escaped by two; the rest is for the longest topic and the other members.
inline constexpr std::size_t kPublishBytes = 2 * 256 * 1024 + 128 * 1024;
// Bodies that the connections of a shard read together, by their announced lengths (kPublishBytes where there is none):
// each is read in one go, so that more of them only come where clients send slowly.
inline constexpr std::size_t kBodiesBytes = 16u << 20;

// ---- WebSockets ------------------------------------------------------------------------------------------

// The longest message taken from a client, fragments together: a command, as over HTTP. So there is room for a
// subscription, too, with its kStreamFilterBytes of topic filters and JSON's quotes and escapes.
inline constexpr std::size_t kMessageBytes = kPublishBytes;
// What the connections of a shard hold together of messages that are not complete. One that came whole is never among
// them, so that more is held only where clients send slowly.
inline constexpr std::size_t kMessagesBytes = 16u << 20;
// From the first byte of a message, or of a control frame, to its last: as much as a request has.
inline constexpr std::chrono::seconds kMessageTime = kRequestTime;
// The longest `id`, as JSON: it waits with each pending subscription and comes back in the answer.
inline constexpr std::size_t kIdBytes = 256;
// Error messages and answers to commands that wait while the socket takes no bytes. A client that has more coming
// sends without reading, and is closed (1008 `too_many`). Room for the answers to kPendingPublishes. Of pings only the
// latest waits for its pong.
inline constexpr std::size_t kReplyBytes = 32 * 1024;
// Pings that are each answered where they come in one read; of more only the latest is (RFC 6455 section 5.5.3).
inline constexpr int kPongsPerTurn = 16;
// How often the server pings: under the minute after which common proxies drop a silent connection. The
// clock stands still while the socket takes no bytes.
inline constexpr std::chrono::seconds kPingInterval{20};
// A client that answered none of so many pings, the last an interval ago, is closed (1008 `timeout`). Only
// a pong counts: RFC 6455 section 5.5.2 demands one, and it alone proves that the client reads as well.
inline constexpr int kUnansweredPings = 2;
// After our close frame the client's is awaited for so long: a round trip over a bad radio link, and short
// enough that a gateway that stops is gone in 5 s.
inline constexpr std::chrono::seconds kCloseWait{2};

// ---- Streams ---------------------------------------------------------------------------------------------

// A topic, or a topic filter: MQTT 5 section 1.5.4, a length in two bytes.
inline constexpr std::size_t kTopicBytes = 65'535;
// Levels of a topic filter: each costs a node in every shard's filter tree.
inline constexpr std::size_t kFilterLevels = 64;
// All filters of one stream together: each view keeps its own copy.
inline constexpr std::size_t kStreamFilterBytes = 128 * 1024;
// What the filters of a shard's views may take together, nodes of the tree included, for each of limits.views: two or
// three filters of a usual length. The least is what one stream with the largest set takes.
inline constexpr std::size_t kViewFilterBytes = 4 * 1024;
inline constexpr std::size_t kLeastFilterBytes = 2u << 20;
// A level of a filter in the tree: its node, its place among its siblings, and the allocations' overhead.
inline constexpr std::size_t kFilterNodeBytes = 320;
// Subscriptions of one WebSocket that wait for their turn: a client that pipelines more is not waiting for answers.
inline constexpr std::size_t kPendingChanges = 64;
// A view without clients is kept this long, since polls come back: twice the longest poll.
inline constexpr std::chrono::seconds kViewKept{120};
// A page of a replay holds as many entries as a poll takes by default, so that the same cursor and
// filters give the same bytes on every transport.
inline constexpr std::size_t kPageEntries = 500;
// The most entries one poll may ask for: enough to fetch a ring in few steps, small enough for a phone.
inline constexpr std::size_t kMaxPageEntries = 10'000;
// How long a reading has waited is known as exactly as this part of `client_lag`: so many marks a shard keeps.
inline constexpr int kLagMarks = 240;

// ---- Replays ---------------------------------------------------------------------------------------------

// Topics looked at under the log's lock in one step of a snapshot: the broker's thread waits meanwhile.
inline constexpr std::size_t kSnapshotScan = 512;
// What is copied out of the log in one step: some hundred readings, so that the sockets of a shard and the
// broker's thread, which waits for the log meanwhile, get their turn in between.
inline constexpr std::size_t kReadBytes = 64 * 1024;
// Chunks of the log that one stream reads before others have their turn.
inline constexpr std::size_t kChunksPerTurn = 4;
// Streams and pages of history that read the log in one turn of a shard; the others wait for the next, so that what is
// live is not late because many catch up.
inline constexpr std::size_t kReadersPerTurn = 1;
// What one step of a replay from disk brings at most: a batch of the usual size.
inline constexpr std::size_t kHistoryBytes = 256 * 1024;
// Steps from disk that one shard has under way; the streams behind them wait for their turn. Bounds what the answers
// take, 512 KiB, and keeps the reader thread busy.
inline constexpr std::size_t kHistoryReads = 2;
// Pages of replays and history that are being made, or not yet in the sockets of a shard's clients. Past it a page ends
// at kSmallPageBytes, or after one reading: it all comes, in more pieces.
inline constexpr std::size_t kPagesBytes = 16u << 20;
inline constexpr std::size_t kSmallPageBytes = 4 * 1024;
// A poll whose time is up waits so much longer for a read that is under way, so that it brings its client further on.
inline constexpr std::chrono::seconds kReadPatience{5};

// ---- Commands --------------------------------------------------------------------------------------------

// Commands of one client that wait for their broker: one that sends more does not wait for its answers.
inline constexpr std::size_t kPendingPublishes = 64;
// Commands of one shard that wait for their brokers, all clients together, and what they may take in memory: a broker
// answers in milliseconds, so that more wait only where it does not. Each wake-up looks at all of them.
inline constexpr std::size_t kShardPublishes = 1'000;
inline constexpr std::size_t kShardPublishBytes = 8u << 20;
// Commands of one broker that have no answer yet, and the bytes of their payloads, for the same reason.
inline constexpr std::size_t kOpenCommands = 256;
inline constexpr std::size_t kOpenCommandBytes = 8u << 20;
// What a command may take: longer than a broker that is restarted takes to be back, short enough that a person at a
// button, and the HTTP client between, still wait for the answer.
inline constexpr std::chrono::seconds kPublishTime{10};

}  // namespace fieldcast

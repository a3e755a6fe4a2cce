// What the gateway counts, read by the metrics adapter. The log has one set, and each shard one of its own, so that
// shards do not wait for each other's cache lines; what they have in common is the sum. Written by the thread that owns
// the thing counted, read by any: single relaxed atomics, no consistency between two of them is promised.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "gateway/encoding.hpp"
#include "gateway/limit.hpp"
#include "gateway/problem.hpp"

namespace fieldcast {

class Counter {
 public:
  void add(std::uint64_t n = 1) noexcept { value_.fetch_add(n, std::memory_order_relaxed); }
  void sub(std::uint64_t n = 1) noexcept { value_.fetch_sub(n, std::memory_order_relaxed); }
  void set(std::uint64_t n) noexcept { value_.store(n, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

enum class Transport : std::uint8_t { websocket, events, poll };
inline constexpr std::size_t kTransports = 3;

/// Per transport.
struct TransportCounters {
  Counter clients;   // now: WebSockets, event streams, parked polls
  Counter streams;   // ever begun: a poll with a cursor counts as one
  Counter batches;   // handed to sockets
  Counter readings;  // in those batches: delivered readings
  Counter bytes;     // of those batches with their framing
};

struct Counters {
  // the log
  Counter readings;             // appended
  Counter links;                // link entries appended
  Counter retained_repeats;     // retained readings left out because they equal the latest of their topic
  Counter redelivered_repeats;  // messages that came again and were left out, since they are in the log for certain
  Counter topics;               // now: latest readings remembered
  Counter topics_forgotten;
  Counter latest_bytes;    // now: what those readings take
  Counter memory_entries;  // now: entries in memory
  // the disk
  Counter unstored_entries;  // now: entries that are not on disk yet
  Counter lost_entries;      // that the journal gave up before they were on disk
  Counter commits;
  Counter commit_failures;  // commits and openings of the database that failed
  Counter stored_entries;   // written by those commits
  Counter blocks;           // closed
  Counter expired_blocks;   // deleted because of their age or the bytes they take
  Counter damaged;          // blocks and records that could not be read
  Counter database_bytes;   // now: the file with its write-ahead log
  Counter history_reads;    // steps of replays that were answered from disk
  Counter history_entries;  // in those answers
  Counter pages_bytes;      // now: of replays and history, being made or not yet in a socket
  Counter replays_waiting;  // now: replays and pages of history that wait for others to be answered from disk
  Counter commit_us;        // time that commits took, in microseconds
  Counter history_us;       // time that those steps took, in microseconds
  // fan-out
  Counter encodings;          // batches of readings encoded: once a view when live, once a page when replayed
  Counter encoded_bytes;      // of those batches
  Counter views;              // now
  Counter view_bytes;         // now: encoded entries kept for all views
  Counter view_filter_bytes;  // now: what the views' filters take
  Counter replayed_readings;  // delivered from the log instead of a view
  Counter fell_behind;        // times that a live stream was too slow for its view's ring and went back to the log
  Counter publishes_waiting;  // now: commands of clients that have no answer yet
  Counter publish_bytes;      // now: of those commands
  std::array<Counter, kGapReasons> gaps;  // stated to clients
  std::array<TransportCounters, kTransports> transports;
  // the door
  Counter connections;  // now
  Counter connections_total;
  Counter heads_bytes;     // now: of requests whose head is not complete, or waits for its turn
  Counter bodies_bytes;    // now: announced, of the bodies that are being read to be kept
  Counter tls_failures;    // connections that ended before their TLS handshake was through
  Counter received_bytes;  // from the sockets of clients, TLS taken off
  Counter sent_bytes;      // taken by the sockets of clients, TLS and answers of all kinds among them
  Counter requests;
  std::array<Counter, kCodes> problems;  // answered with an error, by code
  std::array<Counter, kLimits> limits_reached;
  // brokers: one row each, see mqtt

  void reached(Limit limit) noexcept { limits_reached[static_cast<std::size_t>(limit)].add(); }
  /// A client is answered with `problem`: counts its code, and its limit where it has one.
  void answered(const Problem& problem) noexcept {
    problems[static_cast<std::size_t>(problem.code)].add();
    if (problem.limit) reached(*problem.limit);
  }
};

}  // namespace fieldcast

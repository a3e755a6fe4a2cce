// A batch as it goes over the wire: the same JSON bytes for every client and transport. Immutable but for
// the framing slots; shared by the clients of one shard and used on its thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fieldcast {

/// Transports that put bytes of their own before a batch.
enum class Framing : std::uint8_t { websocket, events };
inline constexpr std::size_t kFramings = 2;

struct Batch {
  std::string json;
  std::uint64_t begin = 0;  // the batch holds what matches in (begin, end] of the log
  std::uint64_t end = 0;
  std::uint32_t readings = 0;
  std::uint32_t links = 0;

  // Parts of `json`, so that batches can be joined without encoding again.
  std::uint32_t cursor_at = 0, cursor_size = 0;
  std::uint32_t links_at = 0, links_size = 0;        // comma-joined, without brackets
  std::uint32_t readings_at = 0, readings_size = 0;  // comma-joined, without brackets

  /// What a transport sends before `json` (frame header, event prefix): made by the first client of that
  /// transport, used by all. Empty until then.
  mutable std::array<std::string, kFramings> framing;

  std::string_view cursor() const { return std::string_view(json).substr(cursor_at, cursor_size); }
  std::size_t entries() const { return std::size_t{readings} + links; }
  /// Memory that it takes while a view keeps it.
  std::size_t bytes() const { return sizeof(Batch) + json.capacity() + kAround; }

  // What stands about it then: the prefix of an event stream (64), the count of its owners (16), its places in the view
  // (32) and in the order of all (32), and what malloc adds to each (8 to 16).
  static constexpr std::size_t kAround = 192;
};

}  // namespace fieldcast

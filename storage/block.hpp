// The format in which entries lie in the database: blocks, the records of its tail and the latest readings are all
// encoded so. Pure but for zstd; one thread each.
//
//   encoded = | "FCB2" | zstd frame, level 1, with its content size and checksum |
//   content = | stamp | columns |                            (drawn in block.cpp)
//
// Each is whole by itself: it needs no other table to be read, and a damaged one is found out by its checksum.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/log.hpp"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace fieldcast {

/// When something was written: on the clock that ages the log, and on the wall.
struct Stamp {
  std::int64_t log_ms = 0;   // see storage/store.hpp
  std::int64_t wall_ms = 0;  // Unix ms
};

class BlockCodec {
 public:
  /// Whether each entry comes with the count of its topic: in the state, and nowhere else.
  enum class Counts : bool { without, with };

  BlockCodec();  // throws std::bad_alloc
  ~BlockCodec();

  /// Entries by seq, smallest first; not empty. qos and packet_id are not kept. `counts`: none, or one for each entry.
  std::string encode(std::span<const Entry> entries, const Stamp& stamp, std::span<const std::uint64_t> counts = {});

  /// False where the bytes are damaged or hold more than `max_content` bytes: then the chunk is empty.
  bool decode(std::string_view encoded, std::size_t max_content, Chunk& chunk, Stamp& stamp,
              Counts counts = Counts::without);

  /// The set of topics of readings, compressed: what a reader looks at before it decodes a block. Sets `links` where
  /// there are link entries.
  std::string encode_topics(std::span<const Entry> entries);
  /// What encode_topics() made; false where it is damaged.
  bool decode_topics(std::string_view encoded, std::vector<std::string>& topics, bool& links);

 private:
  std::string compress();                                              // content_
  bool decompress(std::string_view encoded, std::size_t max_content);  // into content_
  bool parse(Chunk& chunk, Stamp& stamp, Counts counts);

  std::unique_ptr<ZSTD_CCtx_s, std::size_t (*)(ZSTD_CCtx_s*)> compressor_;
  std::unique_ptr<ZSTD_DCtx_s, std::size_t (*)(ZSTD_DCtx_s*)> decompressor_;
  std::string content_;  // kept, so that a block costs no allocation of its size
};

// Content is never longer: the largest reading that limits.payload can let in (64 MiB), and a block besides.
inline constexpr std::size_t kMaxContent = 66u << 20;

}  // namespace fieldcast

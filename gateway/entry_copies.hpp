// Entries that are copied into a chunk one by one, with their strings. Pure.
#pragma once

#include <string_view>

#include "gateway/log.hpp"

namespace fieldcast {

/// Its strings are good only after settle_strings().
inline void copy_entry(const Entry& entry, Chunk& chunk) {
  chunk.bytes += entry.broker;
  chunk.bytes += entry.topic;
  chunk.bytes += entry.payload;
  chunk.entries.push_back(entry);
}

/// Once, when all are copied: only then chunk.bytes is where it stays.
inline void settle_strings(Chunk& chunk) {
  std::string_view bytes = chunk.bytes;
  for (Entry& entry : chunk.entries) {
    for (std::string_view* string : {&entry.broker, &entry.topic, &entry.payload}) {
      *string = bytes.substr(0, string->size());
      bytes.remove_prefix(string->size());
    }
  }
}

}  // namespace fieldcast

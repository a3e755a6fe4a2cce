// The crash journal as a tool sees it: read while a gateway writes it, or after one was killed. It takes no lock and
// changes nothing; each record is judged by its checksum, so that one that is being written over is never taken for
// what it was.
//
// One thread. Owned by the tool.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "gateway/entry.hpp"
#include "storage/epoch.hpp"

namespace fieldcast {

class JournalReader {
 public:
  /// Opens the journal of this database (an absolute path) in the directory. Throws std::system_error: ENOENT where
  /// there is none, EACCES where it is another user's.
  JournalReader(const std::string& directory, const std::string& database);
  ~JournalReader();
  JournalReader(const JournalReader&) = delete;
  JournalReader& operator=(const JournalReader&) = delete;

  const std::string& path() const { return path_; }

  /// Which log it is of, and how far it reaches, as at this moment; empty where nothing in it counts. Walks all of it.
  std::optional<JournalEnd> end();

  /// Hands out the entries behind `after`, oldest first, in pieces that live as long as the call. False where it does
  /// not hold the first of them any more: those up to floor() are on disk by now, or lost.
  bool read(std::uint64_t after, const std::function<void(std::span<const Entry>)>& take);
  /// As it was seen last: the position before the oldest entry.
  std::uint64_t floor() const { return floor_; }

 private:
  struct Start;

  std::optional<Start> look();
  std::size_t read_at(std::size_t offset, std::size_t size);  // into window_

  std::string path_;
  int fd_;
  std::uint64_t floor_ = 0;
  std::string window_;
};

}  // namespace fieldcast

#include "storage/epoch.hpp"

#include <algorithm>
#include <stdexcept>

#include "gateway/cursor.hpp"

namespace fieldcast {
namespace {

// Where a log begins by the clock at the latest: half of all positions are left for it.
constexpr std::uint64_t kLatestBegin = std::uint64_t{1} << 52;

bool knows(const std::vector<PastEpoch>& epochs, std::uint64_t tag) {
  return std::any_of(epochs.begin(), epochs.end(), [&](const PastEpoch& epoch) { return epoch.tag == tag; });
}

std::vector<Epoch>::const_iterator find(const std::vector<Epoch>& epochs, std::uint64_t tag) {
  return std::find_if(epochs.begin(), epochs.end(), [&](const Epoch& epoch) { return epoch.tag == tag; });
}

/// The last position that the database knows to be given: its last entries may be damaged.
std::uint64_t last_position(const DatabaseEnd& database) {
  return database.epochs.empty() ? database.last_seq : std::max(database.last_seq, database.epochs.back().last_seq);
}

/// All that both know, each with its end, where the journal goes on from the database.
std::vector<PastEpoch> joined(std::vector<PastEpoch> epochs, const JournalEnd& journal) {
  const auto end_before = [&](std::vector<Epoch>::const_iterator next) {
    return next == journal.epochs.end() ? journal.head : next->first_seq - 1;
  };
  if (!epochs.empty()) {
    // The database knows its end up to the last commit only. A journal that began behind it knows no more: what came
    // in between may be lost.
    const auto last = find(journal.epochs, epochs.back().tag);
    if (last != journal.epochs.end()) {
      epochs.back().last_seq = std::max(epochs.back().last_seq, end_before(last + 1));
    }
  }
  for (auto epoch = journal.epochs.begin(); epoch != journal.epochs.end(); ++epoch) {
    if (!knows(epochs, epoch->tag)) epochs.push_back({epoch->tag, end_before(epoch + 1)});
  }
  return epochs;
}

std::string hole(std::uint64_t first_seq) {
  return ": the log goes on at " + std::to_string(first_seq) +
         ", and what was not on disk yet may be lost; clients are told by a gap";
}

std::string why_not_proved(const DatabaseEnd& database, const std::optional<JournalEnd>& journal) {
  if (database.last_seq < last_position(database)) return "the newest entries are missing in the database";
  if (!journal) return "the gateway was not stopped cleanly, and its journal is gone (after a power cut or a reboot)";
  if (!same_log(database, *journal)) {
    return "the gateway was not stopped cleanly, and the journal is of another log than the database";
  }
  return "the gateway was not stopped cleanly, and the journal ends before the database does";
}

}  // namespace

bool same_log(const std::optional<DatabaseEnd>& database, const JournalEnd& journal) {
  if (!database || database->epochs.empty()) return true;
  const std::uint64_t tag = database->epochs.back().tag;
  return tag == journal.database || find(journal.epochs, tag) != journal.epochs.end();
}

Join join(const std::optional<DatabaseEnd>& database, const std::optional<JournalEnd>& journal, std::int64_t wall_ms) {
  Join join;
  const std::uint64_t stored = database ? last_position(*database) : 0;
  if (database) join.epochs = database->epochs;

  if (journal && same_log(database, *journal) && journal->head >= stored) {
    join.use_journal = true;
    join.first_seq = journal->head + 1;
    join.epochs = joined(std::move(join.epochs), *journal);
  } else if (!database) {
    const auto most = static_cast<std::int64_t>(kLatestBegin / 1'000);
    join.first_seq =
        std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::clamp<std::int64_t>(wall_ms, 0, most)) * 1'000);
    join.doubt = "the database cannot be read, and there is no journal" + hole(join.first_seq);
  } else {
    const bool is_new = database->epochs.empty() && stored == 0;
    const bool clean = database->clean && database->last_seq == stored;
    join.first_seq = stored + 1;
    if (!is_new && !clean) {
      join.first_seq += kReserved;
      join.doubt = why_not_proved(*database, journal) + hole(join.first_seq);
    }
    // Cursors behind what is on disk name what was lost.
    for (PastEpoch& epoch : join.epochs) epoch.last_seq = std::min(epoch.last_seq, database->last_seq);
  }

  if (join.first_seq > kMaxSeq) {
    throw std::runtime_error("the log has no positions left (they end at " + std::to_string(kMaxSeq) +
                             "): move the database and the journal away to begin a new log");
  }
  if (join.epochs.size() > kEpochsKept) join.epochs.erase(join.epochs.begin(), join.epochs.end() - kEpochsKept);
  return join;
}

}  // namespace fieldcast

#include "tools/export.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <ostream>
#include <system_error>
#include <utility>

#include "gateway/csv.hpp"
#include "gateway/encoding.hpp"
#include "storage/archive.hpp"
#include "storage/journal_reader.hpp"
#include "tools/findings.hpp"
#include "tools/output.hpp"

namespace fieldcast::tools {
namespace {

class Export {
 public:
  Export(const ExportOptions& options, int out, std::ostream& err)
      : options_(options), err_(err), archive_(options.database), out_(out) {}

  bool run() {
    const Archive::Summary summary = archive_.summary();
    with_broker_ = summary.several_brokers;
    find_journal(summary.end);
    if (options_.format == Format::csv) out_.text() += kCsvHeader;
    read();
    if (reads_on_) out_.flush();
    return whole_;
  }

 private:
  /// Until both have nothing more: what the journal gave up meanwhile has come into the database.
  void read() {
    Archive::Walk walk;
    walk.passes_over = [this](const BlockRow& row) { return passes_over(row); };
    walk.take = [this](std::span<const Entry> entries) { take(entries); };
    walk.found = [this](const Finding& finding) { tell(finding); };
    for (std::optional<std::uint64_t> reached;;) {
      while (reads_on_ && archive_.step(position_, walk)) {
      }
      if (!journal_ || !reads_on_) return;
      const bool all = journal_->read(position_, [&](std::span<const Entry> entries) {
        take(entries);
        position_ = entries.back().seq;
      });
      if (all && archive_.summary().end.last_seq <= position_) return;
      if (std::exchange(reached, position_) != position_) continue;
      // Once more, and neither has it.
      if (all) return;
      if (position_ != 0) tell({Finding::What::hole, position_ + 1, journal_->floor(), std::nullopt, ""});
      position_ = journal_->floor();  // where a log that was never committed begins
    }
  }

  void find_journal(const DatabaseEnd& end) {
    struct stat database {};
    stat(options_.database.c_str(), &database);
    for (const std::string& folder : options_.journals) {
      try {
        auto journal = std::make_unique<JournalReader>(folder, options_.database);
        struct stat file {};
        // One of another user's making says nothing.
        if (stat(journal->path().c_str(), &file) != 0 || file.st_uid != database.st_uid) continue;
        const auto found = journal->end();
        if (!found || !same_log(end, *found)) continue;
        journal_ = std::move(journal);
        return;
      } catch (const std::system_error& error) {
        if (error.code() != std::errc::permission_denied) continue;
        err_ << "note: the journal " << error.what() << ": what is not committed yet is not exported; run this as "
             << "the gateway's user for that\n";
        return;
      }
    }
    if (!end.clean) {
      err_ << "note: no journal belongs to " << options_.database
           << " here: what was not committed when it was written last is not exported\n";
    }
  }

  bool passes_over(const BlockRow& row) {
    if (!options_.times.overlaps(row.first_time, row.last_time)) return true;
    if (options_.filters.empty()) return false;
    bool links = false;
    return codec_.decode_topics(row.topics, names_, links) &&
           std::none_of(names_.begin(), names_.end(),
                        [this](const auto& name) { return options_.filters.matches(name); });
  }

  void take(std::span<const Entry> entries) {
    for (const Entry& entry : entries) {
      if (is_link(entry) || !options_.times.holds(entry.time)) continue;
      if (!options_.filters.empty() && !options_.filters.matches(entry.topic)) continue;
      if (options_.format == Format::csv) {
        append_csv(out_.text(), entry, with_broker_);
      } else {
        append_entry(out_.text(), entry, with_broker_);
        out_.text() += '\n';
      }
      reads_on_ = reads_on_ && out_.hand_over();
    }
  }

  void tell(const Finding& finding) {
    if (!is_loss(finding.what)) return;
    whole_ = false;
    err_ << "missing: " << finding_text(finding) << '\n';
  }

  const ExportOptions& options_;
  std::ostream& err_;
  Archive archive_;
  Output out_;
  std::unique_ptr<JournalReader> journal_;
  bool with_broker_ = false;
  bool whole_ = true;
  bool reads_on_ = true;  // whoever takes it
  std::uint64_t position_ = 0;
  BlockCodec codec_;
  std::vector<std::string> names_;
};

}  // namespace

bool export_readings(const ExportOptions& options, int out, std::ostream& err) {
  return Export(options, out, err).run();
}

}  // namespace fieldcast::tools

#include "tools/check.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <limits>
#include <ostream>

#include "adapters/logging/logging.hpp"
#include "storage/archive.hpp"
#include "tools/findings.hpp"
#include "tools/text.hpp"

namespace fieldcast::tools {
namespace {

// Lines of SQLite's own check: where there are more, the file is beyond reading them.
constexpr int kSqliteLines = 20;
constexpr std::chrono::milliseconds kProgressEach{200};

/// Says how far it is on one line of a terminal.
class Progress {
 public:
  explicit Progress(std::ostream* out) : out_(out) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(const std::string& text) {
    const auto now = std::chrono::steady_clock::now();
    if (out_ == nullptr || now - shown_ < kProgressEach) return;
    shown_ = now;
    *out_ << '\r' << text << "\x1b[K" << std::flush;
    on_line_ = true;
  }
  void clear() {
    if (on_line_) *out_ << "\r\x1b[K" << std::flush;
    on_line_ = false;
  }

 private:
  std::ostream* const out_;
  std::chrono::steady_clock::time_point shown_ = std::chrono::steady_clock::now();
  bool on_line_ = false;
};

class Check {
 public:
  Check(const std::string& database, std::ostream& out, std::ostream* progress)
      : archive_(database), out_(out), progress_(progress) {}

  bool run() {
    check_file();
    walk();
    const Archive::State state = archive_.check_state([this](const Finding& finding) { tell(finding); });
    out_ << "latest readings: of " << count_text(state.topics, "topic", "topics") << ", in "
         << count_text(state.pieces, "piece", "pieces") << '\n';
    if (damaged_ == 0) {
      out_ << "nothing is damaged\n";
    } else {
      out_ << "damaged: " << count_text(damaged_, "place", "places") << "; fieldcast export gives what can be read\n";
    }
    return damaged_ == 0;
  }

 private:
  void check_file() {
    std::error_code none;
    const auto size = std::filesystem::file_size(archive_.path(), none);
    out_ << archive_.path() << ": " << size_text(none ? 0 : static_cast<double>(size)) << '\n';
    const auto found = archive_.quick_check(kSqliteLines, [this] { progress_.show("SQLite's own check ..."); });
    progress_.clear();
    for (const std::string& line : found) {
      ++damaged_;
      out_ << "SQLite: " << logging::escape(line) << '\n';
    }
    if (found.empty()) out_ << "SQLite: the file is sound\n";
  }

  void walk() {
    const Archive::Summary summary = archive_.summary();
    Archive::Walk walk;
    walk.thorough = true;
    walk.take = [this](std::span<const Entry> entries) { count(entries); };
    walk.found = [this](const Finding& finding) { tell(finding); };
    std::uint64_t position = 0;
    while (archive_.step(position, walk)) {
      const std::uint64_t all = std::max<std::uint64_t>(1, summary.end.last_seq - summary.floor);
      progress_.show(std::to_string(std::min(position - std::min(position, summary.floor), all) * 100 / all) + " %");
    }
    progress_.clear();
    out_ << "log: " << count_text(readings_, "reading", "readings") << " and "
         << count_text(links_, "link entry", "link entries");
    if (last_seq_ != 0) {
      out_ << ", seq " << first_seq_ << " to " << last_seq_ << ", from " << time_text(first_time_) << " to "
           << time_text(last_time_);
    }
    out_ << "; " << count_text(summary.blocks, "block", "blocks")
         << (summary.end.clean ? ", stopped cleanly" : ", in use, or not stopped cleanly") << '\n';
  }

  void count(std::span<const Entry> entries) {
    for (const Entry& entry : entries) {
      ++(is_link(entry) ? links_ : readings_);
      first_time_ = std::min(first_time_, entry.time);
      last_time_ = std::max(last_time_, entry.time);
    }
    if (first_seq_ == 0) first_seq_ = entries.front().seq;
    last_seq_ = entries.back().seq;
  }

  void tell(const Finding& finding) {
    progress_.clear();
    if (finding.what != Finding::What::hole) ++damaged_;
    out_ << finding_text(finding) << '\n';
  }

  Archive archive_;
  std::ostream& out_;
  Progress progress_;
  std::uint64_t damaged_ = 0, readings_ = 0, links_ = 0, first_seq_ = 0, last_seq_ = 0;
  std::int64_t first_time_ = std::numeric_limits<std::int64_t>::max();
  std::int64_t last_time_ = std::numeric_limits<std::int64_t>::min();
};

}  // namespace

bool check_database(const std::string& database, std::ostream& out, std::ostream* progress) {
  return Check(database, out, progress).run();
}

}  // namespace fieldcast::tools

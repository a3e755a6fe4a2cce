// The rule by which journal and database are joined, as a table.
#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>

#include "gateway/cursor.hpp"
#include "storage/epoch.hpp"

namespace fieldcast {

static void PrintTo(const PastEpoch& epoch, std::ostream* out) {
  *out << "{" << epoch.tag << " ends at " << epoch.last_seq << "}";
}

namespace {

constexpr std::int64_t kNow = 1'764'000'000'000;
constexpr std::uint64_t kBegin = 1'764'000'000'000'000;

using Stored = std::optional<DatabaseEnd>;
using Ring = std::optional<JournalEnd>;
using Past = std::vector<PastEpoch>;

struct Case {
  const char* name;
  Stored database;
  Ring journal;
  std::uint64_t first_seq;
  bool use_journal;
  Past epochs;
  const char* doubt = nullptr;  // words of it
};

DatabaseEnd clean(Past epochs, std::uint64_t last_seq) {
  return {std::move(epochs), last_seq, true};
}
DatabaseEnd unclean(Past epochs, std::uint64_t last_seq) {
  return {std::move(epochs), last_seq, false};
}

// Epochs have the tags 1, 2, 3 …, those of another log 91, 92.
const Case kCases[]{
    // Without a journal: a reboot, a power cut.
    {"a new log", DatabaseEnd{}, Ring{}, 1, false, {}},
    {"a clean stop", clean({{1, 5}, {2, 9}}, 9), Ring{}, 10, false, {{1, 5}, {2, 9}}},
    {"a clean stop of an empty log", clean({{1, 0}}, 0), Ring{}, 1, false, {{1, 0}}},
    {"a power cut", unclean({{1, 5}, {2, 9}}, 9), Ring{}, 10 + kReserved, false, {{1, 5}, {2, 9}}, "power cut"},
    {"a power cut before the first commit", unclean({{1, 0}}, 0), Ring{}, 1 + kReserved, false, {{1, 0}}, "power cut"},
    {"clean, but its end is damaged", clean({{1, 9}}, 7), Ring{}, 10 + kReserved, false, {{1, 7}}, "missing"},
    {"unclean, and its end is damaged", unclean({{1, 9}}, 7), Ring{}, 10 + kReserved, false, {{1, 7}}, "missing"},
    {"entries, but no epochs", unclean({}, 7), Ring{}, 8 + kReserved, false, {}, "power cut"},

    // Of the same log.
    {"kill -9", unclean({{1, 5}, {2, 9}}, 9), JournalEnd{{{2, 6}}, 0, 3, 12}, 13, true, {{1, 5}, {2, 12}}},
    {"all of it is on disk", unclean({{1, 9}}, 9), JournalEnd{{{1, 1}}, 0, 3, 9}, 10, true, {{1, 9}}},
    {"a clean stop without a reboot", clean({{1, 9}}, 9), JournalEnd{{{1, 1}}, 0, 3, 9}, 10, true, {{1, 9}}},
    {"the disk was away", unclean({{1, 9}}, 9), JournalEnd{{{1, 1}}, 0, 20, 30}, 31, true, {{1, 30}}},
    {"the disk was away for some starts",
     unclean({{1, 9}}, 9),
     JournalEnd{{{1, 1}, {2, 13}, {3, 20}}, 0, 7, 30},
     31,
     true,
     {{1, 12}, {2, 19}, {3, 30}}},
    {"an epoch without entries",
     unclean({{1, 9}}, 9),
     JournalEnd{{{1, 1}, {2, 13}, {3, 13}}, 0, 7, 12},
     13,
     true,
     {{1, 12}, {2, 12}, {3, 12}}},
    {"the database knows some of them",
     unclean({{1, 12}, {2, 19}, {3, 19}}, 19),
     JournalEnd{{{1, 1}, {2, 13}, {3, 20}, {4, 22}}, 0, 7, 30},
     31,
     true,
     {{1, 12}, {2, 19}, {3, 21}, {4, 30}}},
    {"a database made anew", DatabaseEnd{}, JournalEnd{{{1, 1}, {2, 13}}, 0, 7, 30}, 31, true, {{1, 12}, {2, 30}}},
    {"a database that cannot be read", Stored{}, JournalEnd{{{1, 1}, {2, 13}}, 5, 7, 30}, 31, true, {{1, 12}, {2, 30}}},
    {"its end is damaged, but the journal has it",
     unclean({{1, 9}}, 7),
     JournalEnd{{{1, 1}}, 0, 3, 12},
     13,
     true,
     {{1, 12}}},

    // Begun behind a database that could not be written then.
    {"behind a clean stop", clean({{1, 9}}, 9), JournalEnd{{{2, 10}}, 1, 9, 12}, 13, true, {{1, 9}, {2, 12}}},
    {"behind a power cut",
     unclean({{1, 9}}, 9),
     JournalEnd{{{2, 10 + kReserved}}, 1, 9 + kReserved, 12 + kReserved},
     13 + kReserved,
     true,
     {{1, 9}, {2, 12 + kReserved}}},

    // Of the same log, but of no use.
    {"it ends too early",
     unclean({{1, 9}}, 9),
     JournalEnd{{{1, 1}}, 0, 3, 8},
     10 + kReserved,
     false,
     {{1, 9}},
     "the journal ends before"},
    {"it ends too early behind a clean stop",
     clean({{1, 9}}, 9),
     JournalEnd{{{1, 1}, {2, 5}}, 0, 3, 8},
     10,
     false,
     {{1, 9}}},
    {"both ends are damaged",
     clean({{1, 9}}, 7),
     JournalEnd{{{1, 1}}, 0, 3, 8},
     10 + kReserved,
     false,
     {{1, 7}},
     "missing"},

    // Of another log.
    {"another log, clean", clean({{1, 9}}, 9), JournalEnd{{{91, 1}, {92, 5}}, 90, 3, 50}, 10, false, {{1, 9}}},
    {"another log, unclean",
     unclean({{1, 9}}, 9),
     JournalEnd{{{91, 1}, {92, 5}}, 90, 3, 50},
     10 + kReserved,
     false,
     {{1, 9}},
     "of another log"},
    {"only an older epoch is in both",
     unclean({{91, 5}, {1, 9}}, 9),
     JournalEnd{{{91, 1}, {92, 6}}, 0, 3, 50},
     10 + kReserved,
     false,
     {{91, 5}, {1, 9}},
     "of another log"},

    // Nothing at all.
    {"neither", Stored{}, Ring{}, kBegin, false, {}, "cannot be read"},
};

TEST(EpochTest, FollowsTheTable) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    const Join got = join(c.database, c.journal, kNow);
    EXPECT_EQ(got.first_seq, c.first_seq);
    EXPECT_EQ(got.use_journal, c.use_journal);
    EXPECT_EQ(got.epochs, c.epochs);
    if (c.doubt) {
      EXPECT_NE(got.doubt.find(c.doubt), std::string::npos) << got.doubt;
      EXPECT_NE(got.doubt.find(std::to_string(c.first_seq)), std::string::npos) << got.doubt;
      EXPECT_EQ(got.doubt.find('\n'), std::string::npos);
    } else {
      EXPECT_EQ(got.doubt, "");
    }
  }
}

TEST(EpochTest, BeginsByAClockHoweverWrongItIs) {
  const auto begin = [](std::int64_t wall_ms) { return join({}, {}, wall_ms).first_seq; };
  EXPECT_EQ(begin(std::numeric_limits<std::int64_t>::min()), 1u);
  EXPECT_EQ(begin(-1), 1u);
  EXPECT_EQ(begin(0), 1u);
  EXPECT_EQ(begin(1), 1'000u);
  const std::uint64_t latest = begin(std::numeric_limits<std::int64_t>::max());
  EXPECT_LE(latest, std::uint64_t{1} << 52);
  EXPECT_GT(latest, (std::uint64_t{1} << 52) - 1'000);
}

TEST(EpochTest, KeepsTheNewestEpochs) {
  DatabaseEnd database;
  for (std::uint64_t tag = 1; tag <= kEpochsKept; ++tag) database.epochs.push_back({tag, tag});
  database.last_seq = kEpochsKept;
  JournalEnd journal{{{kEpochsKept, kEpochsKept}, {kEpochsKept + 1, kEpochsKept + 1}}, 0, 0, kEpochsKept + 1};
  const Join got = join(database, journal, kNow);
  ASSERT_EQ(got.epochs.size(), kEpochsKept);
  EXPECT_EQ(got.epochs.front(), (PastEpoch{2, 2}));
  EXPECT_EQ(got.epochs.back(), (PastEpoch{kEpochsKept + 1, kEpochsKept + 1}));
}

TEST(EpochTest, RefusesToBeginBehindTheLastPosition) {
  const auto at = [](std::uint64_t head) { return join({}, JournalEnd{{{1, 1}}, 0, head, head}, kNow).first_seq; };
  EXPECT_EQ(at(kMaxSeq - 1), kMaxSeq);
  EXPECT_THROW(at(kMaxSeq), std::runtime_error);
  EXPECT_THROW(join(unclean({{1, kMaxSeq - 5}}, kMaxSeq - 5), {}, kNow), std::runtime_error);
}

}  // namespace
}  // namespace fieldcast

// [D-2]: the commands of docs/operating.md, taken from there and run as they stand, on a gateway that readings pour
// into: nothing else is promised to an operator than what is seen here.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/integration/pouring.hpp"

namespace fieldcast::test {
namespace {

/// The lines of the code block of docs/operating.md whose first line is ```sh NAME
std::vector<std::string> commands_of(const std::string& name) {
  std::ifstream document(std::string(FIELDCAST_SOURCE_DIR) + "/docs/operating.md");
  std::vector<std::string> lines;
  bool inside = false;
  for (std::string line; std::getline(document, line);) {
    if (line == "```" && inside) return lines;
    if (inside) lines.push_back(line);
    if (line == "```sh " + name) inside = true;
  }
  throw std::runtime_error("docs/operating.md has no block " + name);
}

/// A machine on which the commands run: a gateway as the service, and folders in the place of the system's.
class Machine {
 public:
  explicit Machine(Hall& hall) : hall_(hall) {
    std::filesystem::create_directory(disk_.path() / "backups");
    std::filesystem::create_directory(disk_.path() / "etc");
  }

  void run(const std::string& name) {
    for (auto command : commands_of(name)) {
      if (const auto comment = command.find("  #"); comment != command.npos) command.erase(comment);
      if (command.starts_with("sudo ")) command.erase(0, 5);
      if (command == "systemctl stop fieldcast") {
        stop();
      } else if (command == "systemctl start fieldcast") {
        hall_.gateway().start();
      } else {
        const auto database = std::filesystem::path(hall_.gateway().database());
        replace(command, "/var/lib/fieldcast", database.parent_path());
        replace(command, "/var/backups", disk_.path() / "backups");
        replace(command, "/etc/fieldcast", disk_.path() / "etc");
        Process process({"/bin/bash", "-c", command});
        ASSERT_EQ(process.wait_for_exit(), 0) << command << "\n" << process.output();
      }
    }
  }

  void stop() {
    hall_.gateway().terminate();
    ASSERT_EQ(hall_.gateway().process().wait_for_exit(), 0);
  }

  std::filesystem::path backup() const { return disk_.path() / "backups" / "fieldcast.db"; }

 private:
  static void replace(std::string& text, const std::string& what, const std::string& by) {
    for (auto at = text.find(what); at != text.npos; at = text.find(what, at + by.size()))
      text.replace(at, what.size(), by);
  }

  Hall& hall_;
  TempDir disk_;
};

// Blocks on disk, not only the tail; and next to nothing of it in memory too.
constexpr int kBefore = 8'000, kAfter = 2'000;
Gateway::Options mostly_on_disk() {
  return {.storage = "memory_readings = 64\ncommit_interval = \"20ms\"\n"};
}

std::vector<Reading> all_of(const std::vector<Batch>& batches) {
  std::vector<Reading> readings;
  for (const auto& batch : batches) readings.insert(readings.end(), batch.readings.begin(), batch.readings.end());
  return readings;
}

/// Waits until so many readings behind the cursor are on disk: a broker acknowledges before it hands on.
void wait_until_stored(const Hall& hall, const std::string& start, int count) {
  hall.open(Transport::websocket, {{"#"}, start, ""})->readings(static_cast<std::size_t>(count));
  hall.wait_until_stored();
}

/// Batches to the end of the pour, gaps among them.
std::vector<Batch> batches_to_last(StreamClient& stream) {
  std::vector<Batch> batches;
  while (batches.empty() || batches.back().readings.empty() || !is_last(batches.back().readings.back()))
    batches.push_back(stream.batch());
  return batches;
}

TEST(TheCommandsForABackup, WorkWhileReadingsPourInAndWhatTheyMadeIsWhole) {
  Hall hall(mostly_on_disk());
  Machine machine(hall);
  auto pour = std::make_unique<Pour>(hall.broker().port());
  const auto start = hall.open(Transport::poll, {{"#"}, "", ""})->batch().cursor;
  pour->readings(kBefore);
  wait_until_stored(hall, start, kBefore);
  const auto middle = hall.open(Transport::poll, {{"#"}, "", ""})->batch().cursor;
  pour->start();
  machine.run("backup");
  pour->end();
  pour.reset();  // another one has its client identifiers
  const auto log = read_to_last(*hall.open(Transport::websocket, {{"#"}, start, ""}));

  // A day later: the disk is a new one, and the machine's memory is gone.
  machine.stop();
  hall.gateway().lose_journal();
  for (const auto* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(hall.gateway().database() + suffix);
  std::filesystem::copy(machine.backup(), hall.gateway().database());
  hall.gateway().start();
  Pour later(hall.broker().port());
  later.readings(10);
  later.end();

  // Cursors go on, to the end of the backup without a gap; then one says that something was lost.
  for (const auto& cursor : {start, middle}) {
    const auto batches = batches_to_last(*hall.open(Transport::events, {{"#"}, cursor, ""}));
    std::vector<Batch> before, after;
    for (const auto& batch : batches) (batch.gap || !after.empty() ? after : before).push_back(batch);
    const auto kept = all_of(before);
    const auto from = cursor == start ? log.begin() : log.begin() + kBefore;
    ASSERT_LE(kept.size(), static_cast<std::size_t>(log.end() - from));
    EXPECT_GE(kept.size(), cursor == start ? kBefore : 0u);
    EXPECT_EQ(difference({from, from + static_cast<std::ptrdiff_t>(kept.size())}, kept), "");
    ASSERT_FALSE(after.empty());
    EXPECT_EQ(after.front().gap->reason, "storage");
    EXPECT_EQ(later.checker().fault({"#"}, all_of(after)), "");
  }
}

TEST(TheCommandsForARestore, PutTheBackupInPlaceAndKeepWhatWasThere) {
  Hall hall(mostly_on_disk());
  Machine machine(hall);
  Pour pour(hall.broker().port());
  const auto start = hall.open(Transport::poll, {{"#"}, "", ""})->batch().cursor;
  pour.readings(kBefore);
  wait_until_stored(hall, start, kBefore);
  machine.run("backup");
  pour.readings(kAfter);
  wait_until_stored(hall, start, kBefore + kAfter);
  const auto lost = hall.open(Transport::poll, {{"#"}, "", ""})->batch().cursor;
  pour.readings(kAfter);
  wait_until_stored(hall, start, kBefore + 2 * kAfter);
  machine.run("restore");
  pour.readings(100);
  pour.end();

  // All of the backup, then one gap, then what the journal still had and what came since.
  const auto batches = batches_to_last(*hall.open(Transport::websocket, {{"#"}, start, ""}));
  std::vector<Reading> readings;
  std::vector<std::size_t> gaps;
  for (const auto& batch : batches) {
    if (batch.gap) {
      EXPECT_EQ(batch.gap->reason, "storage");
      gaps.push_back(readings.size());
    }
    readings.insert(readings.end(), batch.readings.begin(), batch.readings.end());
  }
  EXPECT_EQ(gaps, std::vector<std::size_t>{kBefore});
  EXPECT_EQ(pour.checker().fault_but_gap({"#"}, readings, kBefore, Checker::Repeats::marked), "");
  // A cursor of what the backup does not have is told the same.
  const auto after = batches_to_last(*hall.open(Transport::poll, {{"#"}, lost, ""}));
  ASSERT_TRUE(after.front().gap);
  EXPECT_EQ(after.front().gap->reason, "storage");
  const auto before = std::filesystem::path(hall.gateway().database()).parent_path() / "before" / "fieldcast.db";
  EXPECT_TRUE(std::filesystem::exists(before));
}

TEST(TheCommandsForAMove, TakeEverythingAlong) {
  Hall hall(mostly_on_disk());
  Machine machine(hall);
  Pour pour(hall.broker().port());
  const auto start = hall.open(Transport::poll, {{"#"}, "", ""})->batch().cursor;
  pour.readings(kBefore);
  machine.run("move");
  // On the new card: nothing else of the old one is there.
  hall.gateway().lose_journal();
  for (const auto& file :
       std::filesystem::directory_iterator(std::filesystem::path(hall.gateway().database()).parent_path()))
    if (file.path().filename().string().starts_with("fieldcast.db")) std::filesystem::remove(file.path());
  pour.at_once(100);  // meanwhile the broker keeps them
  machine.run("moved");
  pour.end();
  const auto seen = read_to_last(*hall.open(Transport::events, {{"#"}, start, ""}));
  EXPECT_EQ(pour.checker().fault({"#"}, seen, Checker::Repeats::marked), "");
}

}  // namespace
}  // namespace fieldcast::test

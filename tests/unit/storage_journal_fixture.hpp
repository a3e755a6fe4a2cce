// What the tests of the journal share: entries that tell by themselves whether they are right, and a journal in a
// folder of its own. One thread.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <tuple>

#include "storage/journal.hpp"
#include "tests/support/temp_dir.hpp"

namespace fieldcast {

inline constexpr std::size_t kSmallest = 2'048;  // of the rings here: it holds two of the largest entries made

/// An entry and its strings, which follow from its seq: whoever reads it can tell whether it is right.
struct Made {
  std::string broker, topic, payload;
  Entry entry;

  explicit Made(std::uint64_t seq) {
    std::mt19937_64 random(seq);
    topic = "t" + std::to_string(random() % 50) + std::string(random() % 4 == 0 ? random() % 250 : 0, 'x');
    payload.resize(random() % 8 == 0 ? random() % 500 : random() % 40);
    for (char& byte : payload) byte = static_cast<char>(random());
    broker.assign(random() % 8 == 0 ? random() % (kBrokerNameBytes + 1) : random() % 3, 'b');
    if (!broker.empty()) broker.back() = static_cast<char>('0' + random() % 10);
    entry.kind = static_cast<Kind>(random() % 5);
    entry.retained = random() % 2 != 0;
    entry.redelivered = random() % 2 != 0;
    entry.session_resumed = random() % 2 != 0;
    entry.state = random() % 2 != 0 ? LinkState::up : LinkState::down;
    entry.size = random();
    entry.qos = static_cast<std::uint8_t>(random() % 3);
    entry.packet_id = static_cast<std::uint16_t>(random());
    entry.seq = seq;
    entry.time = static_cast<std::int64_t>(random() % 10'000);
    entry.broker = broker;
    entry.topic = topic;
    entry.payload = payload;
  }
  Made(const Made&) = delete;
  Made& operator=(const Made&) = delete;

  bool is(const Entry& other) const {
    const auto members = [](const Entry& e) {
      return std::tie(e.kind, e.retained, e.redelivered, e.session_resumed, e.state, e.broker, e.topic, e.payload,
                      e.size, e.qos, e.packet_id, e.seq, e.time);
    };
    return members(entry) == members(other);
  }
};

class JournalTest : public testing::Test {
 protected:
  Journal::Options options(std::size_t bytes = kSmallest, std::size_t entries = 1'000'000) const {
    return {directory(), "/var/lib/fieldcast/fieldcast.db", bytes, entries};
  }
  std::string directory() const { return (temp.path() / "journal").string(); }

  void open(std::size_t bytes = kSmallest, std::size_t entries = 1'000'000) {
    journal.reset();
    journal = std::make_unique<Journal>(options(bytes, entries));
  }

  std::size_t put() { return journal->put(Made(journal->head() + 1).entry); }

  std::size_t put(const std::string& topic, const std::string& payload, std::int64_t time = 0,
                  const std::string& broker = "") {
    Entry entry;
    entry.broker = broker;
    entry.topic = topic;
    entry.payload = payload;
    entry.seq = journal->head() + 1;
    entry.time = time;
    return journal->put(entry);
  }

  /// What it holds is (floor, head], and each entry is as it was made.
  static testing::AssertionResult is_right(const Journal& held, std::size_t step = 1u << 20) {
    std::uint64_t at = held.floor();
    if (held.head() - at != held.entries()) return testing::AssertionFailure() << "counts are wrong";
    Chunk chunk;
    while (at < held.head()) {
      held.read(at, held.head(), step, chunk);
      if (chunk.entries.empty()) return testing::AssertionFailure() << "nothing behind " << at;
      for (const Entry& entry : chunk.entries) {
        if (!Made(++at).is(entry)) return testing::AssertionFailure() << at << " is wrong";
      }
    }
    return testing::AssertionSuccess();
  }

  std::string file() const {
    for (const auto& entry : std::filesystem::directory_iterator(directory())) return entry.path().string();
    throw std::runtime_error("no journal");
  }

  static std::string contents(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  static void overwrite(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::app).flush();  // that it is there
    std::filesystem::resize_file(path, bytes.size());
    std::fstream(path, std::ios::binary | std::ios::in | std::ios::out) << bytes;
  }

  std::string refusal() const {
    try {
      Journal refused(options());
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  }

  test::TempDir temp;
  std::unique_ptr<Journal> journal;
};

}  // namespace fieldcast

// The format of blocks and records: gives back what it was given, and takes no bytes for what they are not.
#include <gtest/gtest.h>
#include <zstd.h>

#include <limits>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gateway/cursor.hpp"
#include "storage/block.hpp"
#include "tests/unit/storage_store_fixture.hpp"

namespace fieldcast {
namespace {

using test::Entries;
using test::kept;
using test::Kept;
using test::random_bytes;

using Random = std::mt19937_64;
constexpr std::size_t kRoom = 1u << 20;

/// Everything that an entry may be.
Entries random_entries(Random& random, std::size_t count) {
  Entries entries;
  const std::uint64_t brokers = std::vector<std::uint64_t>{1, 2, 5, 300}[random() % 4];
  std::uint64_t seq = random() % 3 == 0 ? kMaxSeq - 100 * count : 0;
  std::int64_t time = 1'764'000'000'000;
  for (std::size_t i = 0; i < count; ++i) {
    seq += 1 + (random() % 4 == 0 ? random() % 100 : 0);
    time += static_cast<std::int64_t>(random() % 2'000) - 1'000;
    if (random() % 50 == 0) time = -time;  // a clock that jumps
    const std::string topic = "t/" + std::to_string(random() % 7);
    Entry& entry = entries.add(seq, topic, random_bytes(random, random() % 8 == 0 ? 0 : random() % 200),
                               std::string(random() % brokers / 10, 'b') + std::to_string(random() % brokers));
    entry.time = time;
    entry.kind = static_cast<Kind>(random() % 5);
    entry.retained = random() % 2;
    entry.redelivered = random() % 2;
    entry.session_resumed = random() % 2;
    entry.state = static_cast<LinkState>(random() % 2);
    if (entry.kind == Kind::omitted) {
      entry.payload = {};
      entry.size = random();
    }
  }
  return entries;
}

/// What a hall sends: many topics, each over one of the brokers, and values that change little.
Entries hall_entries(std::size_t count, std::size_t brokers = 1) {
  Random random(1);
  Entries entries;
  std::vector<int> values(50, 2'000);
  std::int64_t time = 1'764'000'000'000;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t topic = random() % values.size();
    time += static_cast<std::int64_t>(random() % 20);
    values[topic] += static_cast<int>(random() % 21) - 10;
    const std::string number = std::to_string(values[topic] / 100) + "." + std::to_string(10 + random() % 90);
    entries.add(i + 1, "hall-3/line-" + std::to_string(topic / 10) + "/press-" + std::to_string(topic) + "/temperature",
                R"({"ts":)" + std::to_string(time) + R"(,"value":)" + number +
                    R"(,"unit":"C","quality":"good","sensor":"pt-)" + std::to_string(topic) + R"(","load":)" +
                    std::to_string(random() % 100) + "}",
                "broker-" + std::to_string(topic % brokers));
  }
  return entries;
}

std::string compressed(std::string_view content, bool with_size = true) {
  // A new one each time would take most of the test's time.
  static const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> keeper(ZSTD_createCCtx(), ZSTD_freeCCtx);
  ZSTD_CCtx* const context = keeper.get();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, with_size ? 1 : 0);
  std::string encoded = "FCB2" + std::string(ZSTD_compressBound(content.size()), '\0');
  const std::size_t size =
      ZSTD_compress2(context, encoded.data() + 4, encoded.size() - 4, content.data(), content.size());
  EXPECT_FALSE(ZSTD_isError(size));
  encoded.resize(4 + size);
  return encoded;
}

std::string content_of(std::string_view encoded) {
  encoded.remove_prefix(4);
  std::string content(ZSTD_getFrameContentSize(encoded.data(), encoded.size()), '\0');
  const std::size_t size = ZSTD_decompress(content.data(), content.size(), encoded.data(), encoded.size());
  EXPECT_EQ(size, content.size());
  return content;
}

std::string number(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes += static_cast<char>(value);
}

/// Another byte, one more, one less, or a number that is too large, somewhere.
void mutate(Random& random, std::string& bytes) {
  const std::size_t at = random() % bytes.size();
  switch (random() % 5) {
    case 0:
      bytes[at] = static_cast<char>(random());
      break;
    case 1:
      bytes[at] = static_cast<char>(bytes[at] + (random() % 2 == 0 ? 1 : -1));
      break;
    case 2:
      bytes.insert(at, 1, static_cast<char>(random()));
      break;
    case 3:
      bytes.erase(at, 1);
      break;
    default:
      bytes.replace(at, 1, number(std::numeric_limits<std::uint64_t>::max() >> random() % 60));
  }
}

class BlockTest : public testing::Test {
 protected:
  using Counts = BlockCodec::Counts;

  bool decode(std::string_view encoded, std::size_t max_content = kRoom, Counts counts = Counts::without) {
    const bool good = codec.decode(encoded, max_content, chunk, stamp, counts);
    if (!good) {
      EXPECT_TRUE(chunk.entries.empty());
      EXPECT_TRUE(chunk.bytes.empty());
      EXPECT_TRUE(chunk.counts.empty());
    }
    return good;
  }
  bool decode_content(std::string_view content) { return decode(compressed(content)); }

  BlockCodec codec;
  Chunk chunk;
  Stamp stamp;
};

TEST_F(BlockTest, GivesBackWhatItWasGiven) {
  Random random(1);
  for (int run = 0; run < 300; ++run) {
    const Entries entries = random_entries(random, 1 + random() % (run % 30 == 0 ? 3'000 : 40));
    const Stamp written{static_cast<std::int64_t>(random()), static_cast<std::int64_t>(random())};
    const std::string encoded = codec.encode(entries.all(), written);
    ASSERT_TRUE(decode(encoded)) << run;
    ASSERT_EQ(kept(chunk.entries), kept(entries.all())) << run;
    ASSERT_EQ(stamp.log_ms, written.log_ms);
    ASSERT_EQ(stamp.wall_ms, written.wall_ms);
  }
}

TEST_F(BlockTest, HoldsTheEndsOfEveryRange) {
  Entries entries;
  entries.add(1, "", "", "").time = -1;
  entries.add(kMaxSeq - 1, std::string(65'535, 't'), std::string(300'000, '\0'), std::string(kBrokerNameBytes, 'b'))
      .time = 0;
  entries.add(kMaxSeq, "", "").time = std::int64_t{1} << 53;
  ASSERT_TRUE(decode(codec.encode(entries.all(), {})));
  EXPECT_EQ(kept(chunk.entries), kept(entries.all()));
}

TEST_F(BlockTest, GivesBackTheCountsOfTheState) {
  Random random(9);
  for (int run = 0; run < 100; ++run) {
    const Entries entries = random_entries(random, 1 + random() % 40);
    std::vector<std::uint64_t> counts;
    for (std::size_t i = 0; i < entries.all().size(); ++i) counts.push_back(random() >> random() % 64);
    const std::string encoded = codec.encode(entries.all(), {}, counts);
    ASSERT_TRUE(decode(encoded, kRoom, Counts::with));
    ASSERT_EQ(kept(chunk.entries), kept(entries.all()));
    ASSERT_EQ(chunk.counts, counts);
    ASSERT_FALSE(decode(encoded)) << "no block has any";
    ASSERT_FALSE(decode(codec.encode(entries.all(), {}), kRoom, Counts::with)) << "none is missing";
    const std::string content = content_of(encoded);
    ASSERT_FALSE(decode(compressed(content.substr(0, content.size() - 1)), kRoom, Counts::with));
    ASSERT_FALSE(decode(compressed(content + '\0'), kRoom, Counts::with));
  }
}

TEST_F(BlockTest, DamageIsFoundBitByBit) {
  Random random(2);
  const Entries entries = random_entries(random, 20);
  const std::string encoded = codec.encode(entries.all(), {});
  for (std::size_t bit = 0; bit < encoded.size() * 8; ++bit) {
    std::string damaged = encoded;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
    // A bit that zstd does not use changes nothing.
    if (decode(damaged)) {
      ASSERT_EQ(kept(chunk.entries), kept(entries.all())) << bit;
    }
  }
}

TEST_F(BlockTest, CutOrLongerIsDamaged) {
  Random random(3);
  const std::string encoded = codec.encode(random_entries(random, 5).all(), {});
  for (std::size_t size = 0; size < encoded.size(); ++size) EXPECT_FALSE(decode(encoded.substr(0, size))) << size;
  EXPECT_FALSE(decode(encoded + '\0'));
  EXPECT_FALSE(decode(encoded + encoded));
  EXPECT_FALSE(decode(encoded + encoded.substr(4)));  // two frames
  EXPECT_FALSE(decode("FCB1" + encoded.substr(4))) << "the format before brokers had names";
  EXPECT_TRUE(decode(encoded));
}

TEST_F(BlockTest, RandomBytesAreDamaged) {
  Random random(4);
  for (int run = 0; run < 5'000; ++run) {
    EXPECT_FALSE(decode("FCB2" + random_bytes(random, random() % 100)));
    EXPECT_FALSE(decode("FCB2" + std::string("\x28\xB5\x2F\xFD") + random_bytes(random, random() % 100)));
  }
}

// What a program with a fault may have written: the checksums are right, the content is not.
TEST_F(BlockTest, WrongContentIsRefusedOrASoundBlock) {
  Random random(5);
  int refused = 0, taken = 0;
  for (int run = 0; run < 10'000; ++run) {
    std::string content = content_of(codec.encode(random_entries(random, 1 + random() % 6).all(), {}));
    for (std::size_t changes = 1 + random() % 3; changes != 0 && !content.empty(); --changes) mutate(random, content);
    if (!decode_content(content)) {
      ++refused;
      continue;
    }
    ++taken;
    std::uint64_t seq = 0;
    for (const Entry& entry : chunk.entries) {
      ASSERT_GT(entry.seq, seq);
      ASSERT_LE(entry.seq, kMaxSeq);
      ASSERT_LE(entry.kind, Kind::link);
      seq = entry.seq;
    }
    const std::vector<Kept> entries = kept(chunk.entries);  // touches every byte
    const std::string again = codec.encode(chunk.entries, stamp);
    ASSERT_TRUE(decode(again));
    ASSERT_EQ(kept(chunk.entries), entries);
  }
  EXPECT_GT(refused, 1'000);
  EXPECT_GT(taken, 1'000);
}

TEST_F(BlockTest, EachRuleOfTheContent) {
  const std::string stamps = number(0) + number(0), names = number(1) + "t";
  const std::string one_broker = number(1) + number(5) + "local", two_brokers = number(2) + number(1) + "A" + number(0);
  const auto of_brokers = [&](const std::string& topics, const std::string& brokers, const std::string& places) {
    return stamps + number(2) + topics + brokers + number(5) + number(1) + number(0) + number(0) + number(0) +
           number(0) + std::string(2, '\0') + number(1) + number(1) + places + "ab";
  };
  const auto of_two = [&](std::uint64_t count, const std::string& topics, std::uint64_t first, std::uint64_t distance,
                          char kind, std::uint64_t size) {
    return stamps + number(count) + topics + one_broker + number(first) + number(distance) + number(0) + number(0) +
           number(0) + number(0) + std::string(2, kind) + number(1) + number(size) + "ab";
  };
  const std::string one_topic = number(1) + names;
  const std::string good = of_two(2, one_topic, 5, 1, 0, 1);
  ASSERT_TRUE(decode_content(good));
  ASSERT_EQ(chunk.entries.size(), 2u);
  EXPECT_EQ(chunk.entries[1].seq, 6u);
  EXPECT_EQ(chunk.entries[1].payload, "b");
  EXPECT_EQ(chunk.entries[0].broker, "local");
  EXPECT_EQ(chunk.entries[1].broker, "local");

  EXPECT_FALSE(decode_content(stamps + number(0) + number(0))) << "no entry";
  EXPECT_FALSE(decode_content(of_two(2, one_topic, 0, 1, 0, 1))) << "seq 0";
  EXPECT_FALSE(decode_content(of_two(2, one_topic, 5, 0, 0, 1))) << "a seq twice";
  EXPECT_TRUE(decode_content(of_two(2, one_topic, kMaxSeq - 1, 1, 0, 1)));
  EXPECT_FALSE(decode_content(of_two(2, one_topic, kMaxSeq, 1, 0, 1))) << "a seq too large";
  EXPECT_FALSE(decode_content(of_two(2, one_topic, 5, std::numeric_limits<std::uint64_t>::max(), 0, 1))) << "overflow";
  EXPECT_FALSE(decode_content(of_two(2, number(0), 5, 1, 0, 1))) << "a topic without a name";
  EXPECT_FALSE(decode_content(of_two(2, one_topic, 5, 1, 5, 1))) << "no kind";

  ASSERT_TRUE(decode_content(of_brokers(one_topic, two_brokers, number(1) + number(0))));
  EXPECT_EQ(chunk.entries[0].broker, "");
  EXPECT_EQ(chunk.entries[1].broker, "A");
  EXPECT_FALSE(decode_content(of_brokers(one_topic, two_brokers, number(0) + number(2)))) << "a broker without a name";
  EXPECT_FALSE(decode_content(of_brokers(one_topic, two_brokers, number(0)))) << "a place missing";
  EXPECT_FALSE(decode_content(of_brokers(one_topic, two_brokers, ""))) << "no places";
  EXPECT_FALSE(decode_content(of_brokers(one_topic, one_broker, number(0) + number(0)))) << "places that say nothing";
  EXPECT_FALSE(decode_content(of_brokers(one_topic, number(0), ""))) << "no broker";
  EXPECT_FALSE(decode_content(of_brokers(one_topic, number(3) + two_brokers.substr(1) + number(0), "\1" + number(0))))
      << "more brokers than entries";
  EXPECT_FALSE(decode_content(of_two(2, one_topic, 5, 1, 0, 0))) << "bytes left over";
  EXPECT_FALSE(decode_content(of_two(2, one_topic, 5, 1, 0, 2))) << "bytes missing";
  EXPECT_FALSE(decode_content(good + "c"));
  for (std::size_t size = 0; size < good.size(); ++size) EXPECT_FALSE(decode_content(good.substr(0, size))) << size;
  EXPECT_FALSE(decode_content(stamps + std::string(10, '\xFF') + good)) << "an endless number";
  // A count is believed only as far as there are bytes for it.
  for (const std::uint64_t count : {3ull, 1'000'000ull, 1ull << 40, ~0ull}) {
    EXPECT_FALSE(decode_content(of_two(count, one_topic, 5, 1, 0, 1))) << count;
    EXPECT_FALSE(decode_content(of_two(2, number(count) + names, 5, 1, 0, 1))) << count;
    EXPECT_FALSE(decode_content(of_brokers(one_topic, number(count) + two_brokers, number(0) + number(1)))) << count;
    EXPECT_FALSE(decode_content(stamps + number(count) + number(count) + std::string(100'000, '\1'))) << count;
  }
}

TEST_F(BlockTest, TellsEachEntrysBroker) {
  for (const std::size_t brokers : {1u, 2u, 127u, 128u, 129u, 256u}) {
    Entries entries;
    for (std::uint64_t seq = 1; seq <= 2 * brokers; ++seq) {
      const std::string broker = "broker-" + std::to_string(seq * 7 % brokers);
      if (seq % 5 == 0) {
        entries.add_link(seq, broker);
      } else {
        entries.add(seq, "t/" + std::to_string(seq % 3), std::to_string(seq), broker);
      }
    }
    ASSERT_TRUE(decode(codec.encode(entries.all(), {}))) << brokers;
    ASSERT_EQ(kept(chunk.entries), kept(entries.all())) << brokers;
  }
}

TEST_F(BlockTest, OneBrokerCostsItsNameOnce) {
  const auto size_with = [this](std::uint64_t count, const std::string& broker) {
    Entries entries;
    for (std::uint64_t seq = 1; seq <= count; ++seq) entries.add(seq, "t", "1", broker);
    return content_of(codec.encode(entries.all(), {})).size();
  };
  for (const std::uint64_t count : {1u, 100u}) EXPECT_EQ(size_with(count, "local"), size_with(count, "") + 5) << count;
}

TEST_F(BlockTest, TakesNoMoreRoomThanItMay) {
  Entries entries;
  entries.add(1, "t", std::string(100'000, 'x'));
  const std::string encoded = codec.encode(entries.all(), {});
  const std::size_t size = content_of(encoded).size();
  EXPECT_TRUE(decode(encoded, size));
  EXPECT_FALSE(decode(encoded, size - 1));
  EXPECT_FALSE(decode(compressed(content_of(encoded), false))) << "a size that is not told before";
  EXPECT_TRUE(decode(compressed(content_of(encoded))));
}

using Topics = std::vector<std::string>;

TEST_F(BlockTest, TopicsAreThoseOfReadings) {
  Entries entries;
  entries.add(1, "b", "1");
  entries.add(2, "a/c", "1");
  entries.add(3, "b", "2");
  Topics topics{"old"};
  bool links = true;
  ASSERT_TRUE(codec.decode_topics(codec.encode_topics(entries.all()), topics, links));
  EXPECT_EQ(topics, (Topics{"b", "a/c"}));
  EXPECT_FALSE(links);

  entries.add_link(4, "local");
  ASSERT_TRUE(codec.decode_topics(codec.encode_topics(entries.all()), topics, links));
  EXPECT_EQ(topics, (Topics{"b", "a/c"})) << "a link entry has none";
  EXPECT_TRUE(links);
}

TEST_F(BlockTest, DamagedTopicsAreFound) {
  Random random(6);
  Entries entries;
  for (std::uint64_t seq = 1; seq < 20; ++seq) entries.add(seq, random_bytes(random, random() % 20), "");
  const std::string encoded = codec.encode_topics(entries.all());
  Topics good, topics;
  bool links = false;
  ASSERT_TRUE(codec.decode_topics(encoded, good, links));
  for (std::size_t bit = 0; bit < encoded.size() * 8; ++bit) {
    std::string damaged = encoded;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
    if (codec.decode_topics(damaged, topics, links)) {
      ASSERT_EQ(std::pair(topics, links), std::pair(good, false)) << bit;
    }
  }
  for (std::size_t size = 0; size < encoded.size(); ++size) {
    EXPECT_FALSE(codec.decode_topics(encoded.substr(0, size), topics, links));
  }
  EXPECT_FALSE(codec.decode_topics(compressed(""), topics, links));
  EXPECT_FALSE(codec.decode_topics(compressed(std::string(1, '\0') + number(2) + "a"), topics, links));
  EXPECT_FALSE(codec.decode_topics(compressed(std::string(1, '\0') + std::string(10, '\xFF')), topics, links));
}

// What flash memory is spared by it. The bounds are a third above what was measured.
TEST_F(BlockTest, IsSmall) {
  const Entries entries = hall_entries(6'000);
  std::size_t given = 0, of_records = 0;
  for (const Entry& entry : entries.all()) given += entry.payload.size();
  const std::size_t of_block = codec.encode(entries.all(), {}).size();
  for (std::size_t at = 0; at < 6'000; at += 100) of_records += codec.encode(entries.all().subspan(at, 100), {}).size();
  RecordProperty("payload", std::to_string(static_cast<double>(given) / 6'000));
  RecordProperty("block", std::to_string(static_cast<double>(of_block) / 6'000));
  RecordProperty("record", std::to_string(static_cast<double>(of_records) / 6'000));
  EXPECT_LT(of_block, 6'000u * 13);
  EXPECT_LT(of_records, 6'000u * 18);
  // A topic comes over one broker as a rule, and that costs next to nothing.
  const std::size_t of_brokers = codec.encode(hall_entries(6'000, 3).all(), {}).size();
  RecordProperty("block of three brokers", std::to_string(static_cast<double>(of_brokers) / 6'000));
  EXPECT_LT(of_brokers, of_block + 300);
}

}  // namespace
}  // namespace fieldcast

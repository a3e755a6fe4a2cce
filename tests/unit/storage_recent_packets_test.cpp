// Which of the last packet identifiers prove that a message came again.
#include <gtest/gtest.h>

#include <vector>

#include "storage/recent_packets.hpp"

namespace fieldcast {
namespace {

constexpr std::size_t kReceiveMaximum = 5;

/// After these identifiers, noted at 1, 2, …, and a resumed session: those that prove something.
std::vector<std::uint16_t> proving(const std::vector<std::uint16_t>& ids) {
  RecentPackets packets(kReceiveMaximum);
  std::uint64_t seq = 0;
  for (const std::uint16_t id : ids) packets.note(id, ++seq);
  packets.connected(true);
  std::vector<std::uint16_t> proving;
  for (const std::uint16_t id : ids) {
    if (const auto former = packets.take(id); former && former->counted_up) proving.push_back(id);
  }
  return proving;
}

using Ids = std::vector<std::uint16_t>;

TEST(RecentPackets, ProveSomethingWhereTheBrokerCountsUp) {
  EXPECT_EQ(proving({}), Ids{});
  EXPECT_EQ(proving({1, 2, 3, 4, 5}), Ids{}) << "a broker that takes the lowest free one does so too";
  EXPECT_EQ(proving({2, 3, 4, 5, 6}), (Ids{2, 3, 4, 5, 6}));
  EXPECT_EQ(proving({6}), Ids{6});
  EXPECT_EQ(proving({1, 2, 3, 4, 5, 6, 7, 8}), (Ids{4, 5, 6, 7, 8})) << "no more come again";
  EXPECT_EQ(proving({7, 9, 10, 11}), (Ids{9, 10, 11})) << "behind the last hole";
  EXPECT_EQ(proving({9, 9, 9}), Ids{9});
  EXPECT_EQ(proving({65'534, 65'535, 1, 2}), (Ids{65'534, 65'535, 1, 2})) << "0 is none";
  EXPECT_EQ(proving({65'535, 0x8000, 1}), Ids{});
}

TEST(RecentPackets, TellEachOnceAndWithItsNewestPlace) {
  RecentPackets packets(kReceiveMaximum);
  packets.note(7, 1);
  packets.note(8, 2);
  packets.note(7, 3);
  EXPECT_FALSE(packets.take(7)) << "of this connection";
  packets.connected(true);
  EXPECT_EQ(packets.take(7)->seq, 3u);
  EXPECT_FALSE(packets.take(7));
  EXPECT_EQ(packets.take(8)->seq, 2u);
  EXPECT_FALSE(packets.take(9));
}

TEST(RecentPackets, ANewSessionHasItsOwn) {
  RecentPackets packets(kReceiveMaximum);
  packets.note(7, 1);
  packets.connected(false);
  EXPECT_FALSE(packets.take(7));
  packets.connected(true);
  EXPECT_FALSE(packets.take(7)) << "forgotten";
}

}  // namespace
}  // namespace fieldcast

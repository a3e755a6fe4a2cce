// Topic filters by MQTT 5 section 4.7, with the standard's own examples, over matches(), overlap() and the tree.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "gateway/filter_tree.hpp"
#include "gateway/limits.hpp"
#include "gateway/topic_filter.hpp"

namespace fieldcast {
namespace {

struct Case {
  std::string filter, topic;
  bool match;
};

const std::vector<Case> kCases{
    // 4.7.1.2
    {"sport/tennis/player1/#", "sport/tennis/player1", true},
    {"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
    {"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
    {"sport/tennis/player1/#", "sport/tennis/player10", false},
    {"sport/#", "sport", true},
    {"#", "sport/tennis", true},
    // 4.7.1.3
    {"sport/tennis/+", "sport/tennis/player1", true},
    {"sport/tennis/+", "sport/tennis/player1/ranking", false},
    {"sport/+", "sport", false},
    {"sport/+", "sport/", true},
    {"+/+", "/finance", true},
    {"/+", "/finance", true},
    {"+", "/finance", false},
    {"+/tennis/#", "sport/tennis", true},
    // 4.7.2
    {"#", "$SYS/monitor/Clients", false},
    {"+/monitor/Clients", "$SYS/monitor/Clients", false},
    {"$SYS/#", "$SYS/monitor/Clients", true},
    {"$SYS/monitor/+", "$SYS/monitor/Clients", true},
    // 4.7.3
    {"ACCOUNTS", "Accounts", false},
    {"a//b", "a//b", true},
    {"a/+/b", "a//b", true},
    {"a/b", "a/b/", false},
    {"a/", "a", false},
};

TEST(TopicFilter, MatchesAsTheStandardSays) {
  for (const auto& [filter, topic, match] : kCases) {
    EXPECT_EQ(matches(filter, topic), match) << filter << " " << topic;
    FilterTree<int> tree;
    tree.add(filter, 7);
    std::vector<int> found;
    tree.match(topic, found);
    EXPECT_EQ(found, match ? std::vector<int>{7} : std::vector<int>{}) << filter << " " << topic << " in the tree";
  }
}

TEST(TopicFilter, FaultsAreTold) {
  for (const std::string filter : {"#", "+", "a/+/b/#", "/", "a b", "$share", "é"}) {
    EXPECT_EQ(filter_fault(filter), std::nullopt) << filter;
  }
  std::string deepest = "a";
  for (std::size_t i = 1; i < kFilterLevels; ++i) deepest += "/a";
  EXPECT_EQ(filter_fault(deepest), std::nullopt);
  EXPECT_EQ(filter_fault(std::string(65'535, 'a')), std::nullopt);
  for (const std::string& filter :
       {std::string(), std::string("sport/tennis#"), std::string("sport/tennis/#/ranking"), std::string("sport+"),
        std::string("a\0b", 3), std::string("a\xFF"), deepest + "/a", std::string(65'536, 'a')}) {
    EXPECT_NE(filter_fault(filter), std::nullopt) << filter.substr(0, 40);
  }
  EXPECT_EQ(topic_fault("a/b"), std::nullopt);
  EXPECT_NE(topic_fault("a/+"), std::nullopt);
  EXPECT_NE(topic_fault("a#"), std::nullopt);
}

TEST(TopicFilter, OverlapIsFoundWhereATopicMatchesBoth) {
  const std::vector<std::string> levels{"a", "b", "+", ""};
  std::vector<std::string> filters{"#", "a/#", "+/#", "a/+/#", "$x/#", "$x/+", "$x"};
  std::vector<std::string> topics{"a", "b", "", "$x", "$x/a", "$x/a/b", "c/c/c/c"};
  for (const std::string& one : levels) {
    filters.push_back(one.empty() ? "/" : one);
    for (const std::string& two : levels) {
      filters.push_back(one + "/" + two);
      for (const std::string& three : levels) filters.push_back(one + "/" + two + "/" + three);
    }
  }
  for (const std::string one : {"a", "b", "c", ""}) {
    for (const std::string two : {"a", "b", "c", ""}) {
      topics.push_back(one + "/" + two);
      for (const std::string three : {"a", "b", "c", ""}) topics.push_back(one + "/" + two + "/" + three);
    }
  }
  std::erase(topics, "");
  for (const std::string& a : filters) {
    for (const std::string& b : filters) {
      bool both = false;
      for (const std::string& topic : topics) both = both || (matches(a, topic) && matches(b, topic));
      EXPECT_EQ(overlap(a, b), both) << a << " " << b;
    }
  }
}

TEST(FilterTree, HoldsWhatWasAddedAndNotRemoved) {
  const std::vector<std::string> filters{"#", "a/#", "+/b", "a/b", "a/+/c", "$x/+", "a/b/#", "+"};
  const std::vector<std::string> topics{"a", "a/b", "a/b/c", "$x/y", "b/b", "a/x/c"};
  std::mt19937 random(1);
  FilterTree<int> tree;
  std::multiset<int> held;
  for (int i = 0; i < 2'000; ++i) {
    const int filter = static_cast<int>(random() % filters.size());
    if (random() % 2 == 0) {
      tree.add(filters[filter], filter);
      held.insert(filter);
    } else {
      tree.remove(filters[filter], filter);
      if (const auto found = held.find(filter); found != held.end()) held.erase(found);
    }
    for (const std::string& topic : topics) {
      std::vector<int> got;
      tree.match(topic, got);
      std::multiset<int> expected;
      for (const int each : held) {
        if (matches(filters[each], topic)) expected.insert(each);
      }
      ASSERT_EQ(std::multiset<int>(got.begin(), got.end()), expected) << topic;
    }
  }
}

TEST(FilterSet, IsTheSameInAnyOrder) {
  EXPECT_EQ(FilterSet({"b", "a", "b"}), FilterSet({"a", "b"}));
  EXPECT_EQ(FilterSet({"a"}).with(FilterSet({"c", "a"})), FilterSet({"a", "c"}));
  EXPECT_EQ(FilterSet({"a", "b"}).without(FilterSet({"b", "x"})), FilterSet({"a"}));
}

TEST(FilterSet, SeeksToWhereATopicMayMatch) {
  const FilterSet set({"b/c/#", "d", "f/+/x"});
  EXPECT_EQ(set.seek("a"), "b/c");
  EXPECT_EQ(set.seek("b/c"), "b/c");
  EXPECT_EQ(set.seek("b/cc"), "b/cc") << "it begins so, though it does not match";
  EXPECT_EQ(set.seek("b/d"), "d");
  EXPECT_EQ(set.seek("e"), "f/");
  EXPECT_EQ(set.seek("f/1/x"), "f/1/x");
  EXPECT_EQ(set.seek("g"), std::nullopt);
  EXPECT_EQ(FilterSet({"+", "z"}).seek("a"), "a");
  EXPECT_EQ(FilterSet({"#"}).seek("$x"), "$x");
}

// Whatever the filters: to walk a sorted list by seek() finds all that match.
TEST(FilterSet, SeekPassesOverNoMatch) {
  std::mt19937 random(2);
  const std::vector<std::string> levels{"", "a", "b", "ab", "$a", "\xC3\xA9", "+", "#"};
  const auto some = [&](std::size_t kinds) {
    std::string text = levels[random() % kinds];
    while (random() % 2 == 0) text += "/" + levels[random() % kinds];
    return text;
  };
  for (int run = 0; run < 1'000; ++run) {
    std::vector<std::string> filters;
    for (std::size_t count = 1 + random() % 4; filters.size() < count;) {
      if (std::string filter = some(8); !filter_fault(filter)) filters.push_back(std::move(filter));
    }
    const FilterSet set(filters);
    std::set<std::string> topics, expected, found;
    for (int i = 0; i < 40; ++i) {
      if (std::string topic = some(6); !topic.empty()) topics.insert(std::move(topic));
    }
    for (const std::string& topic : topics) {
      if (set.matches(topic)) expected.insert(topic);
    }
    for (auto topic = topics.begin(); topic != topics.end();) {
      const auto from = set.seek(*topic);
      if (!from) break;
      ASSERT_GE(*from, *topic);
      if (*from != *topic) {
        topic = topics.lower_bound(std::string(*from));
        continue;
      }
      if (set.matches(*topic)) found.insert(*topic);
      ++topic;
    }
    ASSERT_EQ(found, expected) << filters[0];
  }
}

TEST(FilterSet, HasLimits) {
  EXPECT_TRUE(make_filter_set({"a", "b"}, 2));
  EXPECT_TRUE(make_filter_set({"a", "b", "a"}, 2)) << "one named twice counts once";
  EXPECT_EQ(make_filter_set({"a", "b", "c"}, 2).problem().code, Code::too_many);
  EXPECT_EQ(make_filter_set({"a", "b#"}, 2).problem().code, Code::bad_filter);
  EXPECT_TRUE(make_filter_set({std::string(65'535, 'a'), std::string(65'535, 'b')}, 3));
  EXPECT_EQ(make_filter_set({std::string(65'535, 'a'), std::string(65'535, 'b'), "ccc"}, 3).problem().code,
            Code::too_many);
}

}  // namespace
}  // namespace fieldcast

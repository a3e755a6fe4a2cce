// Many topic filters as one tree of levels, so that matching a topic costs its depth and what it matches,
// not the number of filters. One thread: its hub's.
//
//   a/+/c   ->  root -a-> node -+-> node -c-> node {values}
//   a/#     ->  root -a-> node {rest_values}
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "gateway/topic_filter.hpp"

namespace fieldcast {

template <class T>
class FilterTree {
 public:
  /// The filter must be without fault (topic_filter.hpp).
  void add(std::string_view filter, T value) {
    Node* node = &root_;
    while (filter.data() != nullptr) {
      const std::string_view level = take_level(filter);
      if (level == "#") {
        node->rest_values.push_back(value);
        return;
      }
      node = &node->child(level);
    }
    node->values.push_back(value);
  }

  /// Takes out what add() put in, and the nodes that hold nothing any more.
  void remove(std::string_view filter, const T& value) { remove(root_, filter, value); }

  /// Appends the values of every filter that matches the topic; a value comes once per filter of its own.
  void match(std::string_view topic, std::vector<T>& out) const {
    const bool system = !topic.empty() && topic[0] == '$';
    match(root_, topic, system, out);
  }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  struct Node {
    std::unordered_map<std::string, std::unique_ptr<Node>, Hash, std::equal_to<>> children;
    std::unique_ptr<Node> any;   // +
    std::vector<T> values;       // filters that end here
    std::vector<T> rest_values;  // filters that go on with #

    Node& child(std::string_view level) {
      std::unique_ptr<Node>& slot = level == "+" ? any : children.try_emplace(std::string(level)).first->second;
      if (!slot) slot = std::make_unique<Node>();
      return *slot;
    }
    bool useless() const { return children.empty() && !any && values.empty() && rest_values.empty(); }
  };

  // Recursion is as deep as the deepest filter: kFilterLevels.
  static void match(const Node& node, std::string_view rest, bool no_wildcards, std::vector<T>& out) {
    if (!no_wildcards) out.insert(out.end(), node.rest_values.begin(), node.rest_values.end());
    if (rest.data() == nullptr) {
      out.insert(out.end(), node.values.begin(), node.values.end());
      return;
    }
    const std::string_view level = take_level(rest);
    if (node.any && !no_wildcards) match(*node.any, rest, false, out);
    if (const auto found = node.children.find(level); found != node.children.end()) {
      match(*found->second, rest, false, out);
    }
  }

  static void remove(Node& node, std::string_view filter, const T& value) {
    const auto erase = [&](std::vector<T>& values) {
      if (const auto found = std::find(values.begin(), values.end(), value); found != values.end()) values.erase(found);
    };
    if (filter.data() == nullptr) return erase(node.values);
    const std::string_view level = take_level(filter);
    if (level == "#") return erase(node.rest_values);
    if (level == "+") {
      if (!node.any) return;
      remove(*node.any, filter, value);
      if (node.any->useless()) node.any.reset();
      return;
    }
    const auto found = node.children.find(level);
    if (found == node.children.end()) return;
    remove(*found->second, filter, value);
    if (found->second->useless()) node.children.erase(found);
  }

  Node root_;
};

}  // namespace fieldcast

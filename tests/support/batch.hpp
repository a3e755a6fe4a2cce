// A batch as a client sees it: its bytes, and what they say. Plain values, any thread.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fieldcast::test {

struct Reading {
  std::uint64_t seq = 0;
  std::int64_t time = 0;
  std::string topic;
  nlohmann::json payload;
  std::string encoding;  // empty where there is none
  bool retained = false;
  bool redelivered = false;
  std::optional<std::uint64_t> size;
  std::optional<std::string> broker;

  bool operator==(const Reading&) const = default;
};

struct Link {
  std::uint64_t seq = 0;
  std::int64_t time = 0;
  std::string gateway, broker, state;
  std::optional<bool> session_resumed;
  bool snapshot = false;
};

struct Gap {
  std::string reason;
  std::optional<std::uint64_t> missed;

  bool operator==(const Gap&) const = default;
};

struct Batch {
  std::string raw;
  std::string cursor;
  bool snapshot = false;
  std::optional<Gap> gap;
  std::vector<Link> links;
  std::vector<Reading> readings;

  /// The only reading's payload as it stands in `raw`, where it has no encoding and is not marked in any way.
  std::string raw_payload() const;
};

/// Takes a batch apart, and throws std::runtime_error where `raw` is none: a member is missing or of the wrong
/// type, the cursor has a wrong character, a line is broken, seqs do not increase. Records it.
Batch parse_batch(std::string raw);

/// One reading or gap; they throw where a member is missing or of the wrong type.
Reading parse_reading(const nlohmann::json& value);
Gap parse_gap(const nlohmann::json& value);

/// True where `text` is at most 64 characters of A-Z a-z 0-9 - _.
bool is_cursor(std::string_view text);

}  // namespace fieldcast::test

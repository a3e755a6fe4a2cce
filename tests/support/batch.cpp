#include "tests/support/batch.hpp"

#include <algorithm>
#include <stdexcept>

#include "tests/support/recorder.hpp"

namespace fieldcast::test {
namespace {

using nlohmann::json;

template <class T>
void take(const json& from, const char* member, T& to) {
  if (const auto found = from.find(member); found != from.end()) to = found->get<T>();
}

template <class T>
void take(const json& from, const char* member, std::optional<T>& to) {
  if (const auto found = from.find(member); found != from.end() && !found->is_null()) to = found->get<T>();
}

Link parse_link(const json& value) {
  Link link{value.at("seq"), value.at("time"), value.at("gateway"), value.at("broker"), value.at("state"), {}, false};
  take(value, "session_resumed", link.session_resumed);
  take(value, "snapshot", link.snapshot);
  return link;
}

template <class T>
void require_order(const std::vector<T>& entries, const std::string& raw) {
  for (std::size_t i = 1; i < entries.size(); ++i)
    if (entries[i].seq <= entries[i - 1].seq) throw std::runtime_error("seq does not increase: " + raw.substr(0, 500));
}

}  // namespace

Reading parse_reading(const json& value) {
  Reading reading{value.at("seq"), value.at("time"), value.at("topic"), value.at("payload"), "", false, false, {}, {}};
  take(value, "encoding", reading.encoding);
  take(value, "retained", reading.retained);
  take(value, "redelivered", reading.redelivered);
  take(value, "size", reading.size);
  take(value, "broker", reading.broker);
  return reading;
}

Gap parse_gap(const json& value) {
  Gap gap{value.at("reason"), {}};
  if (!value.contains("missed")) throw std::runtime_error("a gap without missed: " + value.dump());
  take(value, "missed", gap.missed);
  return gap;
}

bool is_cursor(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

std::string Batch::raw_payload() const {
  constexpr std::string_view kBefore = "\"payload\":", kAfter = "}]}";
  const auto begin = raw.find(kBefore);
  if (readings.size() != 1 || begin == std::string::npos || !raw.ends_with(kAfter))
    throw std::runtime_error("not one plain reading: " + raw.substr(0, 500));
  return raw.substr(begin + kBefore.size(), raw.size() - begin - kBefore.size() - kAfter.size());
}

Batch parse_batch(std::string raw) {
  if (raw.find_first_of("\r\n") != std::string::npos) throw std::runtime_error("a line break in a batch: " + raw);
  const auto value = json::parse(raw);
  if (value.at("type") != "readings") throw std::runtime_error("no batch: " + raw.substr(0, 500));
  Batch batch;
  batch.cursor = value.at("cursor");
  if (!is_cursor(batch.cursor)) throw std::runtime_error("no cursor: " + batch.cursor);
  take(value, "snapshot", batch.snapshot);
  if (const auto gap = value.find("gap"); gap != value.end()) batch.gap = parse_gap(*gap);
  for (const auto& reading : value.at("readings")) batch.readings.push_back(parse_reading(reading));
  if (const auto links = value.find("links"); links != value.end())
    for (const auto& link : *links) batch.links.push_back(parse_link(link));
  require_order(batch.readings, raw);
  record("Batch", raw);
  batch.raw = std::move(raw);
  return batch;
}

}  // namespace fieldcast::test

#include "gateway/encoding.hpp"

#include <array>
#include <charconv>
#include <utility>

#include "gateway/history_page.hpp"
#include "gateway/utf8.hpp"

namespace fieldcast {
namespace {

constexpr std::array<std::string_view, kGapReasons> kGapWords{"expired", "slow", "unknown", "storage"};

void append_number(std::string& out, std::uint64_t value) {
  std::array<char, 20> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out.append(digits.data(), end);
}

void append_number(std::string& out, std::int64_t value) {
  if (value < 0) {
    out += '-';
    append_number(out, ~static_cast<std::uint64_t>(value) + 1);
  } else {
    append_number(out, static_cast<std::uint64_t>(value));
  }
}

void append_link(std::string& out, const Entry& link) {
  out += "{\"seq\":";
  append_number(out, link.seq);
  out += ",\"time\":";
  append_number(out, link.time);
  out += ",\"gateway\":";
  append_json_string(out, link.payload);
  out += ",\"broker\":";
  append_json_string(out, link.broker);
  if (link.state == LinkState::up) {
    out += link.session_resumed ? ",\"state\":\"up\",\"session_resumed\":true"
                                : ",\"state\":\"up\",\"session_resumed\":false";
  } else {
    out += ",\"state\":\"down\"";
  }
}

void append_reading(std::string& out, const Entry& reading, bool with_broker) {
  out += "{\"seq\":";
  append_number(out, reading.seq);
  out += ",\"time\":";
  append_number(out, reading.time);
  out += ",\"topic\":";
  append_json_string(out, reading.topic);
  out += ",\"payload\":";
  switch (reading.kind) {
    case Kind::json:
      out += reading.payload;
      break;
    case Kind::text:
      append_json_string(out, reading.payload);
      out += ",\"encoding\":\"text\"";
      break;
    case Kind::binary:
      out += '"';
      append_base64(out, reading.payload);
      out += "\",\"encoding\":\"base64\"";
      break;
    case Kind::omitted:
      out += "\"\",\"encoding\":\"omitted\",\"size\":";
      append_number(out, reading.size);
      break;
    case Kind::link:
      break;  // append_link
  }
  if (reading.retained) out += ",\"retained\":true";
  if (reading.redelivered) out += ",\"redelivered\":true";
  if (with_broker) {
    out += ",\"broker\":";
    append_json_string(out, reading.broker);
  }
  out += '}';
}

// What a builder keeps from one batch to the next: there is one for each view and each stream, and a page of a replay
// is a hundred times as long as a live batch.
constexpr std::size_t kKeptBytes = 4'096;

void append_separated(std::string& out, std::string_view json) {
  if (!out.empty()) out += ',';
  out += json;
}

}  // namespace

std::string_view to_string(GapReason reason) {
  return kGapWords[static_cast<std::size_t>(reason)];
}

void append_base64(std::string& out, std::string_view bytes) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto at = [&](std::size_t i) -> unsigned {
    return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0u;
  };
  out.reserve(out.size() + (bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const unsigned three = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    out += alphabet[three >> 18 & 63];
    out += alphabet[three >> 12 & 63];
    out += i + 1 < bytes.size() ? alphabet[three >> 6 & 63] : '=';
    out += i + 2 < bytes.size() ? alphabet[three & 63] : '=';
  }
}

void append_json_string(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  out += '"';
  std::size_t plain = 0;  // start of what can be copied as it is
  std::size_t i = 0;
  const auto copy_up_to = [&](std::size_t end) { out.append(text, plain, end - plain); };
  while (i < text.size()) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\' && c != 0x7F) {
      ++i;
      continue;
    }
    if (c >= 0x80) {
      if (const std::size_t length = utf8_length(text.substr(i)); length != 0) {
        i += length;
        continue;
      }
    }
    copy_up_to(i);
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (c >= 0x80) {
          out += "\xEF\xBF\xBD";  // U+FFFD
        } else {
          out += "\\u00";
          out += hex[c >> 4];
          out += hex[c & 15];
        }
    }
    plain = ++i;
  }
  copy_up_to(text.size());
  out += '"';
}

void append_gap(std::string& out, const Gap& gap) {
  out += R"({"reason":")";
  out += to_string(gap.reason);
  out += R"(","missed":)";
  if (gap.missed) {
    append_number(out, *gap.missed);
  } else {
    out += "null";
  }
  out += '}';
}

void append_entry(std::string& out, const Entry& entry, bool with_broker) {
  if (is_link(entry)) {
    append_link(out, entry);
    out += '}';
  } else {
    append_reading(out, entry, with_broker);
  }
}

void append_snapshot_link(std::string& out, const Entry& link) {
  append_link(out, link);
  out += ",\"snapshot\":true}";
}

void BatchBuilder::add_encoded(const Entry& entry, std::string_view json) {
  if (entries() == 0) first_seq_ = entry.seq;
  append_separated(is_link(entry) ? links_ : readings_, json);
  ++(is_link(entry) ? link_count_ : reading_count_);
}

void BatchBuilder::join(const Batch& batch) {
  const std::string_view json = batch.json;
  if (batch.links != 0) append_separated(links_, json.substr(batch.links_at, batch.links_size));
  if (batch.readings != 0) append_separated(readings_, json.substr(batch.readings_at, batch.readings_size));
  link_count_ += batch.links;
  reading_count_ += batch.readings;
}

std::shared_ptr<const Batch> BatchBuilder::seal(const Cursor& cursor, std::uint64_t begin, std::uint64_t end) {
  auto batch = std::make_shared<Batch>();
  batch->begin = begin;
  batch->end = end;
  batch->readings = reading_count_;
  batch->links = link_count_;
  const auto offset = [&] { return static_cast<std::uint32_t>(batch->json.size()); };

  std::string& json = batch->json;
  const std::string position = to_string(cursor);
  // To the byte where there are only readings: views keep thousands of these.
  std::size_t rest = std::string_view(R"({"type":"readings","cursor":"","readings":[]})").size();
  if (snapshot_ || gap_) rest += 128;
  if (!links_.empty() || !snapshot_links_.empty()) rest += 16;
  json.reserve(position.size() + snapshot_links_.size() + links_.size() + readings_.size() + rest);
  json += R"({"type":"readings","cursor":")";
  batch->cursor_at = offset();
  json += position;
  batch->cursor_size = offset() - batch->cursor_at;
  json += '"';
  if (snapshot_) json += R"(,"snapshot":true)";
  if (gap_) {
    json += R"(,"gap":)";
    append_gap(json, *gap_);
  }
  if (!links_.empty() || !snapshot_links_.empty()) {
    json += R"(,"links":[)";
    batch->links_at = offset();
    json += snapshot_links_;
    if (!links_.empty() && !snapshot_links_.empty()) json += ',';
    json += links_;
    batch->links_size = offset() - batch->links_at;
    json += ']';
  }
  json += R"(,"readings":[)";
  batch->readings_at = offset();
  json += readings_;
  batch->readings_size = offset() - batch->readings_at;
  json += "]}";

  for (std::string* part : {&snapshot_links_, &links_, &readings_}) {
    part->clear();
    if (part->capacity() > kKeptBytes) part->shrink_to_fit();
  }
  reading_count_ = link_count_ = 0;
  gap_.reset();
  snapshot_ = false;
  return batch;
}

std::string encode_page(const HistoryPage& page, bool with_broker) {
  std::string json = R"({"type":"readings","cursor":")";
  json += to_string(page.cursor);
  json += R"(","head":")";
  json += to_string(page.head);
  json += page.more ? R"(","more":true)" : R"(","more":false)";
  if (page.gap) {
    json += R"(,"gap":)";
    append_gap(json, *page.gap);
  }
  json += R"(,"readings":[)";
  bool first = true;
  for (const Entry& reading : page.chunk.entries) {
    if (!std::exchange(first, false)) json += ',';
    append_entry(json, reading, with_broker);
  }
  json += "]}";
  return json;
}

std::string encode_answer(std::string_view type, std::string_view id, const FilterSet& topics, const Cursor& cursor) {
  std::string json = R"({"type":")";
  json += type;
  json += R"(","id":)";
  json += id;
  json += R"(,"topics":[)";
  bool first = true;
  for (const std::string& topic : topics.filters()) {
    if (!std::exchange(first, false)) json += ',';
    append_json_string(json, topic);
  }
  json += R"(],"cursor":")";
  json += to_string(cursor);
  json += R"("})";
  return json;
}

std::string encode_published(std::string_view id) {
  std::string json = R"({"type":"published")";
  if (!id.empty()) json.append(R"(,"id":)").append(id);
  json += '}';
  return json;
}

void append_reason_code(std::string& out, const Problem& problem) {
  if (problem.reason_code != 0) out.append(R"(,"reason_code":)").append(std::to_string(problem.reason_code));
}

void append_topic(std::string& out, const Entry& latest, std::uint64_t count, bool with_broker) {
  out += R"({"topic":)";
  append_json_string(out, latest.topic);
  out += R"(,"count":)";
  append_number(out, count);
  out += R"(,"latest":)";
  append_entry(out, latest, with_broker);
  out += '}';
}

std::string encode_topics(const Cursor& cursor, const std::optional<Gap>& gap, bool more, std::string_view topics) {
  std::string json = R"({"type":"topics","cursor":")";
  json += to_string(cursor);
  json += '"';
  if (gap) {
    json += R"(,"gap":)";
    append_gap(json, *gap);
  }
  json += more ? R"(,"more":true,"topics":[)" : R"(,"more":false,"topics":[)";
  json += topics;
  json += "]}";
  return json;
}

std::string encode_error(std::string_view id, const Problem& problem) {
  std::string json = R"({"type":"error","id":)";
  json += id;
  json += R"(,"code":")";
  json += info(problem.code).word;
  json += R"(","message":)";
  append_json_string(json, problem.detail);
  append_reason_code(json, problem);
  json += '}';
  return json;
}

}  // namespace fieldcast

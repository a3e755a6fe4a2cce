// The JSON of the wire, written by hand around payloads that were classified where they came in. The one
// place that knows the shape of readings, link entries, batches and answers:
//
//   {"type":"readings","cursor":"…"[,"snapshot":true][,"gap":{"reason":"…","missed":N|null}][,"links":[…]],"readings":[…]}
//   {"type":"readings","cursor":"…","head":"…","more":true|false[,"gap":{…}],"readings":[…]}      a page of history
//   {"type":"topics","cursor":"…"[,"gap":{…}],"more":true|false,"topics":[{"topic":"…","count":N,"latest":{…}},…]}
//   {"seq":N,"time":N,"topic":"…","payload":…[,"encoding":"text|base64|omitted"][,"size":N][,"retained":true]
//                                                                              [,"redelivered":true][,"broker":"…"]}
//   {"seq":N,"time":N,"gateway":"…","broker":"…","state":"up|down"[,"session_resumed":true|false][,"snapshot":true]}
//
// Pure, any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/batch.hpp"
#include "gateway/cursor.hpp"
#include "gateway/entry.hpp"
#include "gateway/problem.hpp"
#include "gateway/topic_filter.hpp"

namespace fieldcast {

struct HistoryPage;

enum class GapReason : std::uint8_t { expired, slow, unknown, storage };
inline constexpr std::size_t kGapReasons = 4;
std::string_view to_string(GapReason reason);

struct Gap {
  GapReason reason;
  std::optional<std::uint64_t> missed;  // matching readings, exactly; or not known
};

/// RFC 4648 section 4, padded.
void append_base64(std::string& out, std::string_view bytes);

/// Appends `text` as a JSON string. Bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

/// `{"reason":"…","missed":N|null}`
void append_gap(std::string& out, const Gap& gap);

/// Appends one reading or link entry. A reading only `with_broker` names its own; a link entry always does.
void append_entry(std::string& out, const Entry& entry, bool with_broker);
void append_snapshot_link(std::string& out, const Entry& link);
/// Appends one topic of a list: its latest reading, and its count.
void append_topic(std::string& out, const Entry& latest, std::uint64_t count, bool with_broker);

/// Collects entries and seals them into a Batch; then empty and ready for the next.
class BatchBuilder {
 public:
  /// `json` is what append_entry made of the entry.
  void add_encoded(const Entry& entry, std::string_view json);
  /// Present states of links, as append_snapshot_link made them, comma-joined. They come before all entries and do not
  /// count.
  void set_snapshot_links(std::string_view json) { snapshot_links_ = json; }
  void join(const Batch& batch);
  void set_gap(Gap gap) { gap_ = gap; }
  void forget_missed() { gap_->missed.reset(); }  // of the gap that was set
  void set_snapshot() { snapshot_ = true; }

  bool has_gap() const { return gap_.has_value(); }
  bool empty() const { return entries() == 0 && snapshot_links_.empty() && !gap_; }
  std::size_t entries() const { return std::size_t{reading_count_} + link_count_; }
  std::uint32_t readings() const { return reading_count_; }
  std::uint64_t first_seq() const { return first_seq_; }  // of the first entry added
  std::size_t bytes() const { return links_.size() + readings_.size(); }

  std::shared_ptr<const Batch> seal(const Cursor& cursor, std::uint64_t begin, std::uint64_t end);

 private:
  std::string snapshot_links_, links_, readings_;
  std::uint32_t reading_count_ = 0, link_count_ = 0;
  std::uint64_t first_seq_ = 0;
  std::optional<Gap> gap_;
  bool snapshot_ = false;
};

std::string encode_page(const HistoryPage& page, bool with_broker);

/// `{"type":"subscribed"|"unsubscribed","id":ID,"topics":[…],"cursor":"…"}`; `id` is JSON already.
std::string encode_answer(std::string_view type, std::string_view id, const FilterSet& topics, const Cursor& cursor);

/// A page of the list of topics; `topics` is JSON already, comma-joined, as append_topic() made them.
std::string encode_topics(const Cursor& cursor, const std::optional<Gap>& gap, bool more, std::string_view topics);

/// `{"type":"error","id":ID,"code":"…","message":"…"}`; `id` is JSON already, "null" where there is none.
std::string encode_error(std::string_view id, const Problem& problem);

}  // namespace fieldcast

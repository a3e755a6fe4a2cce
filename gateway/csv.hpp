// Readings as a table (RFC 4180), for spreadsheets and scripts: the one place that knows its columns. Every row has all
// of them:
//
//   seq,time,topic,payload,encoding,retained,redelivered,broker
//
//   payload      the JSON as in a batch where `encoding` is empty; else the text itself, base64, or nothing (`omitted`)
//   retained, redelivered    `true` or empty
//   broker       empty where readings are not told with it
//
// Pure, any thread.
#pragma once

#include <string>
#include <string_view>

#include "gateway/entry.hpp"

namespace fieldcast {

inline constexpr std::string_view kCsvHeader = "seq,time,topic,payload,encoding,retained,redelivered,broker\r\n";

/// Appends one row and its CRLF.
void append_csv(std::string& out, const Entry& reading, bool with_broker);

}  // namespace fieldcast

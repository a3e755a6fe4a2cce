#include "tests/support/page.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tests/support/recorder.hpp"

namespace fieldcast::test {
namespace {

using nlohmann::json;

[[noreturn]] void fail(const std::string& what, const std::string& where) {
  throw std::runtime_error(what + ": " + where.substr(0, 500));
}

bool parse_bool(const std::string& text) {
  if (text != "true" && text != "false") fail("neither true nor false", text);
  return text == "true";
}

bool parse_mark(const std::string& text) {
  if (!text.empty() && text != "true") fail("neither true nor empty", text);
  return !text.empty();
}

std::uint64_t parse_number(const std::string& text) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos) fail("no number", text);
  return std::stoull(text);
}

void take_body(const std::string& body, Page& page) {
  if (body.find_first_of("\r\n") != std::string::npos) fail("a line break in a page", body);
  const auto value = json::parse(body);
  if (value.at("type") != "readings") fail("no page", body);
  page.cursor = value.at("cursor");
  page.head = value.at("head");
  page.more = value.at("more");
  if (const auto gap = value.find("gap"); gap != value.end()) page.gap = parse_gap(*gap);
  if (value.contains("links")) fail("links in a page", body);
  for (const auto& reading : value.at("readings")) page.readings.push_back(parse_reading(reading));
  record("Page", body);
}

void take_fields(const Response& response, Page& page) {
  page.cursor = response["fieldcast-cursor"];
  page.head = response["fieldcast-head"];
  page.more = parse_bool(response["fieldcast-more"]);
  if (const auto gap = response.header("fieldcast-gap")) page.gap = parse_gap(json::parse(*gap));
}

void take_lines(const std::string& body, Page& page) {
  for (std::size_t at = 0; at < body.size();) {
    const auto end = body.find('\n', at);
    if (end == std::string::npos) fail("the last line does not end", body);
    page.readings.push_back(parse_reading(json::parse(body.substr(at, end - at))));
    at = end + 1;
  }
}

void take_table(const std::string& body, Page& page) {
  const auto rows = parse_csv(body);
  const std::vector<std::string> header{"seq",      "time",     "topic",       "payload",
                                        "encoding", "retained", "redelivered", "broker"};
  if (rows.empty() || rows[0] != header) fail("not the header", body);
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const auto& row = rows[i];
    if (row.size() != header.size()) fail("a row of " + std::to_string(row.size()) + " fields", body);
    Reading reading;
    reading.seq = parse_number(row[0]);
    reading.time = static_cast<std::int64_t>(parse_number(row[1]));
    reading.topic = row[2];
    reading.payload = row[4].empty() ? json::parse(row[3]) : json(row[3]);
    reading.encoding = row[4];
    reading.retained = parse_mark(row[5]);
    reading.redelivered = parse_mark(row[6]);
    if (!row[7].empty()) reading.broker = row[7];
    page.readings.push_back(std::move(reading));
  }
}

}  // namespace

const char* to_string(PageFormat format) {
  return format == PageFormat::json ? "Json" : format == PageFormat::ndjson ? "Ndjson" : "Csv";
}

const char* media_type(PageFormat format) {
  return format == PageFormat::json     ? "application/json"
         : format == PageFormat::ndjson ? "application/x-ndjson"
                                        : "text/csv";
}

Page parse_page(const Response& response, PageFormat format) {
  if (response.status != 200) fail("status " + std::to_string(response.status), response.body);
  const std::string more = format == PageFormat::csv ? "; charset=utf-8; header=present" : "";
  if (response["content-type"] != media_type(format) + more) fail("another type", response["content-type"]);
  const bool has_fields = std::any_of(response.headers.begin(), response.headers.end(),
                                      [](const auto& field) { return field.first.starts_with("fieldcast-"); });
  if (has_fields == (format == PageFormat::json)) fail("Fieldcast- fields", to_string(format));
  Page page;
  page.raw = response.body;
  if (format == PageFormat::json) {
    take_body(response.body, page);
  } else {
    take_fields(response, page);
    format == PageFormat::ndjson ? take_lines(response.body, page) : take_table(response.body, page);
  }
  if (!is_cursor(page.cursor) || !is_cursor(page.head)) fail("no cursor", page.cursor + " " + page.head);
  return page;
}

Page get_page(std::uint16_t port, const std::string& query, PageFormat format) {
  return parse_page(http(port, {"/v1/readings?" + query, {{"Accept", media_type(format)}}}), format);
}

std::vector<std::vector<std::string>> parse_csv(const std::string& text) {
  std::vector<std::vector<std::string>> rows;
  std::size_t at = 0;
  while (at < text.size()) {
    auto& row = rows.emplace_back();
    for (bool last = false; !last;) {
      auto& field = row.emplace_back();
      if (text[at] == '"') {
        for (++at;; ++at) {
          const auto quote = text.find('"', at);
          if (quote == std::string::npos) fail("a quote that is not closed", text.substr(at));
          field.append(text, at, quote - at);
          at = quote + 1;
          if (at >= text.size() || text[at] != '"') break;
          field += '"';
        }
      } else {
        const auto end = std::min(text.find_first_of("\",\r\n", at), text.size());
        field.assign(text, at, end - at);
        at = end;
      }
      last = text.compare(at, 2, "\r\n") == 0;
      if (!last && (at >= text.size() || text[at] != ','))
        fail("neither a comma nor the end of a line", text.substr(at));
      at += last ? 2 : 1;
    }
  }
  return rows;
}

}  // namespace fieldcast::test

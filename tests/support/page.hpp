// A page of history as a client sees it, in each format that it can ask for. Plain values, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/batch.hpp"
#include "tests/support/http_client.hpp"

namespace fieldcast::test {

enum class PageFormat { json, ndjson, csv };
inline constexpr PageFormat kPageFormats[] = {PageFormat::json, PageFormat::ndjson, PageFormat::csv};
const char* to_string(PageFormat format);
/// The media type by which it is asked for.
const char* media_type(PageFormat format);

struct Page {
  std::string raw;  // the body
  std::string cursor, head;
  bool more = false;
  std::optional<Gap> gap;
  std::vector<Reading> readings;
};

/// Takes an answer apart, and throws std::runtime_error where it is no page in that format, byte for byte. Records it.
Page parse_page(const Response& response, PageFormat format);

/// `query` stands behind the `?`. Throws where the answer is no page.
Page get_page(std::uint16_t port, const std::string& query, PageFormat format = PageFormat::json);

/// The rows of RFC 4180, the header too; throws where a quote, a line break or a comma is out of place.
std::vector<std::vector<std::string>> parse_csv(const std::string& text);

}  // namespace fieldcast::test

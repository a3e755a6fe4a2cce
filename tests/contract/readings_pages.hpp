// What the tests of history share: walking it page by page, as a client does.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "tests/support/page.hpp"

namespace fieldcast::test {

/// Pages from the first to the last, each from the cursor of the one before. Throws where they do not end.
inline std::vector<Page> walk(std::uint16_t port, const std::string& query, PageFormat format = PageFormat::json) {
  constexpr std::size_t kMost = 5'000;
  std::vector<Page> pages{get_page(port, query, format)};
  while (pages.back().more) {
    if (pages.size() == kMost) throw std::runtime_error("pages without an end");
    pages.push_back(get_page(port, query + "&from=" + pages.back().cursor, format));
  }
  return pages;
}

/// The readings of all pages. Throws where one has a gap.
inline std::vector<Reading> readings_of(const std::vector<Page>& pages) {
  std::vector<Reading> found;
  for (const auto& page : pages) {
    if (page.gap) throw std::runtime_error("a gap: " + page.raw.substr(0, 500));
    found.insert(found.end(), page.readings.begin(), page.readings.end());
  }
  return found;
}

inline std::vector<Reading> reversed(const std::vector<Reading>& readings) {
  return {readings.rbegin(), readings.rend()};
}

/// A test over each format and order.
using FormatAndOrder = std::tuple<PageFormat, std::string>;

class OverFormatsAndOrders : public ::testing::TestWithParam<FormatAndOrder> {
 protected:
  PageFormat format() { return std::get<0>(GetParam()); }
  const std::string& order() { return std::get<1>(GetParam()); }
  bool ascending() { return order() == "asc"; }
  /// What a stream gave, as pages in this format and order must give it.
  std::vector<Reading> expected(std::vector<Reading> readings) {
    if (format() == PageFormat::csv)  // has no column for it
      for (auto& reading : readings) reading.size.reset();
    return ascending() ? readings : reversed(readings);
  }
};

inline auto each_format_and_order() {
  return ::testing::Combine(::testing::ValuesIn(kPageFormats), ::testing::Values("asc", "desc"));
}

inline std::string format_and_order_name(const ::testing::TestParamInfo<FormatAndOrder>& info) {
  return to_string(std::get<0>(info.param)) + ("_" + std::get<1>(info.param));
}

}  // namespace fieldcast::test

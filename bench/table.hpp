// The benchmarks' report: a table in Markdown whose columns are aligned on a terminal too. One thread.
#pragma once

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace fieldcast::bench {

class Table {
 public:
  explicit Table(std::vector<std::string> header) { add(std::move(header)); }

  /// As many cells as the header has.
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }

  void print() const {
    std::vector<std::size_t> widths(rows_.front().size(), 3);
    for (const auto& row : rows_)
      for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      for (std::size_t i = 0; i < widths.size(); ++i)
        std::printf("| %*s ", static_cast<int>(widths[i]) * (i == 0 ? -1 : 1), rows_[r][i].c_str());
      std::puts("|");
      if (r > 0) continue;
      for (std::size_t i = 0; i < widths.size(); ++i)
        std::printf("| %s%s ", std::string(widths[i] - 1, '-').c_str(), i == 0 ? "-" : ":");
      std::puts("|");
    }
    std::puts("");
  }

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// A number with so many digits after the point, and its unit.
inline std::string number(double value, int digits, const char* unit = "") {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f%s", digits, value, unit);
  return text;
}

}  // namespace fieldcast::bench

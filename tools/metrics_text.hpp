// What /metrics says, read back: Prometheus' text format, as far as the gateway writes it. Pure, any thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace fieldcast::tools {

class MetricsText {
 public:
  struct Sample {
    std::string name;
    std::map<std::string, std::string> labels;
    double value = 0;
  };

  /// Lines that are none are passed over.
  explicit MetricsText(std::string_view text);

  /// Of a metric, all its label sets summed up; 0 where there is none.
  double sum(std::string_view name) const;
  std::vector<Sample> samples(std::string_view name) const;
  /// The value of each set of a metric, by one of its labels.
  std::map<std::string, double> by(std::string_view name, const std::string& label) const;

 private:
  std::vector<Sample> samples_;
};

}  // namespace fieldcast::tools

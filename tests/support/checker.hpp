// What was published, and whether a client saw exactly its part of it. Owned by the publishing thread;
// fault() may be called from any once nothing is published any more.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/batch.hpp"
#include "tests/support/publisher.hpp"

namespace fieldcast::test {

/// MQTT 5 section 4.7, of a filter and a topic without fault; its own code, so that the gateway's is not
/// tested against itself.
bool matches(std::string_view filter, std::string_view topic);
bool matches_any(const std::vector<std::string>& filters, std::string_view topic);

/// Numbers messages as {"publisher":p,"number":n}.
class Checker {
 public:
  /// The next message of a publisher to a topic.
  Message next(int publisher, const std::string& topic);

  enum class Repeats {
    none,
    // A gateway or a broker that ended before it had read an acknowledgement gets or sends a message again; the gateway
    // marks it.
    marked,
    // Besides, a broker that stopped before it acknowledged gets a message twice, at most a window of them.
    of_retries,
  };

  /// Empty where `seen` holds of each publisher exactly what matches the filters, each once and in the order in
  /// which it was published; else what is wrong, for a human.
  std::string fault(const std::vector<std::string>& filters, const std::vector<Reading>& seen,
                    Repeats repeats = Repeats::none) const;

  /// The same where a gap before the reading at `gap` says that some may be missing there.
  std::string fault_but_gap(const std::vector<std::string>& filters, const std::vector<Reading>& seen, std::size_t gap,
                            Repeats repeats) const;

  /// How many of the published match.
  std::size_t count(const std::vector<std::string>& filters) const;

 private:
  std::map<int, std::vector<std::string>> topics_;  // by publisher: the topic of each number
};

/// Empty where both hold the same entries of the log, in the same order.
std::string difference(const std::vector<Reading>& expected, const std::vector<Reading>& seen);

}  // namespace fieldcast::test

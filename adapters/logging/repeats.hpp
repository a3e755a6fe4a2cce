// Keeps floods out of the operator's log: the first of the events of one kind about one subject is written at once,
// what comes within a minute is counted, and then the last of it is written with its number; so on for as long as more
// comes. What it takes in memory is bounded, however many subjects there are.
//
// Pure but for the time that it is given. One thread at a time. Owned by the writer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "gateway/clock.hpp"
#include "gateway/event.hpp"

namespace fieldcast::logging {

// For so long an event about the same subject is counted.
inline constexpr std::chrono::minutes kHeldFor{1};
// Subjects whose events are told apart; those that come beyond share one place for each kind of event.
inline constexpr std::size_t kSubjects = 256;
// Of a subject's name and part, each: those that differ behind that are one.
inline constexpr std::size_t kSubjectBytes = 128;

/// Events that were counted.
struct Repeated {
  Event event;
  std::string name, part, text;  // of the last of them
  std::uint64_t times;
};

class Repeats {
 public:
  /// Whether it is to be written now. What is beyond the first of `times` is counted in any case.
  bool take(Event event, const Subject& subject, std::string_view text, std::uint64_t times, Instant now);

  /// What is to be written now, with its number: of all whose minute is over.
  std::vector<Repeated> due(Instant now);
  /// Of all that were counted; it is then as new.
  std::vector<Repeated> rest();

 private:
  using Key = std::tuple<Event, std::string, std::string>;
  struct Held {
    Instant until;
    std::uint64_t times = 0;
    std::string text{};
  };

  std::map<Key, Held> held_;
};

}  // namespace fieldcast::logging

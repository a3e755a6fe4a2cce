// What the operator's log can say: a table of events, each with the one name that it has in the log's lines, in the
// journal's fields, in the metrics and in docs/events.md. And the port through which every room says it.
//
// note() may be called by any thread, at any rate: whoever keeps the log writes an event once, counts what comes again
// about the same subject, and writes that count once a minute. It may wait for standard error, so it is not for Paho's
// thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fieldcast {

enum class Level : std::uint8_t { debug, info, warning, error };

enum class Event : std::uint8_t {
  // the process
  started,
  listening,
  few_descriptors,
  loop_held,
  stopping,
  stopped,
  stopped_without_disk,
  // brokers
  broker_up,
  broker_down,
  broker_unreachable,
  probe_off,
  subscribed,
  subscription_refused,
  unsubscribed,
  unsubscription_refused,
  faulty_topic,
  not_subscribed,
  commands_unreachable,
  commands_unanswered,
  // the disk
  storage_up,
  storage_down,
  journal_on_disk,
  log_end_unknown,
  entries_lost,
  data_damaged,
  // clients
  certificate_renewed,
  certificate_faulty,
  certificate_expiring,
  certificate_expired,
  limit_reached,
};
inline constexpr std::size_t kEvents = 30;

/// One row of the table.
struct EventInfo {
  std::string_view word;
  Level level;
  std::string_view subject, part;  // what these are, in one word each: `broker`, `filter`; empty where there is none
  std::string_view meaning;        // what has happened
  std::string_view remedy;         // what to do; empty where there is nothing
};

const EventInfo& info(Event event);

/// What an event is about: those of one kind about different subjects do not silence each other.
struct Subject {
  std::string_view name, part;
};

/// Counted since the start.
struct EventCounts {
  std::array<std::uint64_t, kEvents> noted{};  // those that were not written among them
  std::uint64_t lines = 0;                     // written
  std::uint64_t lost_lines = 0;                // that could not be written
};

/// Port: the operator's log. Implemented in adapters/logging.
class EventLog {
 public:
  virtual void note(Event event, const Subject& subject, std::string_view text, std::uint64_t times) noexcept = 0;

 protected:
  ~EventLog() = default;
};

/// Where note() goes, from any thread: the process has one log, as it has one standard error. Set before the threads
/// that note start, and to null after they have ended; without one nothing is said.
void set_event_log(EventLog* log) noexcept;

/// `text` is the line, whole and for people; what it quotes need not be escaped. `times`: so often, since it was noted
/// last.
void note(Event event, const Subject& subject, std::string_view text, std::uint64_t times = 1) noexcept;

}  // namespace fieldcast

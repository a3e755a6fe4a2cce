#include "app/watch.hpp"

#include <functional>
#include <string>
#include <utility>

#include "gateway/event.hpp"

namespace fieldcast {
namespace {

/// How much was added since.
std::uint64_t growth(std::uint64_t& before, std::uint64_t now) {
  return now - std::exchange(before, now);
}

/// Those that an operator turns: what is reached of the others is a fault of one client, which is told.
bool has_key(Limit limit) {
  return info(limit).bound.find('.') != std::string_view::npos;
}

}  // namespace

Watch::Watch(std::span<const Counters* const> counters, const Clock& clock) : counters_(counters), clock_(clock) {}

template <class Which>
std::uint64_t Watch::sum(Which which) const {
  std::uint64_t total = 0;
  for (const Counters* const set : counters_) total += std::invoke(which, *set).value();
  return total;
}

void Watch::look() {
  for (std::size_t i = 0; i < kLimits; ++i) {
    const Limit limit{static_cast<std::uint8_t>(i)};
    const auto times = growth(limits_reached_[i], sum([i](const Counters& c) -> auto& { return c.limits_reached[i]; }));
    if (times != 0 && has_key(limit))
      note(Event::limit_reached, {info(limit).word, {}}, std::string(info(limit).bound) + " is reached", times);
  }
  if (const auto lost = growth(lost_, sum(&Counters::lost_entries)))
    note(Event::entries_lost, {}, "storage: entries left the journal before they were on disk", lost);
  if (const auto damaged = growth(damaged_, sum(&Counters::damaged)))
    note(Event::data_damaged, {}, "storage: blocks of entries were read damaged from the disk", damaged);

  const Instant now = clock_.now();
  const auto over = [](const Counters& c) -> auto& {
    return c.limits_reached[std::size_t(Limit::connections)];
  };
  if (growth(refused_, sum(over)) != 0) {
    last_refused_ = now;
    if (refusing_since_ == 0) refusing_since_ = clock_.wall_ms();
  } else if (now - last_refused_ >= kRefusing) {
    refusing_since_ = 0;
  }
}

std::optional<std::int64_t> Watch::clients_refused() const {
  const std::int64_t since = refusing_since_;
  return since == 0 ? std::nullopt : std::optional(since);
}

}  // namespace fieldcast

#include "adapters/logging/repeats.hpp"

#include <utility>

namespace fieldcast::logging {

bool Repeats::take(Event event, const Subject& subject, std::string_view text, std::uint64_t times, Instant now) {
  Key key{event, subject.name.substr(0, kSubjectBytes), subject.part.substr(0, kSubjectBytes)};
  auto found = held_.find(key);
  if (found == held_.end() && held_.size() >= kSubjects) found = held_.find(key = {event, "", ""});
  const bool news = found == held_.end() || (found->second.times == 0 && now >= found->second.until);
  if (found == held_.end()) found = held_.emplace(std::move(key), Held{}).first;
  Held& held = found->second;
  if (news) {
    held.until = now + kHeldFor;
    --times;
  }
  held.times += times;
  if (times != 0) held.text = text;
  return news;
}

std::vector<Repeated> Repeats::due(Instant now) {
  std::vector<Repeated> out;
  for (auto at = held_.begin(); at != held_.end();) {
    const auto& [event, name, part] = at->first;
    Held& held = at->second;
    if (now < held.until) {
      ++at;
    } else if (held.times == 0) {
      at = held_.erase(at);
    } else {
      out.push_back({event, name, part, std::exchange(held.text, {}), std::exchange(held.times, 0)});
      held.until = now + kHeldFor;
      ++at;
    }
  }
  return out;
}

std::vector<Repeated> Repeats::rest() {
  std::vector<Repeated> out = due(Instant::max() - kHeldFor);
  held_.clear();
  return out;
}

}  // namespace fieldcast::logging

#include "tools/status.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <sstream>
#include <thread>
#include <vector>

#include "adapters/logging/logging.hpp"
#include "gateway/clock.hpp"
#include "storage/archive.hpp"
#include "tools/metrics_text.hpp"
#include "tools/text.hpp"

namespace fieldcast::tools {
namespace {

// Between the two looks that give rates.
constexpr std::chrono::seconds kLook{1};
// The newest readings, in which the last one of each broker is looked for.
constexpr int kNewest = 1'000;
// Of what is degraded so much is told.
constexpr std::size_t kDegradedLines = 5;

struct Reading {
  std::int64_t time = 0;
  std::string broker;  // empty where there is one only
};

/// The body of an answer, `null` where it is not JSON.
nlohmann::json body_of(const WebClient::Answer& answer) {
  return nlohmann::json::parse(answer.body, nullptr, false);
}

std::vector<Reading> readings(WebClient& client, const std::string& more) {
  const auto page = body_of(client.get("/v1/readings?topic=%23&" + more));
  std::vector<Reading> found;
  if (!page.is_object() || !page.contains("readings")) return found;
  for (const auto& reading : page.at("readings"))
    found.push_back({reading.at("time").get<std::int64_t>(), reading.value("broker", "")});
  return found;
}

/// What the gateway said.
struct Answers {
  nlohmann::json readiness;
  MetricsText before, after;
  std::chrono::duration<double> between{};
  std::vector<Reading> newest;
  std::optional<std::int64_t> oldest;
};

Answers ask(WebClient& client) {
  nlohmann::json readiness = body_of(client.get("/readyz"));
  const MetricsText before(client.get("/metrics").body);
  if (!readiness.is_object() || !readiness.contains("status") || before.samples("fieldcast_build_info").empty())
    throw NoAnswer("what answers there is no Fieldcast gateway");
  const auto began = std::chrono::steady_clock::now();
  const auto oldest = readings(client, "limit=1");
  std::this_thread::sleep_for(kLook);
  const MetricsText after(client.get("/metrics").body);
  const std::chrono::duration<double> between = std::chrono::steady_clock::now() - began;
  return {std::move(readiness),
          before,
          after,
          between,
          readings(client, "order=desc&limit=" + std::to_string(kNewest)),
          oldest.empty() ? std::nullopt : std::optional(oldest.front().time)};
}

class Report {
 public:
  Report(std::ostream& out, bool colours) : out_(out), colours_(colours), now_(SystemClock().wall_ms()) {}

  bool of(const Answers& answers, const std::string& url) {
    const MetricsText& metrics = answers.after;
    const bool ready = answers.readiness.at("status") == "ready";
    const auto& degraded = answers.readiness.at("degraded");
    const std::string version = metrics.samples("fieldcast_build_info").front().labels.at("version");
    const std::string state = !ready             ? "not ready: " + answers.readiness.at("status").get<std::string>()
                              : degraded.empty() ? "ready"
                                                 : "ready, but degraded";
    const char* const colour = !ready ? kRed : degraded.empty() ? kGreen : kYellow;
    head("fieldcast " + version + " at " + url + ": ", colour, state);
    const auto started = static_cast<std::int64_t>(metrics.sum("process_start_time_seconds") * 1'000);
    line("up", "since " + since(started));
    for (std::size_t i = 0; i < std::min(degraded.size(), kDegradedLines); ++i) {
      const auto& one = degraded[i];
      line("degraded", one.at("what").get<std::string>() + ' ' + one.at("name").get<std::string>() + ": " +
                           one.at("detail").get<std::string>() + ", since " + since(one.at("since")));
    }
    if (degraded.size() > kDegradedLines)
      line("degraded", "and " + std::to_string(degraded.size() - kDegradedLines) + " more: see /readyz");
    brokers(answers);
    line("storage", size_text(metrics.sum("fieldcast_database_bytes")) + " on disk, " +
                        (answers.oldest ? "readings since " + since(*answers.oldest) : "no readings yet") + ", " +
                        number_text(metrics.sum("fieldcast_unstored_entries")) + " not on disk yet");
    line("clients", list(metrics.by("fieldcast_clients", "transport"), true, "") + "; " +
                        number_text(metrics.sum("fieldcast_connections")) + " connections");
    line("gaps", list(metrics.by("fieldcast_gaps_total", "reason"), false, "none stated since the start"));
    line("limits", list(metrics.by("fieldcast_limits_reached_total", "limit"), false, "none reached since the start"));
    line("memory", size_text(metrics.sum("process_resident_memory_bytes")));
    return ready;
  }

  void no_answer(const std::string& url, const std::string& why) {
    head("fieldcast at " + url + ": ", kRed, "does not answer: " + why);
  }

  void of_database(const std::string& path) {
    try {
      Archive archive(path);
      const Archive::Summary summary = archive.summary();
      std::error_code none;
      const auto size = std::filesystem::file_size(path, none);
      std::string text = path + ", " + size_text(none ? 0 : static_cast<double>(size));
      const auto first = entry_time(archive, summary.floor, true),
                 last = entry_time(archive, summary.end.last_seq, false);
      text += first && last ? ": from " + time_text(*first) + " to " + since(*last) : ": nothing in it";
      line("database", text + (summary.end.clean ? "; stopped cleanly" : "; not stopped cleanly"));
    } catch (const std::exception& error) {
      line("database", error.what());
    }
  }

 private:
  static constexpr const char* kRed = "\x1b[31m";
  static constexpr const char* kYellow = "\x1b[33m";
  static constexpr const char* kGreen = "\x1b[32m";

  std::string since(std::int64_t time) const {
    return time_text(time) + " (" + span_text(std::max<std::int64_t>(0, now_ - time)) + ")";
  }

  void head(const std::string& text, const char* colour, const std::string& state) {
    out_ << logging::escape(text) << (colours_ ? colour : "") << logging::escape(state) << (colours_ ? "\x1b[0m" : "")
         << '\n';
  }

  void line(std::string name, const std::string& text) {
    name.resize(10, ' ');
    out_ << name << logging::escape(text) << '\n';
  }

  void brokers(const Answers& answers) {
    const auto before = answers.before.by("fieldcast_broker_messages_total", "broker");
    const auto after = answers.after.by("fieldcast_broker_messages_total", "broker");
    for (const auto& [name, up] : answers.after.by("fieldcast_broker_up", "broker")) {
      const auto messages = after.find(name), earlier = before.find(name);
      const double rate = messages == after.end() || earlier == before.end()
                              ? 0
                              : (messages->second - earlier->second) / answers.between.count();
      const auto last = std::find_if(answers.newest.begin(), answers.newest.end(), [&broker = name](const Reading& r) {
        return r.broker.empty() || r.broker == broker;
      });
      line("broker", name + (up == 1 ? " is up: " : " is down: ") + number_text(rate) + " messages/s, " +
                         (last != answers.newest.end()
                              ? "last reading " + span_text(std::max<std::int64_t>(0, now_ - last->time)) + " ago"
                              : "none of the last " + std::to_string(kNewest) + " readings"));
    }
  }

  /// `zeros`: those too.
  static std::string list(const std::map<std::string, double>& values, bool zeros, const std::string& none) {
    std::string out;
    for (const auto& [name, value] : values) {
      if (value == 0 && !zeros) continue;
      if (!out.empty()) out += ", ";
      out.append(name).append(" ").append(number_text(value));
    }
    return out.empty() ? none : out;
  }

  /// Of the entry behind the position, or the one at it.
  static std::optional<std::int64_t> entry_time(Archive& archive, std::uint64_t position, bool behind) {
    std::optional<std::int64_t> time;
    Archive::Walk walk;
    walk.take = [&](std::span<const Entry> entries) {
      if (!time || !behind) time = behind ? entries.front().time : entries.back().time;
    };
    walk.found = [](const Finding&) {};
    if (!behind) position -= position == 0 ? 0 : 1;
    while (!time && archive.step(position, walk)) {
    }
    return time;
  }

  std::ostream& out_;
  const bool colours_;
  const std::int64_t now_;
};

}  // namespace

bool show_status(const StatusOptions& options, std::ostream& out) {
  WebClient client(options.url, options.trust);
  const auto not_answered = [&](const std::string& why) {
    Report report(out, options.colours);
    report.no_answer(options.url, why);
    if (!options.database.empty()) report.of_database(options.database);
    return false;
  };
  try {
    const Answers answers = ask(client);
    std::ostringstream text;  // all of it or nothing
    const bool ready = Report(text, options.colours).of(answers, options.url);
    out << text.str();
    return ready;
  } catch (const NoAnswer& fault) {
    return not_answered(fault.what());
  } catch (const nlohmann::json::exception& fault) {
    return not_answered(std::string("it answers with something else: ") + fault.what());
  }
}

}  // namespace fieldcast::tools

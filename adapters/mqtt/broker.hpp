// One broker: keeps a connection to it, subscribes, and puts what it sends into the log, with a link entry at each
// change of the connection.
//
// Owned by the app. A thread of its own resolves, connects, subscribes, probes and waits; messages and link entries are
// appended in Paho's receive thread, in the order of the wire: `up` before the first message of a connection, `down`
// behind its last. Each change is written once; nothing is written before the first `up` of the process: a `down` that
// a former one owed is the log's to write.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "adapters/mqtt/connection_events.hpp"
#include "adapters/mqtt/intake.hpp"
#include "adapters/mqtt/resolver.hpp"
#include "adapters/mqtt/settings.hpp"
#include "gateway/clock.hpp"
#include "gateway/counters.hpp"
#include "gateway/event.hpp"
#include "gateway/limits.hpp"
#include "gateway/log.hpp"

namespace fieldcast::mqtt {

class Connection;

/// What /readyz and the metrics tell of a broker.
struct State {
  std::string name;
  bool up = false;
  std::int64_t since = 0;            // Unix ms of the last change; of the construction, before any
  bool session_resumed = false;      // at the last connect
  std::uint64_t connects = 0;        // accepted by the broker
  std::uint64_t failures = 0;        // attempts that failed, and connections lost
  std::string last_error;            // why the last attempt failed or the connection went; empty while it is up
  std::size_t subscribed = 0;        // topic filters that the broker granted on this connection
  std::vector<std::string> refused;  // topic filters that it did not
  std::uint64_t messages = 0;        // received, but probes of any gateway
  std::uint64_t bytes = 0;           // of their topics and payloads
  std::int64_t last_message = 0;     // Unix ms of the last of them; 0 before the first
  std::uint64_t faulty_topics = 0;   // of those, dropped: no topic name by MQTT 5
  std::uint64_t not_subscribed = 0;  // of those, dropped: of a filter that only the broker's session remembers
};

class Broker final : private ConnectionEvents {
 public:
  /// `gateway` is this gateway's name in link entries. Log and clock outlive the broker; the settings have no faults.
  Broker(Settings settings, std::string gateway, const Limits& limits, LogWriter& log, const Clock& clock,
         Classify classify, Resolver::LookUp look_up = mqtt::look_up);
  ~Broker();
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  /// Begins to connect. Once. Throws where Paho or a thread cannot be had.
  void start();

  /// Begins what stop() does and waits for, so that several brokers stop at the same time.
  void request_stop();

  /// Ends the connection, keeps the session at the broker and writes `down` if it was up; nothing is appended
  /// afterwards. Takes about 2 s at most, also while resolving or connecting. May be called again.
  void stop();

  /// Any thread.
  State state() const;
  bool is_up() const;
  const Settings& settings() const { return settings_; }

 private:
  struct Answer {
    bool subscribed;  // or unsubscribed
    std::string filter, refusal;
  };
  struct Dropped {
    std::string topic;  // of the first one
    std::uint64_t times = 0;
  };

  // The broker's thread.
  void run(Connection& connection, const std::stop_token& stop) noexcept;
  bool connect(Connection& connection, const std::stop_token& stop);
  bool attempt(Connection& connection, const std::string& address, const std::stop_token& stop, std::string& reason);
  std::string failure(const std::string& address, const std::stop_token& stop);
  void subscribe(Connection& connection);
  void hold(Connection& connection, const std::stop_token& stop);
  void report_failure(const std::string& reason);
  void report_answers();
  void report_subscribed(const Answer& answer);
  void report_unsubscribed(const Answer& answer);
  bool set_refused(const std::string& filter, bool refused);
  void report_dropped();
  void note(Event event, const std::string& text, std::string_view filter = {}, std::uint64_t times = 1) const;
  bool session_resumed() const;

  // Paho's threads.
  void on_up(bool session_resumed) noexcept override;
  void on_down(const std::string& reason) noexcept override;
  void on_disconnected() noexcept override;
  void on_connect_failed(const std::string& reason) noexcept override;
  void on_subscribed(const std::string& filter, const std::string& refusal) noexcept override;
  void on_unsubscribed(const std::string& filter, const std::string& refusal) noexcept override;
  void on_message(const Message& message) noexcept override;
  void take_answer(Answer answer) noexcept;
  void change_link(LinkState link, bool session_resumed) noexcept;

  const Settings settings_;
  const std::string gateway_;
  const std::string probe_topic_;
  const std::string label_;  // the name as it stands in lines of the log: no line can be forged with it
  LogWriter& log_;
  const Clock& clock_;

  // The broker's thread only.
  Resolver resolver_;
  bool probing_ = false;
  bool ended_on_probe_ = false;              // the last connection was lost, and none had come back
  std::vector<std::string> wants_retained_;  // filters whose retained messages the log was never sent
  std::vector<std::string> former_topics_;   // that the session may still have
  std::string logged_error_;                 // the failure that was logged last in this outage

  // Paho's receive thread only.
  Intake intake_;

  // Written by Paho's receive thread, read by any.
  std::atomic<Instant> heard_{Instant{}};      // when the last message came
  std::atomic<Instant> returned_{Instant{}};   // when the last probe came back
  std::atomic<std::int64_t> last_message_{0};  // Unix ms, of any but a probe
  Counter messages_, bytes_, faulty_topics_, not_subscribed_;

  mutable std::mutex mutex_;  // held for moments, never while calling Paho or the log
  std::condition_variable_any changed_;
  State state_;
  std::optional<std::string> attempt_failed_;
  std::vector<Answer> answers_;  // since last looked; at most one for each filter
  Dropped faulty_, foreign_;  // since last looked: told by the broker's thread, since Paho's may not wait for the log

  std::jthread thread_;
};

}  // namespace fieldcast::mqtt

#include "adapters/mqtt/broker.hpp"

#include <algorithm>
#include <random>
#include <system_error>
#include <utility>

#include "adapters/mqtt/backoff.hpp"
#include "adapters/mqtt/connection.hpp"
#include "adapters/mqtt/probe.hpp"
#include "adapters/mqtt/tls_check.hpp"
#include "gateway/encoding.hpp"

namespace fieldcast::mqtt {
namespace {

using namespace std::chrono_literals;

// Paho ends an attempt itself, in steps of three seconds; this is for the case that it does not.
constexpr auto kAttemptDeadline = Connection::kConnectTimeout + 5s;
// A connection that was lost sooner is a failed attempt: the back-off goes on. (Two clients with one id push each other
// out.)
constexpr auto kSteady = 10s;
// What a clean stop waits for the DISCONNECT to be on the wire.
constexpr auto kDisconnectDeadline = 1s;
// Bytes of a topic that a line of the log quotes.
constexpr std::size_t kQuotedTopic = 200;

std::string in_quotes(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

// Over TLS Paho gets the name and takes one of its addresses: the first of IPv4, or else the last.
void keep_pahos_choice(std::vector<std::string>& addresses) {
  const auto is_v4 = [](const std::string& address) { return address.find(':') == std::string::npos; };
  const auto v4 = std::ranges::find_if(addresses, is_v4);
  if (v4 != addresses.end()) {
    addresses = {*v4};
  } else if (!addresses.empty()) {
    addresses = {addresses.back()};
  }
}

std::function<double()> random_numbers() {
  return [engine = std::minstd_rand(std::random_device()()), even = std::uniform_real_distribution<>(0, 1)]() mutable {
    return even(engine);
  };
}

}  // namespace

Broker::Broker(Settings settings, std::string gateway, const Limits& limits, LogWriter& log, const Clock& clock,
               Classify classify, Resolver::LookUp look_up)
    : settings_(std::move(settings)),
      gateway_(std::move(gateway)),
      probe_topic_(mqtt::probe_topic(settings_)),
      label_("broker " + in_quotes(settings_.name)),
      log_(log),
      clock_(clock),
      resolver_(settings_.host, std::move(look_up)),
      former_topics_(settings_.former_topics),
      intake_(settings_, limits, log, std::move(classify)) {
  if (settings_.log_is_empty) wants_retained_ = settings_.topics;
  state_.name = settings_.name;
  state_.since = clock_.wall_ms();
}

Broker::~Broker() {
  stop();
}

void Broker::start() {
  auto connection = std::make_unique<Connection>(settings_, static_cast<ConnectionEvents&>(*this));
  thread_ = std::jthread([this, connection = std::move(connection)](const std::stop_token& stop) mutable noexcept {
    run(*connection, stop);
    connection.reset();
    // Where the disconnect took too long. No event comes any more, so this is behind the last message.
    if (is_up()) change_link(LinkState::down, false);
  });
}

void Broker::request_stop() {
  thread_.request_stop();
}

void Broker::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

State Broker::state() const {
  const std::lock_guard lock(mutex_);
  State copy = state_;
  copy.messages = messages_.value();
  copy.bytes = bytes_.value();
  copy.last_message = last_message_;
  copy.faulty_topics = faulty_topics_.value();
  copy.not_subscribed = not_subscribed_.value();
  return copy;
}

bool Broker::is_up() const {
  const std::lock_guard lock(mutex_);
  return state_.up;
}

bool Broker::session_resumed() const {
  const std::lock_guard lock(mutex_);
  return state_.session_resumed;
}

void Broker::run(Connection& connection, const std::stop_token& stop) noexcept {
  Backoff backoff(random_numbers());
  while (!stop.stop_requested()) {
    if (is_up() || connect(connection, stop)) {
      const Instant began = clock_.now();
      subscribe(connection);
      hold(connection, stop);
      if (clock_.now() - began >= kSteady) backoff.reset();
    }
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, backoff.next(), [this] { return state_.up; });
  }
  connection.disconnect();
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kDisconnectDeadline, [this] { return !state_.up; });
}

bool Broker::connect(Connection& connection, const std::stop_token& stop) {
  Resolution resolution;
  try {
    resolution = resolver_.resolve(kResolveDeadline, stop);
  } catch (const std::system_error& error) {
    resolution.error = error.what();
  }
  if (settings_.tls) keep_pahos_choice(resolution.addresses);
  std::string reason = in_quotes(settings_.host) + " is not resolved: " + resolution.error;
  for (const std::string& address : resolution.addresses)
    if (attempt(connection, address, stop, reason)) return true;
  if (!stop.stop_requested()) report_failure(reason);
  return false;
}

bool Broker::attempt(Connection& connection, const std::string& address, const std::stop_token& stop,
                     std::string& reason) {
  std::unique_lock lock(mutex_);
  attempt_failed_.reset();
  const std::uint64_t connects = state_.connects;
  lock.unlock();
  connection.connect(settings_.tls ? settings_.host : address, settings_.port);
  lock.lock();
  // The count, not `up`: a connection may be lost again before this thread wakes.
  changed_.wait_for(lock, stop, kAttemptDeadline,
                    [&] { return attempt_failed_.has_value() || state_.connects != connects; });
  if (state_.connects == connects) {
    lock.unlock();
    reason = address + " port " + std::to_string(settings_.port) + ": " + failure(address, stop);
    return false;
  }
  const bool ended_on_probe = std::exchange(ended_on_probe_, false);
  probing_ = settings_.probe.value_or(on_this_machine(address));
  note(Event::broker_up, "connected to " + address + " port " + std::to_string(settings_.port) + ", session " +
                             (state_.session_resumed ? "resumed" : "new"));
  logged_error_.clear();
  // Mosquitto hangs up on a message that it refuses where its queues have no limit: so not again.
  if (probing_ && ended_on_probe) {
    probing_ = false;
    note(Event::probe_off, "the last connection ended with the probe " + in_quotes(probe_topic_) +
                               ", which the broker may not allow: it is off until the next connect");
  }
  return true;
}

// Why the attempt failed.
std::string Broker::failure(const std::string& address, const std::stop_token& stop) {
  std::string reason = "no answer";
  {
    const std::lock_guard lock(mutex_);
    if (attempt_failed_) reason = *attempt_failed_;
  }
  if (reason.empty() && settings_.tls) reason = tls_fault(settings_, address, stop);
  return reason.empty() ? "no connection, or no answer of an MQTT 5 broker" : reason;
}

// Made again on every connect: the broker may have lost the session, or another filter may be in it. A log that is
// empty wants all retained messages, though the broker may still have the session: until they were granted once.
void Broker::subscribe(Connection& connection) {
  for (const std::string& topic : settings_.topics) {
    const bool wanted = std::ranges::find(wants_retained_, topic) != wants_retained_.end();
    connection.subscribe(topic, settings_.qos, wanted ? Connection::Retained::all : Connection::Retained::only_if_new);
  }
  if (probing_) connection.subscribe(probe_topic_, 0, Connection::Retained::only_if_new);
  if (!session_resumed()) former_topics_.clear();  // a new session has none
  // Behind the subscriptions, so that where one is part of a former one nothing is lost in between.
  for (const std::string& topic : former_topics_) connection.unsubscribe(topic);
}

void Broker::hold(Connection& connection, const std::stop_token& stop) {
  Probe probe;
  std::unique_lock lock(mutex_);
  while (state_.up && !stop.stop_requested()) {
    lock.unlock();
    report_answers();
    report_dropped();
    if (probing_) {
      switch (probe.tick(clock_.now(), heard_, returned_)) {
        case Probe::Step::send:
          connection.send_probe();
          break;
        case Probe::Step::give_up:
          probing_ = false;
          note(Event::probe_off,
               "the probe " + in_quotes(probe_topic_) + " does not come back: it is off until the next connect");
          break;
        case Probe::Step::wait:
          break;
      }
    }
    lock.lock();
    changed_.wait_for(lock, stop, Probe::kInterval, [this] { return !state_.up || !answers_.empty(); });
  }
  const std::string reason = state_.last_error;
  const bool lost = !state_.up;
  lock.unlock();
  ended_on_probe_ = lost && probing_ && probe.unanswered(returned_);
  report_dropped();
  if (lost) {
    note(Event::broker_down, reason);
    logged_error_ = reason;
  }
}

// Logged once, and again only where the reason is another; the rest is counted.
void Broker::report_failure(const std::string& reason) {
  {
    const std::lock_guard lock(mutex_);
    ++state_.failures;
    state_.last_error = reason;
  }
  if (reason == logged_error_) return;
  note(Event::broker_unreachable, "no connection: " + reason + "; trying on");
  logged_error_ = reason;
}

void Broker::report_answers() {
  std::vector<Answer> answers;
  {
    const std::lock_guard lock(mutex_);
    answers.swap(answers_);
  }
  for (const Answer& answer : answers) {
    if (answer.subscribed)
      report_subscribed(answer);
    else
      report_unsubscribed(answer);
  }
}

void Broker::report_subscribed(const Answer& answer) {
  const auto& [_, filter, refusal] = answer;
  if (filter == probe_topic_) {
    if (refusal.empty()) return;
    probing_ = false;
    note(Event::probe_off,
         "the probe " + in_quotes(filter) + " is refused: " + refusal + ": it is off until the next connect");
    return;
  }
  const bool news = set_refused(filter, !refusal.empty());
  if (refusal.empty()) {
    std::erase(wants_retained_, filter);
    note(Event::subscribed, "subscribed to " + in_quotes(filter), filter);
  } else if (news) {
    note(Event::subscription_refused, "the subscription to " + in_quotes(filter) + " is refused: " + refusal, filter);
  }
}

// A refusal costs only messages that are dropped here: the next connect asks again.
void Broker::report_unsubscribed(const Answer& answer) {
  const auto& [_, filter, refusal] = answer;
  if (refusal.empty()) {
    std::erase(former_topics_, filter);
    note(Event::unsubscribed, "unsubscribed from " + in_quotes(filter), filter);
  } else {
    note(Event::unsubscription_refused, "not unsubscribed from " + in_quotes(filter) + ": " + refusal, filter);
  }
}

// True where that is news.
bool Broker::set_refused(const std::string& filter, bool refused) {
  const std::lock_guard lock(mutex_);
  if (!refused) {
    ++state_.subscribed;
    return std::erase(state_.refused, filter) != 0;
  }
  if (std::ranges::find(state_.refused, filter) != state_.refused.end()) return false;
  state_.refused.push_back(filter);
  return true;
}

void Broker::report_dropped() {
  Dropped faulty, foreign;
  {
    const std::lock_guard lock(mutex_);
    faulty = std::exchange(faulty_, {});
    foreign = std::exchange(foreign_, {});
  }
  if (faulty.times != 0)
    note(Event::faulty_topic, "dropped a message with a faulty topic: " + in_quotes(faulty.topic), {}, faulty.times);
  if (foreign.times != 0)
    note(Event::not_subscribed,
         "dropped a message that no filter asks for: " + in_quotes(foreign.topic) +
             ": the broker's session has a former one",
         {}, foreign.times);
}

void Broker::note(Event event, const std::string& text, std::string_view filter, std::uint64_t times) const {
  fieldcast::note(event, {settings_.name, filter}, label_ + ": " + text, times);
}

void Broker::on_up(bool session_resumed) noexcept {
  if (is_up()) return;
  change_link(LinkState::up, session_resumed);
}

void Broker::on_down(const std::string& reason) noexcept {
  if (!is_up()) return;
  {
    const std::lock_guard lock(mutex_);
    ++state_.failures;
    state_.last_error = reason;
  }
  change_link(LinkState::down, false);
}

// Called only where the state changes, and never twice at once: by Paho under its lock, or after Paho. The state goes
// first, so that whoever has read the entry finds it.
void Broker::change_link(LinkState link, bool session_resumed) noexcept {
  {
    const std::lock_guard lock(mutex_);
    state_.up = link == LinkState::up;
    state_.since = clock_.wall_ms();
    state_.subscribed = 0;
    answers_.clear();
    if (state_.up) {
      ++state_.connects;
      state_.session_resumed = session_resumed;
      state_.last_error.clear();
    }
    changed_.notify_all();
  }
  NewEntry entry;
  entry.kind = Kind::link;
  entry.state = link;
  entry.session_resumed = session_resumed;
  entry.broker = settings_.name;
  entry.payload = gateway_;
  log_.append(entry);
}

void Broker::on_disconnected() noexcept {
  if (is_up()) change_link(LinkState::down, false);
}

void Broker::on_connect_failed(const std::string& reason) noexcept {
  const std::lock_guard lock(mutex_);
  attempt_failed_ = reason;
  changed_.notify_all();
}

void Broker::on_subscribed(const std::string& filter, const std::string& refusal) noexcept {
  take_answer({true, filter, refusal});
}

void Broker::on_unsubscribed(const std::string& filter, const std::string& refusal) noexcept {
  take_answer({false, filter, refusal});
}

void Broker::take_answer(Answer answer) noexcept {
  const std::lock_guard lock(mutex_);
  answers_.push_back(std::move(answer));
  changed_.notify_all();
}

void Broker::on_message(const Message& message) noexcept {
  const Instant now = clock_.now();
  heard_ = now;
  const Outcome outcome = intake_.take(message);
  if (outcome == Outcome::own_probe) returned_ = now;
  if (outcome == Outcome::own_probe || outcome == Outcome::other_probe) return;
  messages_.add();
  bytes_.add(message.topic.size() + message.payload.size());
  last_message_ = clock_.wall_ms();
  if (outcome == Outcome::appended) return;
  const bool faulty = outcome == Outcome::faulty_topic;
  (faulty ? faulty_topics_ : not_subscribed_).add();
  const std::lock_guard lock(mutex_);
  Dropped& dropped = faulty ? faulty_ : foreign_;
  if (dropped.times++ == 0) dropped.topic = message.topic.substr(0, kQuotedTopic);
}

}  // namespace fieldcast::mqtt

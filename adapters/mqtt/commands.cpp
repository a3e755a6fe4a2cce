#include "adapters/mqtt/commands.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include "adapters/mqtt/command_connection.hpp"
#include "gateway/encoding.hpp"

namespace fieldcast::mqtt {
namespace {

using namespace std::chrono_literals;

// To have a connection, all of a broker's addresses tried: a command that waits for it still has time for its answer.
constexpr auto kConnectTime = 8s;
// A connection that no command needs is kept so long: for somebody who presses one button after another.
constexpr auto kIdle = 60s;
// How often the keep-alive is looked after: libmosquitto counts in seconds.
constexpr auto kLookAfter = 1s;

int make_eventfd() {
  const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  return fd;
}

std::string make_label(const std::string& name) {
  std::string label = "broker ";
  append_json_string(label, name);
  return label + ": commands: ";
}

// Over TLS libmosquitto gets the name, and takes the first address of the family that is asked for.
void keep_one_of_each_family(std::vector<std::string>& addresses) {
  std::vector<std::string> kept;
  for (std::string& address : addresses) {
    const auto is_v6 = [](const std::string& text) { return text.find(':') != std::string::npos; };
    if (std::ranges::none_of(kept, [&](const auto& other) { return is_v6(other) == is_v6(address); }))
      kept.push_back(std::move(address));
  }
  addresses = std::move(kept);
}

}  // namespace

Commands::Commands(Settings settings, const Clock& clock, Resolver::LookUp look_up)
    : settings_(std::move(settings)),
      clock_(clock),
      label_(make_label(settings_.name)),
      wake_fd_(make_eventfd()),
      resolver_(settings_.host, std::move(look_up)) {}

Commands::~Commands() {
  stop();
  close(wake_fd_);
}

void Commands::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) noexcept { run(stop); });
}

void Commands::request_stop() {
  thread_.request_stop();
  wake();
}

void Commands::stop() {
  request_stop();
  if (thread_.joinable()) thread_.join();
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  std::deque<Open> waiting = take_waiting();
  fail_all(waiting, {Code::stopping, "the gateway is stopping: nothing was sent"});
}

void Commands::publish(std::shared_ptr<Publication> publication, Wakeup& asker) {
  const std::size_t bytes = publication->command.payload.size();
  std::optional<Problem> problem;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) {
      problem = {Code::stopping, "the gateway is stopping: nothing was sent"};
    } else if (open_ == kOpenCommands || open_bytes_ + bytes > kOpenCommandBytes) {
      problem = {Code::too_many, "too many commands wait for this broker: try again later", 0,
                 open_ == kOpenCommands ? Limit::broker_publishes : Limit::broker_publish_bytes};
    } else {
      ++open_;
      open_bytes_ += bytes;
      waiting_.push_back({std::move(publication), &asker, clock_.now() + kPublishTime});
    }
  }
  if (problem)
    refuse(*publication, asker, std::move(*problem));
  else
    wake();
}

void Commands::refuse(Publication& publication, Wakeup& asker, Problem problem) {
  failed_[static_cast<std::size_t>(problem.code)].add();
  publication.problem = std::move(problem);
  publication.done = true;
  asker.wake();
}

CommandCounts Commands::counts() const {
  CommandCounts counts;
  counts.published = published_.value();
  for (std::size_t i = 0; i < kCodes; ++i) counts.failed[i] = failed_[i].value();
  const std::lock_guard lock(mutex_);
  counts.open = open_;
  counts.open_bytes = open_bytes_;
  return counts;
}

void Commands::run(const std::stop_token& stop) noexcept {
  while (!stop.stop_requested()) {
    if (!any_waits()) {
      pollfd woken{wake_fd_, POLLIN, 0};
      poll(&woken, 1, -1);
      eventfd_t count;
      eventfd_read(wake_fd_, &count);
      continue;
    }
    std::string reason;
    if (const auto connection = connect(stop, reason)) {
      reported_.clear();
      serve(*connection, stop);
    } else if (!stop.stop_requested()) {
      report(Event::commands_unreachable, "no connection: " + reason);
      std::deque<Open> waiting = take_waiting();
      fail_all(waiting, {Code::no_broker, "no connection to the broker, nothing was sent: " + reason});
    }
  }
}

std::unique_ptr<CommandConnection> Commands::connect(const std::stop_token& stop, std::string& reason) {
  const Instant until = clock_.now() + kConnectTime;
  Resolution resolution;
  try {
    resolution = resolver_.resolve(kResolveDeadline, stop);
  } catch (const std::system_error& error) {
    resolution.error = error.what();
  }
  if (settings_.tls) keep_one_of_each_family(resolution.addresses);
  reason = "its name is not resolved: " + resolution.error;
  for (std::size_t i = 0; i < resolution.addresses.size(); ++i) {
    // What is left, shared with the addresses behind it: one that does not answer must leave them time.
    const Instant now = clock_.now();
    const Instant share = now + (until - now) / (resolution.addresses.size() - i);
    auto connection = std::make_unique<CommandConnection>(settings_, resolution.addresses[i]);
    while (!connection->up() && connection->error().empty() && clock_.now() < share && !stop.stop_requested())
      turn(*connection, share);
    if (stop.stop_requested()) return nullptr;
    if (connection->up()) return connection;
    reason = resolution.addresses[i] + " port " + std::to_string(settings_.port) + ": " +
             (connection->error().empty() ? "no answer" : connection->error());
  }
  return nullptr;
}

void Commands::serve(CommandConnection& connection, const std::stop_token& stop) {
  Instant used = clock_.now();
  std::string reason;
  std::optional<Limit> limit;
  while (reason.empty()) {
    send_waiting(connection);
    turn(connection, sent_.empty() ? used + kIdle : sent_.front().deadline);
    const bool refused = take_acknowledgements(connection);
    const Instant now = clock_.now();
    if (!connection.error().empty())
      reason = connection.error();
    else if (stop.stop_requested())
      reason = "the gateway is stopping";
    else if (!sent_.empty() && now >= sent_.front().deadline) {
      reason = "it did not answer in " + std::to_string(kPublishTime.count()) + " s";
      limit = Limit::publish_time;
    } else if (sent_.empty() && (refused || now >= used + kIdle))
      return;  // Mosquitto, where its queues have no limit, hangs up behind a refusal: the next one must not meet that
    if (!sent_.empty()) used = now;
  }
  if (sent_.empty()) return;
  if (!stop.stop_requested()) report(Event::commands_unanswered, "sent, and not acknowledged: " + reason);
  // Those that are younger too: a broker that owes one answer for so long is a broken one, and the next connection has
  // nothing to do with this one.
  fail_all(sent_, {Code::timeout, "no answer from the broker, it may have been published: " + reason, 0, limit});
}

void Commands::send_waiting(CommandConnection& connection) {
  while (sent_.size() < connection.window() && connection.error().empty()) {
    Open next;
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.empty()) return;
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    const Command& command = next.publication->command;
    const std::string topic = command.topic.substr(settings_.prefix.size());
    if (clock_.now() >= next.deadline) {
      finish(next,
             Problem{Code::no_broker, "the broker took no command in time: nothing was sent", 0, Limit::publish_time});
    } else if (auto fault = connection.fault(topic, command)) {
      finish(next, std::move(fault));
    } else {
      next.packet_id = connection.publish(topic, command);
      sent_.push_back(std::move(next));
    }
  }
}

// True where any was a refusal.
bool Commands::take_acknowledgements(CommandConnection& connection) {
  bool refused = false;
  for (const auto& [packet_id, reason_code] : connection.take_acknowledgements()) {
    const auto found = std::ranges::find(sent_, packet_id, &Open::packet_id);
    if (found == sent_.end()) continue;
    std::optional<Problem> problem;
    if (reason_code >= kFirstRefusal) {
      refused = true;
      problem = Problem{Code::refused, "the broker refused it: " + reason_text(reason_code), reason_code};
    }
    finish(*found, std::move(problem));
    sent_.erase(found);
  }
  return refused;
}

// Waits for the broker, a new command, a stop or the time, and does what there is to do.
void Commands::turn(CommandConnection& connection, Instant until) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock_.now());
  const auto timeout = std::clamp<std::chrono::milliseconds>(left, 0ms, kLookAfter);
  const short events = connection.wants_write() ? POLLIN | POLLOUT : POLLIN;
  std::array<pollfd, 2> watched{{{wake_fd_, POLLIN, 0}, {connection.socket(), events, 0}}};
  poll(watched.data(), watched.size(), static_cast<int>(timeout.count()));
  eventfd_t count;
  eventfd_read(wake_fd_, &count);
  connection.work((watched[1].revents & ~POLLOUT) != 0, (watched[1].revents & POLLOUT) != 0);
}

void Commands::fail_all(std::deque<Open>& commands, const Problem& problem) {
  for (Open& open : commands) finish(open, problem);
  commands.clear();
}

// Logged once, and again where the reason is another or a connection came up in between.
void Commands::report(Event event, const std::string& reason) {
  if (reason == reported_) return;
  note(event, {settings_.name, {}}, label_ + reason);
  reported_ = reason;
}

std::deque<Commands::Open> Commands::take_waiting() {
  const std::lock_guard lock(mutex_);
  return std::exchange(waiting_, {});
}

bool Commands::any_waits() const {
  const std::lock_guard lock(mutex_);
  return !waiting_.empty();
}

void Commands::wake() {
  eventfd_write(wake_fd_, 1);
}

void Commands::finish(Open& open, std::optional<Problem> problem) {
  {
    const std::lock_guard lock(mutex_);
    --open_;
    open_bytes_ -= open.publication->command.payload.size();
  }
  if (problem) return refuse(*open.publication, *open.asker, std::move(*problem));
  published_.add();
  open.publication->done = true;
  open.asker->wake();
}

}  // namespace fieldcast::mqtt

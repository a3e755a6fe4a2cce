#include "app/shards.hpp"

#include <pthread.h>

#include <algorithm>
#include <asio/post.hpp>
#include <string>
#include <thread>
#include <utility>

namespace fieldcast {
namespace {

std::size_t part_of(std::size_t whole, std::size_t parts) {
  return (whole + parts - 1) / parts;
}

}  // namespace

Shards::Shards(Log& log, Publisher& publisher, const Clock& clock, const Options& options, const http::Routes& routes)
    : patience_(options.patience), faults_(options.threads) {
  Limits limits = options.limits;
  limits.views = part_of(limits.views, options.threads);
  limits.view_bytes = part_of(limits.view_bytes, options.threads);
  limits.polls = part_of(limits.polls, options.threads);
  std::vector<http::Server*> servers;
  while (shards_.size() < options.threads) {
    shards_.push_back(
        std::make_unique<Shard>(log, publisher, options.may_publish, clock, limits, options.http, routes));
    servers.push_back(&shards_.back()->server());
  }
  acceptor_.emplace(loop(), options.listen, std::move(servers), options.limits, shards_.front()->counters());
}

std::vector<const Counters*> Shards::counters() const {
  std::vector<const Counters*> out;
  for (const auto& shard : shards_) out.push_back(&shard->counters());
  return out;
}

std::vector<double> Shards::loop_lags() const {
  std::vector<double> out;
  for (const auto& shard : shards_) out.push_back(std::chrono::duration<double>(shard->lag().value()).count());
  return out;
}

Instant Shards::turned() const {
  Instant oldest = Instant::max();
  for (const auto& shard : shards_) oldest = std::min(oldest, shard->turned());
  return oldest;
}

void Shards::run() {
  std::vector<std::jthread> threads;
  try {
    for (std::size_t number = 1; number < shards_.size(); ++number) {
      threads.emplace_back([this, number] { run_thread(number); });
    }
    shards_.front()->run();
  } catch (...) {
    faults_.front() = std::current_exception();
  }
  stop();
  threads.clear();  // waits for them
  for (const std::exception_ptr& fault : faults_) {
    if (fault) std::rethrow_exception(fault);
  }
}

void Shards::run_thread(std::size_t number) noexcept {
  pthread_setname_np(pthread_self(), ("fieldcast/" + std::to_string(number)).c_str());
  try {
    shards_[number]->run();
  } catch (...) {
    faults_[number] = std::current_exception();
    asio::post(loop(), [this] { stop(); });
  }
}

void Shards::stop() {
  if (std::exchange(stopping_, true)) return;
  acceptor_->stop();
  for (const auto& shard : shards_) shard->stop(patience_);
}

}  // namespace fieldcast

#include "gateway/topic_page.hpp"

#include <utility>

#include "gateway/hub.hpp"

namespace fieldcast {

TopicPageReader::TopicPageReader(Hub& hub, TopicPageOwner& owner, TopicPageRequest request)
    : hub_(hub), owner_(owner), request_(std::move(request)), after_(request_.after) {
  hub_.catch_up();
  cursor_ = hub_.cursor(hub_.position());
  note_gap();
  go_on();
}

TopicPageReader::~TopicPageReader() {
  hub_.forget(*this);
}

std::shared_ptr<const std::string> TopicPageReader::take() {
  return std::exchange(page_, nullptr);
}

void TopicPageReader::on_turn() {
  go_on();
  if (page_) owner_.on_page_ready();
}

void TopicPageReader::go_on() {
  Chunk& chunk = hub_.replay_;
  for (; chunks_left_ != 0; --chunks_left_) {
    // One more than fits tells whether there are more.
    const bool more = hub_.log_.topics(after_, request_.filters, request_.limit - count_ + 1, kReadBytes, chunk);
    for (std::size_t i = 0; i < chunk.entries.size(); ++i) {
      if (!add(chunk.entries[i], chunk.counts[i])) return finish(true);
    }
    if (!more) return finish(false);
  }
  hub_.tell_later(*this);
}

// False where the page is full without it.
bool TopicPageReader::add(const Entry& latest, std::uint64_t count) {
  if (count_ == request_.limit) return false;
  std::string& encoded = hub_.encoded_;
  encoded.clear();
  append_topic(encoded, latest, count, hub_.names_brokers_);
  if (count_ != 0) {
    if (hub_.overfull(topics_.size() + 1 + encoded.size())) return false;
    topics_ += ',';
  }
  topics_ += encoded;
  ++count_;
  return true;
}

void TopicPageReader::note_gap() {
  if (gap_) return;
  const auto reason = hub_.log_.latest_gap();
  if (!reason) return;
  gap_ = {*reason, std::nullopt};
  hub_.counters().gaps[static_cast<std::size_t>(*reason)].add();
}

void TopicPageReader::finish(bool more) {
  note_gap();  // one may have been forgotten meanwhile
  auto page = std::make_shared<const std::string>(encode_topics(cursor_, gap_, more, topics_));
  const std::size_t bytes = page->size();
  page_ = hub_.counted<std::string>(std::move(page), bytes);
}

}  // namespace fieldcast

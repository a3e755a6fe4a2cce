#include "gateway/view.hpp"

#include <algorithm>

namespace fieldcast {

View::View(FilterSet filters, std::uint64_t position, BatchOrder& order)
    : filters_(std::move(filters)), order_(order), covered_from_(position) {}

View::~View() {
  while (!ring_.empty()) drop_oldest();
}

void View::push(std::shared_ptr<const Batch> batch) {
  bytes_ += batch->bytes();
  order_.push_back(this);
  const std::uint64_t readings = batch->readings;
  ring_.push_back({std::move(batch), std::prev(order_.end()), matched_});
  matched_ += readings;
  joined_.reset();
}

void View::drop_oldest() {
  const Held& oldest = ring_.front();
  covered_from_ = oldest.batch->end;
  bytes_ -= oldest.batch->bytes();
  order_.erase(oldest.order);
  ring_.pop_front();
  ++first_;
  joined_.reset();
}

void View::restart(std::uint64_t position) {
  while (!ring_.empty()) drop_oldest();
  ++first_;  // so that a stream at the ring's end is off it, too
  ++series_;
  covered_from_ = position;
}

std::optional<std::uint64_t> View::number_at(std::uint64_t position) const {
  if (position < covered_from_) return std::nullopt;
  const auto next =
      std::partition_point(ring_.begin(), ring_.end(), [&](const Held& held) { return held.batch->end <= position; });
  if (next != ring_.end() && next->batch->begin < position) return std::nullopt;
  return first_ + static_cast<std::uint64_t>(next - ring_.begin());
}

std::shared_ptr<const Batch> View::joined(std::uint64_t from, const Cursor& cursor) {
  if (from + 1 == end() && batch(from)->end == cursor.seq) return batch(from);
  if (!joined_ || joined_from_ != from || joined_->end != cursor.seq) {
    BatchBuilder builder;
    for (std::uint64_t number = from; number != end(); ++number) builder.join(*batch(number));
    joined_ = builder.seal(cursor, batch(from)->begin, cursor.seq);
    joined_from_ = from;
  }
  return joined_;
}

}  // namespace fieldcast

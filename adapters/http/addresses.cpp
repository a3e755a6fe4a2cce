#include "adapters/http/addresses.hpp"

#include <algorithm>
#include <asio/ip/address_v6.hpp>
#include <map>
#include <mutex>

namespace fieldcast::http {
namespace {

using Key = asio::ip::address_v6::bytes_type;

/// Addresses with the same key count together.
Key key_of(const asio::ip::address& address) {
  if (address.is_v4()) return asio::ip::make_address_v6(asio::ip::v4_mapped, address.to_v4()).to_bytes();
  const auto v6 = address.to_v6();
  Key key = v6.to_bytes();
  // All link-local ones have the same /64, on every network.
  if (!v6.is_v4_mapped() && !v6.is_link_local()) std::fill(key.begin() + 8, key.end(), 0);
  return key;
}

}  // namespace

struct Addresses::Counts {
  std::mutex mutex;
  std::map<Key, std::size_t> connections;
};

Addresses::Addresses(std::size_t most) : most_(most), counts_(std::make_shared<Counts>()) {}

std::optional<Addresses::Place> Addresses::take(const asio::ip::address& address) {
  if (most_ == 0) return Place();
  const Key key = key_of(address);
  {
    const std::lock_guard lock(counts_->mutex);
    std::size_t& connections = counts_->connections[key];
    if (connections == most_) return std::nullopt;
    ++connections;
  }
  return Place(counts_.get(), [counts = counts_, key](const void*) {
    const std::lock_guard lock(counts->mutex);
    const auto found = counts->connections.find(key);
    if (--found->second == 0) counts->connections.erase(found);
  });
}

}  // namespace fieldcast::http

// How many connections each address has, so that none takes the places of all others.
//
// Owned by the acceptor, on its thread; places may be given back by any thread, also when it is gone. Holds as many
// addresses as there are connections.
#pragma once

#include <asio/ip/address.hpp>
#include <cstddef>
#include <memory>
#include <optional>

namespace fieldcast::http {

class Addresses {
 public:
  /// At most `most` connections from each; 0: as many as come.
  explicit Addresses(std::size_t most);

  /// One connection's place, held until it is gone; null where nothing is counted.
  using Place = std::shared_ptr<const void>;

  /// Empty where the address has no place left. One of IPv6 counts with its /64, of which a single machine may have
  /// all.
  std::optional<Place> take(const asio::ip::address& address);

 private:
  struct Counts;

  const std::size_t most_;
  const std::shared_ptr<Counts> counts_;
};

}  // namespace fieldcast::http

// What a client says in a text message, checked:
//
//   {"op":"subscribe","id":1,"topics":["a/+","b/#"],"from":"latest"}
//   {"op":"unsubscribe","id":"two","topics":["a/+"]}
//   {"op":"publish","id":3,…}     its other members are read where the command is: gateway/publications.hpp
//
// Members that are not known are ignored. Pure, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "gateway/from.hpp"
#include "gateway/limits.hpp"
#include "gateway/problem.hpp"
#include "gateway/topic_filter.hpp"

namespace fieldcast::websocket {

struct Request {
  enum class Op : std::uint8_t { subscribe, unsubscribe, publish };
  Op op;
  std::string id;    // JSON
  FilterSet topics;  // subscribe, unsubscribe
  From from;         // subscribe only
};

struct Faulty {
  std::string id;  // JSON; "null" where the message has none that can be given back
  Problem problem;
};

/// `bad_message` for the shape of the message, `bad_filter` or `too_many` for its topics, `bad_from`.
std::variant<Request, Faulty> parse_message(std::string_view text, std::size_t max_filters);

}  // namespace fieldcast::websocket

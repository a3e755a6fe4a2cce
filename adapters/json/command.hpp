// A command as a client writes it, in the body of a request or in a WebSocket message:
//
//   {"topic":"hall/valve-1/set","payload":"closed","encoding":"text","qos":1,"retain":false,"broker":"local"}
//
// Other members are ignored. Pure, any thread.
#pragma once

#include <string_view>

#include "gateway/publisher.hpp"
#include "gateway/result.hpp"

namespace fieldcast::json {

/// The command, its payload as the bytes that go out: the JSON as it stands in `text` without the space between its
/// tokens; with `"encoding":"text"` the string's own characters, with `"base64"` the bytes that it stands for (RFC 4648
/// section 4, padded). `bad_message`: no JSON object as json::Classifier takes one, or a member that is missing, there
/// twice or of another kind; the detail names it. What the topic and the broker name is the publisher's to judge.
/// Throws only std::bad_alloc. Time is linear.
Result<Command> parse_command(std::string_view text);

}  // namespace fieldcast::json

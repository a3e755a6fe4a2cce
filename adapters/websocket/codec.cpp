#include "adapters/websocket/codec.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>
#include <websocketpp/close.hpp>
#include <websocketpp/extensions/permessage_deflate/disabled.hpp>
#include <websocketpp/frame.hpp>
#include <websocketpp/http/request.hpp>
#include <websocketpp/http/response.hpp>
#include <websocketpp/message_buffer/message.hpp>
#include <websocketpp/processors/hybi13.hpp>
#include <websocketpp/random/none.hpp>

namespace fieldcast::websocket {
namespace {

namespace wpp = websocketpp;

// Bytes unmasked in one step. websocketpp unmasks where the bytes lie, so each step works on a copy: a small one where
// a header is expected, since in a flood of small frames each begins a step anew.
constexpr std::size_t kStep = 4096;
constexpr std::size_t kHeaderStep = 64;

// A message's buffer grows with the bytes that come: a frame header is cheap to send, and websocketpp would
// reserve whatever length it declares.
constexpr std::size_t kFirstReserve = 512;

constexpr std::string_view kLineEnd = "\r\n";

/// Makes the buffers of messages. Without state, so that all decoders use one.
template <class Message>
class Buffers {
 public:
  using ptr = std::shared_ptr<Buffers>;
  using weak_ptr = std::weak_ptr<Buffers>;

  std::shared_ptr<Message> get_message(wpp::frame::opcode::value opcode, std::size_t size) {
    return std::make_shared<Message>(nullptr, opcode, std::min(size, kFirstReserve));
  }
};

/// The part of websocketpp's configuration that hybi13 asks for.
struct Config {
  using request_type = wpp::http::parser::request;
  using response_type = wpp::http::parser::response;
  using message_type = wpp::message_buffer::message<Buffers>;
  using con_msg_manager_type = Buffers<message_type>;
  using rng_type = wpp::random::none::int_generator<std::uint32_t>;  // only clients mask
  using permessage_deflate_type = wpp::extensions::permessage_deflate::disabled<Config>;
  static constexpr bool enable_extensions = false;
  static constexpr std::size_t max_message_size = kMessageBytes;  // the default; each decoder sets its own
};

using Hybi13 = wpp::processor::hybi13<Config>;

Config::con_msg_manager_type::ptr buffers() {
  static const auto all = std::make_shared<Config::con_msg_manager_type>();
  return all;
}

Config::rng_type& no_random() {
  static Config::rng_type none;
  return none;
}

std::uint16_t close_code(const std::error_code& error) {
  namespace e = wpp::processor::error;
  // websocketpp would answer these two with 1011, an error of the server's.
  if (error == e::make_error_code(e::non_minimal_encoding)) return kCloseProtocol;
  if (error == e::make_error_code(e::requires_64bit)) return kCloseTooLarge;
  return e::to_ws(error);
}

/// The head was found in order, so lines and colons are enough to split it. websocketpp's own HTTP parser is
/// lax, and stops at 16,000 bytes.
Config::request_type read_head(std::string_view head) {
  Config::request_type request;
  std::string_view line = head.substr(0, head.find(kLineEnd));
  request.set_method(std::string(line.substr(0, line.find(' '))));
  request.set_version(std::string(line.substr(line.rfind(' ') + 1)));
  while (line.size() < head.size()) {
    head.remove_prefix(line.size() + kLineEnd.size());
    line = head.substr(0, head.find(kLineEnd));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) break;  // the empty line
    request.append_header(std::string(line.substr(0, colon)),
                          wpp::http::parser::strip_lws(std::string(line.substr(colon + 1))));
  }
  return request;
}

Event failure(std::uint16_t code) {
  return {Event::Kind::error, code, {}};
}

/// Checks what websocketpp leaves to its connection class.
Event close_event(const std::string& payload) {
  std::error_code error;
  const std::uint16_t code = wpp::close::extract_code(payload, error);
  if (error) return failure(kCloseProtocol);
  std::string reason = wpp::close::extract_reason(payload, error);
  if (error) return failure(kCloseInvalid);
  return {Event::Kind::close, payload.empty() ? std::uint16_t{0} : code, std::move(reason)};
}

}  // namespace

class Decoder::Processor : public Hybi13 {
 public:
  explicit Processor(std::size_t message_bytes) : Hybi13(false, true, buffers(), no_random()) {
    set_max_message_size(message_bytes);
  }

  std::optional<Event> next(std::string_view& input) {
    while (!failed_ && !input.empty()) {
      std::array<std::uint8_t, kStep> step;
      const std::size_t size = std::min(input.size(), m_state == APPLICATION ? kStep : kHeaderStep);
      std::copy_n(input.begin(), size, step.begin());
      std::error_code error;
      input.remove_prefix(consume(step.data(), size, error));
      if (error) return fail(top_bit() ? kCloseProtocol : close_code(error));
      // The sum of a message's length and its next fragment's overflows in websocketpp.
      if (m_bytes_needed > get_max_message_size()) return fail(top_bit() ? kCloseProtocol : kCloseTooLarge);
      if (ready()) return take();
    }
    if (failed_) input = {};
    return std::nullopt;
  }

  std::size_t held() const { return m_data_msg.msg_ptr ? m_data_msg.msg_ptr->get_payload().capacity() : 0; }

  std::uint64_t incomplete() const {
    const bool between = !m_data_msg.msg_ptr && m_state == HEADER_BASIC && m_bytes_needed == kBasicHeader;
    return failed_ || between ? 0 : ended_ + 1;
  }

 private:
  static constexpr std::size_t kBasicHeader = wpp::frame::BASIC_HEADER_LENGTH;

  /// A length of 64 bits with the highest one set, which section 5.2 forbids: websocketpp takes it for a large one.
  bool top_bit() const {
    return wpp::frame::get_basic_size(m_basic_header) == wpp::frame::payload_size_code_64bit &&
           wpp::frame::get_jumbo_size(m_extended_header) >> 63 != 0;
  }

  Event fail(std::uint16_t code) {
    failed_ = true;
    m_data_msg.msg_ptr.reset();
    m_control_msg.msg_ptr.reset();
    return failure(code);
  }

  Event take() {
    namespace opcode = wpp::frame::opcode;
    const auto message = get_message();
    if (!m_data_msg.msg_ptr) ++ended_;
    std::string& payload = message->get_raw_payload();
    switch (message->get_opcode()) {
      case opcode::text:
        // websocketpp does not see that the last of several fragments ends inside a character.
        if (!m_data_msg.validator.complete()) return fail(kCloseInvalid);
        return {Event::Kind::text, 0, std::move(payload)};
      case opcode::binary:
        return {Event::Kind::binary, 0, std::move(payload)};
      case opcode::ping:
        return {Event::Kind::ping, 0, std::move(payload)};
      case opcode::pong:
        return {Event::Kind::pong, 0, std::move(payload)};
      default: {  // close: the others never become a message
        Event event = close_event(payload);
        return event.kind == Event::Kind::error ? fail(event.code) : event;
      }
    }
  }

  bool failed_ = false;
  std::uint64_t ended_ = 0;  // messages, and control frames between them
};

Decoder::Decoder(std::size_t message_bytes) : processor_(std::make_unique<Processor>(message_bytes)) {}
Decoder::~Decoder() = default;

std::optional<Event> Decoder::next(std::string_view& input) {
  return processor_->next(input);
}

std::size_t Decoder::held() const {
  return processor_->held();
}

std::uint64_t Decoder::incomplete() const {
  return processor_->incomplete();
}

std::string answer_handshake(std::string_view head) try {
  const Config::request_type request = read_head(head);
  Hybi13 processor(false, true, buffers(), no_random());
  std::vector<std::string> offered;
  if (processor.validate_handshake(request) || processor.extract_subprotocols(request, offered)) return {};
  const bool ours = std::find(offered.begin(), offered.end(), kSubprotocol) != offered.end();
  Config::response_type response;
  response.set_version("HTTP/1.1");
  response.set_status(wpp::http::status_code::switching_protocols);
  if (processor.process_handshake(request, std::string(ours ? kSubprotocol : ""), response)) return {};
  return processor.get_raw(response);
} catch (const wpp::http::exception&) {  // a method or a field's name that is no token
  return {};
}

std::string frame_header(Opcode opcode, std::size_t size) {
  const auto code = static_cast<wpp::frame::opcode::value>(opcode);
  return wpp::frame::prepare_header(wpp::frame::basic_header(code, size, true, false),
                                    wpp::frame::extended_header(size));
}

std::string frame(Opcode opcode, std::string_view payload) {
  return frame_header(opcode, payload.size()).append(payload);
}

std::string close_frame(std::uint16_t code, std::string_view reason) {
  if (code == 0) return frame(Opcode::close, {});
  std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
  payload += reason.substr(0, kControlBytes - payload.size());
  return frame(Opcode::close, payload);
}

}  // namespace fieldcast::websocket

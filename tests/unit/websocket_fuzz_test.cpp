// The decoder against another one, written here from RFC 6455 alone, on seeded sequences of frames: good ones, broken
// ones, cut anywhere, and fed in pieces of any size.
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/websocket/codec.hpp"

namespace fieldcast::websocket {
namespace {

// Small, so that many sequences go over it.
constexpr std::size_t kFuzzMessageBytes = 1'500;
constexpr unsigned kFuzzSeeds = 4'000;

/// Takes one byte after the other. Slow and plain.
class ReferenceDecoder {
 public:
  std::vector<Event> events;

  void take(unsigned char byte) {
    if (failed_) return;
    if (payload_left_ > 0) return take_payload(byte);
    header_.push_back(byte);
    take_header();
  }

  /// As Decoder::incomplete() numbers them.
  std::uint64_t incomplete() const {
    return failed_ || (header_.empty() && payload_left_ == 0 && !message_) ? 0 : ended_ + 1;
  }

 private:
  bool control() const { return (header_[0] & 0x08) != 0; }
  bool fin() const { return (header_[0] & 0x80) != 0; }
  int opcode() const { return header_[0] & 0x0F; }

  void fail(std::uint16_t code) {
    failed_ = true;
    events.push_back({Event::Kind::error, code, {}});
  }

  void take_header() {
    if (header_.size() < 2) return;
    const unsigned short_size = header_[1] & 0x7Fu;
    if (header_.size() == 2) {
      const int code = opcode();
      if ((header_[0] & 0x70) != 0 || (header_[1] & 0x80) == 0) return fail(1002);
      if ((code > 2 && code < 8) || code > 10) return fail(1002);
      if (control() && (!fin() || short_size > 125)) return fail(1002);
      if (!control() && (code == 0) != message_.has_value()) return fail(1002);
    }
    const std::size_t length_bytes = short_size == 126 ? 2 : short_size == 127 ? 8 : 0;
    if (header_.size() < 2 + length_bytes + 4) return;
    std::uint64_t size = length_bytes == 0 ? short_size : 0;
    for (std::size_t i = 0; i < length_bytes; ++i) size = size << 8 | header_[2 + i];
    if ((length_bytes == 2 && size < 126) || (length_bytes == 8 && size < 65'536)) return fail(1002);
    if (size >> 63 != 0) return fail(1002);
    mask_at_ = 0;
    payload_left_ = size;
    if (control()) {
      control_.clear();
    } else {
      if (opcode() != 0) message_ = Message{opcode(), {}, {}};
      if (message_->bytes.size() + size > kFuzzMessageBytes) return fail(1009);
    }
    if (payload_left_ == 0) end_of_frame();
  }

  void take_payload(unsigned char byte) {
    const char plain = static_cast<char>(byte ^ header_[header_.size() - 4 + mask_at_++ % 4]);
    --payload_left_;
    if (control()) {
      control_ += plain;
    } else {
      message_->bytes += plain;
      if (message_->opcode == 1 && !take_text(message_->character, plain)) return fail(1007);
    }
    if (payload_left_ == 0) end_of_frame();
  }

  void end_of_frame() {
    const bool was_control = control(), was_final = fin();
    const int code = opcode();
    header_.clear();
    if (was_control) {
      if (!message_) ++ended_;
      if (code == 8) return end_of_close();
      return events.push_back({code == 9 ? Event::Kind::ping : Event::Kind::pong, 0, control_});
    }
    if (!was_final) return;
    ++ended_;
    if (!message_->character.empty()) return fail(1007);
    events.push_back({message_->opcode == 1 ? Event::Kind::text : Event::Kind::binary, 0, message_->bytes});
    message_.reset();
  }

  void end_of_close() {
    if (control_.empty()) return events.push_back({Event::Kind::close, 0, {}});
    if (control_.size() == 1) return fail(1002);
    const int code = static_cast<unsigned char>(control_[0]) << 8 | static_cast<unsigned char>(control_[1]);
    const bool may_be_sent =
        (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) || (code >= 3000 && code < 5000);
    if (!may_be_sent) return fail(1002);
    const std::string reason = control_.substr(2);
    std::string character;
    for (const char c : reason)
      if (!take_text(character, c)) return fail(1007);
    if (!character.empty()) return fail(1007);
    events.push_back({Event::Kind::close, static_cast<std::uint16_t>(code), reason});
  }

  /// Unicode's table 3-7: false where no character begins with `character` and this byte. Empties it at the end of one.
  static bool take_text(std::string& character, char c) {
    struct Row {
      int first_low, first_high, second_low, second_high;
      std::size_t size;
    };
    static constexpr Row rows[] = {
        {0x00, 0x7F, 0, 0, 1},       {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4}};
    character += c;
    const auto at = [&](std::size_t i) { return static_cast<int>(static_cast<unsigned char>(character[i])); };
    for (const Row& row : rows) {
      if (at(0) < row.first_low || at(0) > row.first_high) continue;
      if (character.size() == 2 && (at(1) < row.second_low || at(1) > row.second_high)) return false;
      if (character.size() > 2 && (at(character.size() - 1) & 0xC0) != 0x80) return false;
      if (character.size() == row.size) character.clear();
      return true;
    }
    return false;
  }

  struct Message {
    int opcode;
    std::string bytes;
    std::string character;  // the beginning of one
  };

  bool failed_ = false;
  std::vector<unsigned char> header_;
  std::size_t mask_at_ = 0;
  std::uint64_t payload_left_ = 0;
  std::optional<Message> message_;
  std::string control_;
  std::uint64_t ended_ = 0;
};

class FrameMaker {
 public:
  explicit FrameMaker(unsigned seed) : random_(seed) {}

  unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }
  bool once_in(unsigned n) { return below(n) == 0; }

  /// Up to 12 frames, most of them as they should be; the rest of the sequence knows nothing of what went wrong.
  std::string sequence() {
    std::string out;
    bool inside = false;
    for (unsigned frames = 1 + below(12); frames > 0; --frames) {
      int first;
      if (once_in(3)) {
        first = 0x80 | static_cast<int>(0x8 + below(once_in(8) ? 8 : 3));
        if (once_in(20)) first &= 0x7F;
      } else {
        first = inside != once_in(25) ? 0x0 : static_cast<int>(1 + below(once_in(25) ? 7 : 2));
        inside = once_in(2);
        if (!inside) first |= 0x80;
      }
      if (once_in(40)) first |= 0x10 << below(3);
      out += frame(first, (first & 0xF) == 0x8 ? close_payload() : payload((first & 0x8) != 0));
    }
    for (unsigned hits = once_in(5) ? 1 + below(3) : 0; hits > 0 && !out.empty(); --hits)
      out[below(static_cast<unsigned>(out.size()))] = static_cast<char>(random_());
    if (once_in(4)) out.resize(below(static_cast<unsigned>(out.size() + 1)));
    return out;
  }

 private:
  std::string payload(bool control) {
    static constexpr std::string_view texts[] = {
        "a", "{}", "\xC3\xA9", "\xE2\x82\xAC", "\xED\x9F\xBF", "\xF0\x9F\x8C\xA1", "\xF4\x8F\xBF\xBF", ""};
    static constexpr std::string_view broken[] = {
        "\xFF", "\xC0\xAF", "\xED\xA0\x80", "\x80", "\xF4\x90\x80\x80", "\xF0\x80\x80\x80", "\xE2\x82", "\xF8"};
    std::string out;
    const unsigned pieces = once_in(8) ? below(600) : below(control ? 20 : 60);
    for (unsigned i = 0; i < pieces; ++i) out += texts[below(std::size(texts))];
    if (once_in(15)) out += broken[below(std::size(broken))];
    if (once_in(15)) out.insert(below(static_cast<unsigned>(out.size() + 1)), broken[below(std::size(broken))]);
    if (once_in(3) && !out.empty()) {  // cut anywhere, the rest first in the next frame that is made
      std::string cut = out.substr(below(static_cast<unsigned>(out.size())));
      out.resize(out.size() - cut.size());
      std::swap(cut, rest_);
      out.insert(0, cut);
    }
    if (control && !once_in(30)) out.resize(std::min<std::size_t>(out.size(), 125));
    return out;
  }

  std::string close_payload() {
    static constexpr int codes[] = {0,    999,  1000, 1001, 1003, 1004, 1005, 1006,
                                    1011, 1014, 1015, 1016, 2999, 3000, 4999, 5000};
    if (once_in(4)) return std::string(below(2), 'x');
    const int code = codes[below(std::size(codes))];
    std::string out{static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
    return out += payload(true).substr(0, 123);
  }

  std::string frame(int first, std::string_view payload) {
    std::string out(1, static_cast<char>(first));
    std::uint64_t size = payload.size();
    const int form = size > 125 ? 2 : once_in(30) ? 2 : once_in(30) ? 8 : 0;  // sometimes longer than needed
    if (once_in(60)) size = std::uint64_t{1} << below(64);                    // and sometimes a lie
    const int length_bytes = size > 65'535 ? 8 : form;
    const int mask_bit = once_in(50) ? 0 : 0x80;
    out += static_cast<char>(mask_bit | (length_bytes == 0   ? static_cast<int>(size & 0x7F)
                                         : length_bytes == 2 ? 126
                                                             : 127));
    for (int shift = 8 * (length_bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(size >> shift);
    std::string key(4, '\0');
    if (!once_in(4))
      for (char& c : key) c = static_cast<char>(random_());
    if (mask_bit != 0) out += key;
    for (std::size_t i = 0; i < payload.size(); ++i) out += static_cast<char>(payload[i] ^ key[i % 4]);
    return out;
  }

  std::mt19937 random_;
  std::string rest_;
};

std::string describe(const std::vector<Event>& events) {
  std::string out;
  for (const Event& event : events)
    out += std::to_string(static_cast<int>(event.kind)) + ' ' + std::to_string(event.code) + ' ' +
           testing::PrintToString(event.bytes) + '\n';
  return out;
}

TEST(WebsocketFuzz, agrees_with_another_decoder_and_holds_no_more_than_a_message) {
  std::vector<unsigned> kinds(6), codes(2'000);
  for (unsigned seed = 0; seed < kFuzzSeeds; ++seed) {
    FrameMaker maker(seed);
    const std::string bytes = maker.sequence();
    ReferenceDecoder reference;
    Decoder decoder(kFuzzMessageBytes);
    std::vector<Event> events;
    for (std::size_t at = 0; at < bytes.size();) {
      const auto piece = std::string_view(bytes).substr(at, 1 + maker.below(maker.once_in(3) ? 4 : 3'000));
      at += piece.size();
      for (const char c : piece) reference.take(static_cast<unsigned char>(c));
      std::string_view left = piece;
      while (auto event = decoder.next(left)) events.push_back(*std::move(event));
      ASSERT_TRUE(left.empty()) << seed;
      ASSERT_EQ(decoder.incomplete(), reference.incomplete()) << seed << " after " << at << " bytes";
      ASSERT_LE(decoder.held(), 2 * kFuzzMessageBytes) << seed;  // as a string that grows doubles
    }
    ASSERT_EQ(describe(events), describe(reference.events)) << seed;
    for (const Event& event : events) {
      ++kinds[static_cast<std::size_t>(event.kind)];
      if (event.kind == Event::Kind::error) ++codes[event.code];
    }
  }
  // The sequences are worth something: all that can happen did, and often.
  for (const unsigned count : kinds) EXPECT_GT(count, kFuzzSeeds / 20);
  for (const int code : {1002, 1007, 1009}) EXPECT_GT(codes[static_cast<std::size_t>(code)], kFuzzSeeds / 100) << code;
}

}  // namespace
}  // namespace fieldcast::websocket

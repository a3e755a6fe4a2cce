// Sections 1 (framing), 2 (pings), 3 (reserved bits), 4 (reserved opcodes) and 5 (fragments), and the forms of a
// length.
#include "tests/contract/websocket_cases.hpp"

namespace fieldcast::test {
namespace {

using namespace std::string_literals;

void add_sizes(std::vector<WebSocketCase>& cases) {
  int number = 0;
  for (const std::size_t size : {0, 125, 126, 127, 128, 65'535, 65'536}) {
    const auto suffix = std::to_string(++number);
    cases.push_back({"1_1_" + suffix, {text(std::string(size, '*'))}, {text(std::string(size, '*'))}});
    cases.push_back({"1_2_" + suffix, {binary(std::string(size, '\xfe'))}, {binary(std::string(size, '\xfe'))}});
  }
}

void add_pings(std::vector<WebSocketCase>& cases) {
  int number = 0;
  for (const auto& payload : {""s, "Hello, world!"s, "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"s, std::string(125, '\xfe')})
    cases.push_back({"2_" + std::to_string(++number), {ping(payload)}, {pong(payload)}});
  cases.push_back({"2_5", {ping(std::string(126, '\xfe'))}, {}, 1002});
  cases.push_back({"2_7", {pong("")}, {}});
  cases.push_back({"2_8", {pong("unsolicited")}, {}});
  cases.push_back({"2_9", {pong("unsolicited"), ping("ping")}, {pong("ping")}});
  WebSocketCase ten{"2_10", {}, {}};
  for (int i = 0; i < 10; ++i) {
    ten.sent.push_back(ping("payload-" + std::to_string(i)));
    ten.echoed.push_back(pong("payload-" + std::to_string(i)));
  }
  cases.push_back(ten);
}

void add_reserved(std::vector<WebSocketCase>& cases) {
  for (unsigned bits = 1; bits <= 7; ++bits) {
    const auto name = "3_" + std::to_string(bits);
    cases.push_back({name + "_text", {text("a"), reserved(bits, text("b")), ping("")}, {text("a")}, 1002});
    cases.push_back({name + "_binary", {reserved(bits, binary("b"))}, {}, 1002});
    cases.push_back({name + "_ping", {reserved(bits, ping("b"))}, {}, 1002});
    cases.push_back({name + "_close", {reserved(bits, close_with(1000))}, {}, 1002});
    cases.push_back({name + "_continuation", {more(text("a")), reserved(bits, continuation("b"))}, {}, 1002});
  }
  for (const unsigned code : {3u, 4u, 5u, 6u, 7u, 11u, 12u, 13u, 14u, 15u}) {
    const auto name = "4_" + std::to_string(code);
    const Frame empty{static_cast<Opcode>(code), ""}, full{static_cast<Opcode>(code), "payload"};
    cases.push_back({name + "_empty", {empty}, {}, 1002});
    cases.push_back({name + "_full", {text("a"), full, ping("")}, {text("a")}, 1002});
    cases.push_back({name + "_inside", {more(text("a")), full}, {}, 1002});
  }
}

void add_fragments(std::vector<WebSocketCase>& cases) {
  const Frame first = more(text("fragment1")), last = continuation("fragment2"), whole = text("fragment1fragment2");
  const std::vector<WebSocketCase> fragments{
      {"5_1", {more(ping("fragment1")), last}, {}, 1002},
      {"5_2", {more(pong("fragment1")), last}, {}, 1002},
      {"5_3", {first, last}, {whole}},
      {"5_6", {first, ping("ping"), last}, {pong("ping"), whole}},
      {"5_9", {last, text("a")}, {}, 1002},
      {"5_12", {more(last), text("a")}, {}, 1002},
      {"5_15", {first, last, more(continuation("c")), text("a")}, {whole}, 1002},
      {"5_16", {more(continuation("c")), more(text("a")), last}, {}, 1002},
      {"5_18", {first, text("fragment2")}, {}, 1002},
      {"5_18_binary", {first, binary("fragment2")}, {}, 1002},
      {"5_18_unfinished", {first, more(text("fragment2"))}, {}, 1002},
      {"5_19",
       {first, more(continuation("2")), ping("1"), more(continuation("3")), more(continuation("4")), ping("2"),
        continuation("5")},
       {pong("1"), pong("2"), text("fragment12345")}},
      {"5_20_pong", {first, pong("x"), last}, {whole}},
      {"5_20_binary", {more(binary("\xff")), continuation("\xfe")}, {binary("\xff\xfe")}},
      {"5_20_close", {first, close_with(1000)}, {}, 1000},
      {"5_20_two_messages", {first, last, first, last}, {whole, whole}},
  };
  cases.insert(cases.end(), fragments.begin(), fragments.end());
  WebSocketCase empty{"5_21_empty_fragments", {more(text(""))}, {text("")}};
  for (int i = 0; i < 500; ++i) empty.sent.push_back(more(continuation("")));
  empty.sent.push_back(continuation(""));
  cases.push_back(empty);
}

/// A masked header of that length, in a form of 2 or 8 bytes.
std::string header(unsigned first, std::uint64_t size, int form) {
  std::string bytes{static_cast<char>(first), static_cast<char>(0x80 | (form == 2 ? 126 : 127))};
  for (int shift = 8 * (form - 1); shift >= 0; shift -= 8) bytes += static_cast<char>(size >> shift);
  return bytes += "\0\0\0\0"s;
}

void add_lengths(std::vector<WebSocketCase>& cases) {
  cases.push_back({"Length_125_in_2", {}, {}, 1002, header(0x81, 125, 2) + std::string(125, 'x')});
  cases.push_back({"Length_0_in_2", {}, {}, 1002, header(0x81, 0, 2)});
  cases.push_back({"Length_0_in_8", {}, {}, 1002, header(0x81, 0, 8)});
  cases.push_back({"Length_126_in_8", {}, {}, 1002, header(0x81, 126, 8) + std::string(126, 'x')});
  cases.push_back({"Length_65535_in_8", {}, {}, 1002, header(0x81, 65'535, 8)});
  cases.push_back({"Length_of_ping_in_2", {}, {}, 1002, header(0x89, 5, 2) + "Hello"});
  cases.push_back({"Length_of_close_in_8", {}, {}, 1002, header(0x88, 2, 8) + "\x03\xE8"});
  for (const std::uint64_t top : {1ull << 63, ~0ull}) {
    const auto suffix = std::to_string(top & 1);
    cases.push_back({"Length_top_bit_" + suffix, {}, {}, 1002, header(0x81, top, 8)});
    cases.push_back({"Length_top_bit_inside_" + suffix, {more(text("a"))}, {}, 1002, header(0x80, top, 8)});
  }
  cases.push_back({"Length_2_62", {}, {}, 1009, header(0x81, 1ull << 62, 8)});
  cases.push_back({"Length_2_62_inside", {more(text("a"))}, {}, 1009, header(0x80, 1ull << 62, 8)});
  Frame unmasked = text("a");
  unmasked.masked = false;
  cases.push_back({"Unmasked", {unmasked}, {}, 1002});
  unmasked = ping("");
  unmasked.masked = false;
  cases.push_back({"Unmasked_ping", {text("a"), unmasked}, {text("a")}, 1002});
}

}  // namespace

std::vector<WebSocketCase> framing_cases() {
  std::vector<WebSocketCase> cases;
  add_sizes(cases);
  add_pings(cases);
  add_reserved(cases);
  add_fragments(cases);
  add_lengths(cases);
  return cases;
}

}  // namespace fieldcast::test

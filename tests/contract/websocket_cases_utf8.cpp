// Section 6: UTF-8, with the sequences of Markus Kuhn's decoder test.
#include <cstdio>

#include "tests/contract/websocket_cases.hpp"

namespace fieldcast::test {
namespace {

using namespace std::string_literals;

const std::string kKosme = "\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5";  // κόσμε

struct Utf8Group {
  const char* name;
  bool valid;
  std::vector<std::string> texts;
};

/// Each lead byte of the range before a space.
std::string lonely(int first, int last) {
  std::string bytes;
  for (int lead = first; lead <= last; ++lead) (bytes += static_cast<char>(lead)) += ' ';
  return bytes;
}

std::string encoded(unsigned point) {
  if (point < 0x10000)
    return {static_cast<char>(0xE0 | point >> 12), static_cast<char>(0x80 | (point >> 6 & 63)),
            static_cast<char>(0x80 | (point & 63))};
  return {static_cast<char>(0xF0 | point >> 18), static_cast<char>(0x80 | (point >> 12 & 63)),
          static_cast<char>(0x80 | (point >> 6 & 63)), static_cast<char>(0x80 | (point & 63))};
}

std::vector<std::string> non_characters() {
  std::vector<std::string> texts;
  for (unsigned plane = 0; plane <= 16; ++plane)
    for (const unsigned low : {0xFFFEu, 0xFFFFu}) texts.push_back(encoded(plane << 16 | low));
  return texts;
}

const std::vector<Utf8Group>& utf8_groups() {
  static const std::vector<std::string> cut{
      "\xC0", "\xE0\x80", "\xF0\x80\x80", "\xF8\x80\x80\x80", "\xFC\x80\x80\x80\x80",
      "\xDF", "\xEF\xBF", "\xF7\xBF\xBF", "\xFB\xBF\xBF\xBF", "\xFD\xBF\xBF\xBF\xBF"};
  std::string all_cut;
  for (const auto& each : cut) all_cut += each;
  static const std::vector<Utf8Group> groups{
      {"6_2", true, {"Hello-\xC2\xB5@\xC3\x9F\xC3\xB6\xC3\xA4\xC3\xBC\xC3\xA0\xC3\xA1-UTF-8!!", kKosme}},
      {"6_3", false, {kKosme + "\xED\xA0\x80" + "edited"}},
      {"6_5", true, {kKosme + "\xF4\x8F\xBF\xBF" + "edited"}},
      {"6_7", true, {"\x00"s, "\xC2\x80", "\xE0\xA0\x80", "\xF0\x90\x80\x80"}},
      {"6_8", false, {"\xF8\x88\x80\x80\x80", "\xFC\x84\x80\x80\x80\x80"}},
      {"6_9", true, {"\x7F", "\xDF\xBF", "\xEF\xBF\xBF", "\xF4\x8F\xBF\xBF"}},
      {"6_10", false, {"\xF7\xBF\xBF\xBF", "\xFB\xBF\xBF\xBF\xBF", "\xFD\xBF\xBF\xBF\xBF\xBF"}},
      {"6_11", true, {"\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBD", "\xF4\x8F\xBF\xBF"}},
      {"6_11_above", false, {"\xF4\x90\x80\x80"}},
      {"6_12",
       false,
       {"\x80", "\xBF", "\x80\xBF", "\x80\xBF\x80", "\x80\xBF\x80\xBF", "\x80\xBF\x80\xBF\x80",
        "\x80\xBF\x80\xBF\x80\xBF", "\x80\x81\x82\x83\x84\x85\x86\x87\x88"}},
      {"6_13",
       false,
       {lonely(0xC0, 0xDF), lonely(0xE0, 0xEF), lonely(0xF0, 0xF7), lonely(0xF8, 0xFB), lonely(0xFC, 0xFD)}},
      {"6_14", false, cut},
      {"6_15", false, {all_cut}},
      {"6_16", false, {"\xFE", "\xFF", "\xFE\xFE\xFF\xFF"}},
      {"6_17",
       false,
       {"\xC0\xAF", "\xE0\x80\xAF", "\xF0\x80\x80\xAF", "\xF8\x80\x80\x80\xAF", "\xFC\x80\x80\x80\x80\xAF"}},
      {"6_18",
       false,
       {"\xC1\xBF", "\xE0\x9F\xBF", "\xF0\x8F\xBF\xBF", "\xF8\x87\xBF\xBF\xBF", "\xFC\x83\xBF\xBF\xBF\xBF"}},
      {"6_19",
       false,
       {"\xC0\x80", "\xE0\x80\x80", "\xF0\x80\x80\x80", "\xF8\x80\x80\x80\x80", "\xFC\x80\x80\x80\x80\x80"}},
      {"6_20",
       false,
       {"\xED\xA0\x80", "\xED\xAD\xBF", "\xED\xAE\x80", "\xED\xAF\xBF", "\xED\xB0\x80", "\xED\xBE\x80",
        "\xED\xBF\xBF"}},
      {"6_21",
       false,
       {"\xED\xA0\x80\xED\xB0\x80", "\xED\xA0\x80\xED\xBF\xBF", "\xED\xAD\xBF\xED\xB0\x80", "\xED\xAD\xBF\xED\xBF\xBF",
        "\xED\xAE\x80\xED\xB0\x80", "\xED\xAE\x80\xED\xBF\xBF", "\xED\xAF\xBF\xED\xB0\x80",
        "\xED\xAF\xBF\xED\xBF\xBF"}},
      {"6_22", true, non_characters()},
      {"6_23", true, {"\xEF\xBF\xB9", "\xEF\xBF\xBA", "\xEF\xBF\xBB", "\xEF\xBF\xBC", "\xEF\xBF\xBD", "\xEF\xBB\xBF"}},
  };
  return groups;
}

/// The text in fragments of one byte.
std::vector<Frame> split(const std::string& whole) {
  std::vector<Frame> frames;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    Frame frame = i == 0 ? text(whole.substr(0, 1)) : continuation(whole.substr(i, 1));
    frame.fin = i + 1 == whole.size();
    frames.push_back(frame);
  }
  return frames;
}

/// Alone, between other characters, and in fragments of one byte.
void add_group(std::vector<WebSocketCase>& cases, const Utf8Group& group) {
  int number = 0;
  for (const auto& bytes : group.texts) {
    const auto name = group.name + ("_" + std::to_string(++number));
    const auto add = [&](const std::string& kind, std::vector<Frame> sent, const std::string& whole) {
      WebSocketCase each{name + kind, std::move(sent), {}, group.valid ? 0 : 1007};
      if (group.valid) each.echoed = {text(whole)};
      cases.push_back(each);
    };
    add("", {text(bytes)}, bytes);
    add("_between", {text("-" + bytes + "-")}, "-" + bytes + "-");
    add("_split", split(bytes), bytes);
    // The byte that is missing, or one too many, is found at the seam.
    add("_seam", {more(text(bytes)), continuation("")}, bytes);
  }
}

/// A message that is not finished fails with the first byte that cannot be.
void add_early(std::vector<WebSocketCase>& cases) {
  const std::string bad = "\xF4\x90\x80\x80";
  cases.push_back({"6_4_1", {more(text(kKosme)), more(continuation(bad))}, {}, 1007});
  cases.push_back({"6_4_2", {more(text(kKosme + "\xF4")), more(continuation("\x90"))}, {}, 1007});
  const std::string header{'\x81', '\xFE', '\x01', '\0', '\0', '\0', '\0', '\0'};  // 256 bytes, of which few come
  cases.push_back({"6_4_3", {}, {}, 1007, header + kKosme + bad});
  cases.push_back({"6_4_4", {}, {}, 1007, header + kKosme + bad.substr(0, 2)});
  for (const auto* start : {"\x80", "\xC0", "\xC1", "\xE0\x9F", "\xED\xA0", "\xF0\x8F", "\xF5", "\xFF", "\xE2\x28"}) {
    std::string name = "6_4_5";
    for (const char* c = start; *c != '\0'; ++c) {
      char digits[8];
      std::snprintf(digits, sizeof digits, "_%02X", static_cast<unsigned char>(*c));
      name += digits;
    }
    cases.push_back({name, {}, {}, 1007, header + start});
  }
  // A control frame between does not make it whole, nor forget it.
  cases.push_back(
      {"6_4_6", {more(text("\xE2\x82")), ping("\xFF"), continuation("\xAC")}, {pong("\xFF"), text("\xE2\x82\xAC")}});
  cases.push_back({"6_4_7", {more(text("\xE2\x82")), ping("\xAC"), continuation("a")}, {pong("\xAC")}, 1007});
}

}  // namespace

std::vector<WebSocketCase> utf8_cases() {
  std::vector<WebSocketCase> cases{
      {"6_1_1", {text("")}, {text("")}},
      {"6_1_2", {more(text("")), more(continuation("")), continuation("")}, {text("")}},
      {"6_1_3", {more(text("")), more(continuation("middle")), continuation("")}, {text("middle")}},
      {"6_24_next_message",
       {text("\xC3\xA9"), binary("\xFF"), text("\xC3\xA9")},
       {text("\xC3\xA9"), binary("\xFF"), text("\xC3\xA9")}},
  };
  for (std::size_t size = 1; size <= kKosme.size(); ++size) {  // 6.6: whole characters or not
    const bool valid = size == kKosme.size() || (kKosme[size] & 0xC0) != 0x80;
    WebSocketCase each{"6_6_" + std::to_string(size), {text(kKosme.substr(0, size))}, {}, valid ? 0 : 1007};
    if (valid) each.echoed = each.sent;
    cases.push_back(each);
  }
  for (const auto& group : utf8_groups()) add_group(cases, group);
  add_early(cases);
  return cases;
}

}  // namespace fieldcast::test

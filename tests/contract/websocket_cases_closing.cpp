// Section 7: closing.
#include "tests/contract/websocket_cases.hpp"

namespace fieldcast::test {

std::vector<WebSocketCase> closing_cases() {
  const Frame first = more(text("fragment1")), last = continuation("fragment2");
  const std::string large(256 * 1024, 'B');
  std::vector<WebSocketCase> cases{
      {"7_1_1", {text("Hello World!"), close_with(1000)}, {text("Hello World!")}, 1000},
      {"7_1_2", {close_with(1000), close_with(1000)}, {}, 1000},
      {"7_1_3", {close_with(1000), ping("")}, {}, 1000},
      {"7_1_4", {close_with(1000), text("Hello World!")}, {}, 1000},
      {"7_1_4_broken", {close_with(1000), reserved(7, text("Hello World!"))}, {}, 1000},
      {"7_1_5", {first, close_with(1000), last}, {}, 1000},
      {"7_1_6", {text(large), close_with(1000), text("Hello World!"), ping("")}, {text(large)}, 1000},
      {"7_3_1", {{Opcode::close, ""}}, {}, 1005},
      {"7_3_2", {{Opcode::close, "a"}}, {}, 1002},
      {"7_3_3", {close_with(1000)}, {}, 1000},
      {"7_3_4", {close_with(1000, "Hello World!")}, {}, 1000},
      {"7_3_5", {close_with(1000, std::string(123, '*'))}, {}, 1000},
      {"7_3_6", {close_with(1000, std::string(124, '*'))}, {}, 1002},
      {"7_5_1", {close_with(1000, "\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xED\xA0\x80")}, {}, 1007},
      {"7_5_2_cut", {close_with(1000, "\xCE")}, {}, 1007},
      {"7_5_3_long", {close_with(1000, std::string(122, '*') + "\xCE")}, {}, 1007},
      {"7_14_fragmented", {more(close_with(1000)), continuation("")}, {}, 1002},
  };
  for (const int code :
       {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999})
    cases.push_back({"7_7_" + std::to_string(code), {close_with(code)}, {}, code});
  for (const int code : {0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 9999, 65'535})
    cases.push_back({"7_9_" + std::to_string(code), {close_with(code)}, {}, 1002});
  return cases;
}

}  // namespace fieldcast::test

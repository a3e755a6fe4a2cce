// [H-14], [H-15]: sound requests with something changed at random, a few thousand, the same in every run.
#include <random>

#include "tests/contract/hostile.hpp"

namespace fieldcast::test {
namespace {

constexpr int kMutants = 10'000;

class Mutator {
 public:
  std::string next() {
    std::string bytes = bases_[below(bases_.size())];
    for (auto changes = 1 + below(3); changes > 0; --changes) change(bytes);
    return bytes;
  }

 private:
  std::size_t below(std::size_t bound) { return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_); }

  /// A place where a line begins.
  std::size_t a_line(const std::string& bytes) {
    const auto at = bytes.find('\n', below(bytes.size()));
    return at == std::string::npos ? 0 : at + 1;
  }

  void change(std::string& bytes) {
    if (bytes.size() < 2) return;
    const auto at = below(bytes.size());
    switch (below(7)) {
      case 0:
        bytes.insert(at, 1, kBytes[below(kBytes.size())]);
        break;
      case 1:
        bytes[at] = kBytes[below(kBytes.size())];
        break;
      case 2:
        bytes[at] = static_cast<char>(below(256));
        break;
      case 3:
        bytes.erase(at, 1 + below(2));
        break;
      case 4:
        bytes.insert(a_line(bytes), lines_[below(lines_.size())]);
        break;
      case 5: {  // a line once more
        const auto from = a_line(bytes);
        const auto line = bytes.substr(from, bytes.find('\n', from) - from + 1);
        bytes.insert(a_line(bytes), line);
        break;
      }
      default: {  // an end of a line that is another
        const auto end = bytes.find("\r\n", at);
        if (end != std::string::npos) bytes.replace(end, 2, ends_[below(ends_.size())]);
      }
    }
  }

  // What parsers look for.
  static constexpr std::string_view kBytes{"\r\n\0 \t:,;/.%?#*@\\\"'()[]+-_0159aAfFxX\v\f\x1f\x7f\x80\xff", 41};

  std::mt19937 random_{20'260'131};
  const std::vector<std::string> bases_{
      sound("Accept: */*\r\nUser-Agent: x\r\n"),
      sound("Content-Length: 5\r\n", "GET /"),
      sound("Content-Length: " + std::to_string(kInner.size()) + "\r\n", kInner),
      sound("Transfer-Encoding: chunked\r\n", "5\r\nGET /\r\n3;a=b\r\nabc\r\n0\r\nT: x\r\n\r\n"),
      sound("Connection: keep-alive\r\n") + sound(""),
      "GET http://127.0.0.1/healthz HTTP/1.1\r\n" + kHost + "\r\n",
      "GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
  };
  const std::vector<std::string> lines_{
      "Content-Length: 0\r\n",
      "Content-Length: 5\r\n",
      "Transfer-Encoding: chunked\r\n",
      "Transfer-Encoding: identity\r\n",
      kHost,
      "Host: evil\r\n",
      "Expect: 100-continue\r\n",
      "Connection: close\r\n",
      " folded\r\n",
      "Content-Length : 5\r\n",
      "\r\n",
      "0\r\n\r\n",
  };
  const std::vector<std::string> ends_{"\n", "\r", "\r\r\n", "\n\r", " \r\n", "\t\r\n", "\0"s, ""};
};

TEST(HostileHttp, MutatedRequests) {
  Mutator mutator;
  int taken = 0, refused = 0;
  for (int i = 0; i < kMutants && !HasFailure(); ++i) {
    const auto bytes = mutator.next();
    SCOPED_TRACE(std::to_string(i) + ": " + escaped(bytes));
    const auto ours = answers_to(port(), bytes, Behind::canary_and_end);
    expect_as_strict(ours, answers_to(shared_nginx().port(), bytes, Behind::canary_and_end));
    ++(ours.refused() ? refused : taken);
  }
  // Else the mutants are too mild, or too wild, to tell anything.
  EXPECT_GT(taken, kMutants / 10);
  EXPECT_GT(refused, kMutants / 3);
  EXPECT_EQ(http_get(port(), "/healthz").status, 200);
}

}  // namespace
}  // namespace fieldcast::test

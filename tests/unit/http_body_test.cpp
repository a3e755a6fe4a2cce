// The body of a request: where it ends, and each way in which chunks could be read in two ways.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "adapters/http/body.hpp"

namespace fieldcast::http {
namespace {

using State = Body::State;

struct Read {
  State state = State::more;
  std::string bytes;
  std::string rest;  // what the body left of its input
};

class HttpBody : public testing::Test {
 protected:
  static Request with_length(std::uint64_t length) {
    Request request;
    request.content_length = length;
    return request;
  }
  static Request with_chunks() {
    Request request;
    request.chunked = true;
    return request;
  }

  /// Fed in pieces of `step` bytes.
  static Read read(const Request& request, std::string_view input, std::size_t step, std::size_t limit = kBodyBytes) {
    Body body(request, limit, true);
    Read out;
    while (out.state == State::more && !input.empty()) {
      const auto piece = input.substr(0, step);
      auto left = piece;
      out.state = body.feed(left);
      input.remove_prefix(piece.size() - left.size());
    }
    out.bytes = body.take();
    out.rest = input;
    return out;
  }
};

TEST_F(HttpBody, EndsWhereTheNextRequestBegins) {
  const std::string next = "GET /next";
  for (std::size_t step = 1; step < 40; ++step) {
    const auto plain = read(with_length(5), "GET /" + next, step);
    EXPECT_EQ(plain.state, State::done);
    EXPECT_EQ(plain.bytes, "GET /");
    EXPECT_EQ(plain.rest, next);
    const auto chunked =
        read(with_chunks(),
             "3\r\nGET\r\n00C;x=\"y\";z\r\n0\r\n\r\nGET /x\n\r\n0\r\nT: u\r\nContent-Length: 9\r\n\r\n" + next, step);
    EXPECT_EQ(chunked.state, State::done);
    EXPECT_EQ(chunked.bytes, "GET0\r\n\r\nGET /x\n");
    EXPECT_EQ(chunked.rest, next);
    EXPECT_EQ(read(with_chunks(), "0\r\n\r\n" + next, step).rest, next);
  }
}

TEST_F(HttpBody, TakesNothingIntoMemoryThatIsThrownAway) {
  Body body(with_chunks(), kBodyBytes, false);
  std::string_view input = "3\r\none\r\n0\r\n\r\n";
  EXPECT_EQ(body.feed(input), State::done);
  EXPECT_EQ(body.take(), "");
}

TEST_F(HttpBody, RefusesChunksThatTwoReadersCouldReadInTwoWays) {
  const std::string end = "\r\n0\r\n\r\n";
  for (const std::string& input : std::vector<std::string>{
           "\r\n" + end,
           "x\r\nabc" + end,
           "-3\r\nabc" + end,
           "+3\r\nabc" + end,
           " 3\r\nabc" + end,
           "0x3\r\nabc" + end,
           "3 \r\nabc" + end,
           "3\t;x\r\nabc" + end,
           "3\nabc" + end,
           "3\r\nabc\n0\r\n\r\n",
           "3\rabc" + end,
           "3\r\r\nabc" + end,
           "3;a\nb\r\nabc" + end,
           "3;a\rb\r\nabc" + end,
           "3;\x01\r\nabc" + end,
           std::string("3;\0\r\nabc", 9) + end,
           "3\r\nabcd" + end,
           "3\r\nab" + end,
           "3\r\nabc\r0\r\n\r\n",
           "3\r\nabcX\r\n0\r\n\r\n",
           "10000000000000003\r\nabc" + end,
           "0\r\nno field\r\n\r\n",
           "0\r\nA: b\r\n c\r\n\r\n",
           "0\r\nA : b\r\n\r\n",
           "0\r\nA: b\n\n",
           "0\r\n\n",
           "3;" + std::string(5'000, 'x') + "\r\nabc" + end,
       })
    for (const std::size_t step : {std::size_t{1}, input.size()})
      EXPECT_EQ(read(with_chunks(), input, step).state, State::faulty) << input << " in pieces of " << step;
}

TEST_F(HttpBody, RefusesAtOnceWhatBecomesNoChunk) {
  for (const char* input : {"GET", "\n", "3\r\nabcG", "3\r\nabc\rG"})
    EXPECT_EQ(read(with_chunks(), input, 1).state, State::faulty) << input;
}

TEST_F(HttpBody, IsBoundedWithItsFraming) {
  const std::string whole = "3\r\none\r\n4;x=y\r\n two\r\n0\r\nTrailer: x\r\n\r\n";
  for (std::size_t step = 1; step <= whole.size(); ++step) {
    EXPECT_EQ(read(with_chunks(), whole, step, whole.size()).bytes, "one two");
    EXPECT_EQ(read(with_chunks(), whole, step, whole.size() - 1).state, State::too_large);
  }
  EXPECT_EQ(read(with_length(5), "12345", 2, 4).state, State::too_large);

  std::string endless;
  while (endless.size() <= kBodyBytes) endless += "1\r\nx\r\n";
  EXPECT_EQ(read(with_chunks(), endless, 100).state, State::too_large);
  std::string trailer = "0\r\n";
  while (trailer.size() <= kBodyBytes) trailer += "A: b\r\n";
  EXPECT_EQ(read(with_chunks(), trailer, 100).state, State::too_large);
  EXPECT_EQ(read(with_chunks(), "ffffffffffffffff\r\n" + std::string(kBodyBytes, 'x'), 1'000).state, State::too_large);
}

}  // namespace
}  // namespace fieldcast::http

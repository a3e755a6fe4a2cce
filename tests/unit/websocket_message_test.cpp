// What clients say over a WebSocket: shape, ids, and what is wrong with it.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "adapters/websocket/message.hpp"

namespace fieldcast::websocket {
namespace {

constexpr std::size_t kMaxFilters = 3;

Request good(std::string_view text) {
  auto parsed = parse_message(text, kMaxFilters);
  if (const auto* faulty = std::get_if<Faulty>(&parsed)) {
    ADD_FAILURE() << text << ": " << faulty->problem.detail;
    return {};
  }
  return std::get<Request>(parsed);
}

void expect_faulty(std::string_view text, std::string_view id, Code code) {
  const auto parsed = parse_message(text, kMaxFilters);
  const auto* faulty = std::get_if<Faulty>(&parsed);
  ASSERT_NE(faulty, nullptr) << text;
  EXPECT_EQ(faulty->id, id) << text;
  EXPECT_EQ(info(faulty->problem.code).word, info(code).word) << text;
  EXPECT_FALSE(faulty->problem.detail.empty()) << text;
}

TEST(WebsocketMessage, subscribe) {
  const Request request = good(R"({"op":"subscribe","id":1,"topics":["b/#","a/+"],"from":"latest"})");
  EXPECT_EQ(request.op, Request::Op::subscribe);
  EXPECT_EQ(request.id, "1");
  EXPECT_EQ(request.topics, FilterSet({"a/+", "b/#"}));
  EXPECT_EQ(request.from.kind, From::Kind::latest);
}

TEST(WebsocketMessage, subscribe_starts_with_the_next_reading_by_default) {
  EXPECT_EQ(good(R"({"op":"subscribe","id":1,"topics":["a"]})").from.kind, From::Kind::now);
}

TEST(WebsocketMessage, unsubscribe) {
  const Request request = good(R"({"topics":["a/+"],"id":"two","op":"unsubscribe"})");
  EXPECT_EQ(request.op, Request::Op::unsubscribe);
  EXPECT_EQ(request.id, "\"two\"");
  EXPECT_EQ(request.topics, FilterSet({"a/+"}));
}

TEST(WebsocketMessage, publish_is_told_by_op_and_id_alone) {
  const Request request = good(R"({"topic":7,"payload":{"deep":[[[[18446744073709551616]]]]},"op":"publish","id":3})");
  EXPECT_EQ(request.op, Request::Op::publish);
  EXPECT_EQ(request.id, "3");
  expect_faulty(R"({"topic":"a","payload":1,"op":"publish"})", "null", Code::bad_message);
}

TEST(WebsocketMessage, members_that_are_not_known_are_ignored_however_deep) {
  const std::string deep(100'000, '[');
  const Request request = good(R"({"op":"subscribe","id":1,"note":{"a":[1,{"b":)" + deep + std::string(100'000, ']') +
                               R"(}]},"topics":["a"],"more":null})");
  EXPECT_EQ(request.topics, FilterSet({"a"}));
}

TEST(WebsocketMessage, an_id_comes_back_as_the_same_json) {
  for (const char* id : {"0", "-7", "1.5", "9007199254740993", "18446744073709551615", R"("")", R"("a\"b\\\n")",
                         "\"\xC3\xA9\"", R"("null")"}) {
    EXPECT_EQ(good(std::string(R"({"op":"subscribe","topics":["a"],"id":)") + id + "}").id, id);
  }
}

TEST(WebsocketMessage, an_id_is_a_number_or_a_string_of_bounded_length) {
  for (const char* id : {"null", "true", "[1]", "{}", "1e999"}) {
    expect_faulty(std::string(R"({"op":"subscribe","topics":["a"],"id":)") + id + "}", "null", Code::bad_message);
  }
  expect_faulty(R"({"op":"subscribe","topics":["a"]})", "null", Code::bad_message);
  const auto with_id = [](std::size_t size) {
    return R"({"op":"subscribe","topics":["a"],"id":")" + std::string(size, 'x') + "\"}";
  };
  EXPECT_EQ(good(with_id(kIdBytes - 2)).id.size(), kIdBytes);
  expect_faulty(with_id(kIdBytes - 1), "null", Code::bad_message);
}

TEST(WebsocketMessage, what_is_no_json_object_is_a_bad_message) {
  using namespace std::string_literals;
  const std::string whole = R"({"op":"subscribe","id":1,"topics":["a"]})";
  for (const std::string& text : {""s, "hello"s, "1"s, "null"s, "[" + whole + "]", whole + whole, whole + "\0x"s,
                                  whole.substr(0, whole.size() - 1), std::string(200'000, '[')}) {
    expect_faulty(text, "null", Code::bad_message);
  }
}

TEST(WebsocketMessage, the_other_members_are_checked) {
  expect_faulty(R"({"id":1,"topics":["a"]})", "1", Code::bad_message);
  expect_faulty(R"({"id":1,"op":7,"topics":["a"]})", "1", Code::bad_message);
  expect_faulty(R"({"id":"x","op":"dance","topics":["a"]})", "\"x\"", Code::bad_message);
  for (const char* topics : {"", R"(,"topics":[])", R"(,"topics":"a")", R"(,"topics":["a",1])", R"(,"topics":[["a"]])",
                             R"(,"topics":{"a":"b"})"}) {
    expect_faulty(std::string(R"({"id":1,"op":"subscribe")") + topics + "}", "1", Code::bad_message);
  }
  expect_faulty(R"({"id":1,"op":"subscribe","topics":["a"],"from":7})", "1", Code::bad_message);
  expect_faulty(R"({"id":1,"op":"subscribe","topics":["a"],"from":null})", "1", Code::bad_message);
}

TEST(WebsocketMessage, topics_and_from_have_codes_of_their_own) {
  expect_faulty(R"({"id":1,"op":"subscribe","topics":["a/#/b"]})", "1", Code::bad_filter);
  expect_faulty(R"({"id":1,"op":"unsubscribe","topics":[""]})", "1", Code::bad_filter);
  expect_faulty(R"({"id":1,"op":"subscribe","topics":["a","b","c","d"]})", "1", Code::too_many);
  expect_faulty(R"({"id":1,"op":"subscribe","topics":["a"],"from":"yesterday"})", "1", Code::bad_from);
}

}  // namespace
}  // namespace fieldcast::websocket
